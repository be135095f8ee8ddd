import { describe, expect, test } from 'vitest'
import { fromXmlName, toXmlName } from '../../src/wire/xml-text.ts'
import {
  writeInstanceXml,
  xmlApplication,
  xmlApplicationEnvelope,
  xmlApplications,
  xmlInstance,
} from '../../src/wire/xml-writer.ts'
import { complete, plain } from './instances.ts'

describe('an instance', () => {
  test('has its elements in the order and by the names of Eureka', () => {
    expect(writeInstanceXml(complete)).toBe(
      '<instance><instanceId>host:app:8080</instanceId><hostName>host</hostName><app>APP</app>' +
        '<ipAddr>10.0.0.1</ipAddr><sid>sid</sid><status>UP</status><overriddenstatus>UNKNOWN</overriddenstatus>' +
        '<port enabled="true">8080</port><securePort enabled="false">8443</securePort><countryId>1</countryId>' +
        '<dataCenterInfo class="com.netflix.appinfo.AmazonInfo"><name>Amazon</name><metadata>' +
        '<instance-id>i-1</instance-id><availability-zone>a</availability-zone><ami-id>ami-1</ami-id></metadata>' +
        '</dataCenterInfo><leaseInfo><renewalIntervalInSecs>30</renewalIntervalInSecs>' +
        '<durationInSecs>90</durationInSecs><registrationTimestamp>1</registrationTimestamp>' +
        '<lastRenewalTimestamp>2</lastRenewalTimestamp><evictionTimestamp>0</evictionTimestamp>' +
        '<serviceUpTimestamp>3</serviceUpTimestamp></leaseInfo><metadata><zone>a</zone></metadata>' +
        '<appGroupName>GROUP</appGroupName><homePageUrl>http://host/</homePageUrl>' +
        '<statusPageUrl>http://host/status</statusPageUrl><healthCheckUrl>http://host/health</healthCheckUrl>' +
        '<secureHealthCheckUrl>https://host/health</secureHealthCheckUrl><vipAddress>app,App2</vipAddress>' +
        '<secureVipAddress>app</secureVipAddress><asgName>asg</asgName>' +
        '<isCoordinatingDiscoveryServer>false</isCoordinatingDiscoveryServer>' +
        '<lastUpdatedTimestamp>4</lastUpdatedTimestamp><lastDirtyTimestamp>5</lastDirtyTimestamp>' +
        '<actionType>MODIFIED</actionType></instance>',
    )
  })

  test('compact has only what it takes to call it', () => {
    expect(writeInstanceXml(complete, 'compact')).toBe(
      '<instance><instanceId>host:app:8080</instanceId><hostName>host</hostName><app>APP</app>' +
        '<ipAddr>10.0.0.1</ipAddr><status>UP</status><port enabled="true">8080</port>' +
        '<securePort enabled="false">8443</securePort><dataCenterInfo class="com.netflix.appinfo.AmazonInfo">' +
        '<name>Amazon</name><metadata><instance-id>i-1</instance-id><availability-zone>a</availability-zone>' +
        '</metadata></dataCenterInfo><vipAddress>app,App2</vipAddress><secureVipAddress>app</secureVipAddress>' +
        '<asgName>asg</asgName><lastUpdatedTimestamp>4</lastUpdatedTimestamp><actionType>MODIFIED</actionType>' +
        '</instance>',
    )
  })

  test('leaves out what it has not, and says that its metadata is empty', () => {
    const encoded = writeInstanceXml(plain)
    expect(encoded).toContain('<metadata class="java.util.Collections$EmptyMap"/>')
    expect(encoded).not.toMatch(/instanceId|sid|vipAddress|asgName|actionType/)
  })

  const metadataOf = (metadata: Readonly<Record<string, string>>) =>
    /<metadata.*?(?:\/>|<\/metadata>)/s.exec(writeInstanceXml({ ...plain, metadata }))?.[0]

  test.each([
    ['a&b<c>d"e\'f', 'a&amp;b&lt;c&gt;d"e\'f'],
    [']]>', ']]&gt;'],
    ['&amp;', '&amp;amp;'],
    [' a\tb\n', ' a\tb\n'],
    ['a\r\nb', 'a&#13;\nb'],
    ['\0\u0001\u001f\ufffe\uffff', '\ufffd'.repeat(5)],
    ['a\ud800b\udc00', 'a\ufffdb\ufffd'],
    ['\ud83d\ude00 ä 名', '\ud83d\ude00 ä 名'],
  ])('writes the text %j as %j', (text, expected) => {
    expect(metadataOf({ key: text })).toBe(`<metadata><key>${expected}</key></metadata>`)
  })

  test.each([
    ['my_key', 'my__key'],
    ['_', '__'],
    ['$', '_-'],
    ['_-', '__-'],
    ['a$_b', 'a_-__b'],
    ['management.port', 'management.port'],
    ['größe', 'größe'],
    ['名前', '名前'],
    ['__proto__', '____proto____'],
  ])('writes the key %s as the element %s, which reads as the same key', (key, name) => {
    expect(toXmlName(key)).toBe(name)
    expect(fromXmlName(name)).toBe(key)
  })

  test.each(['', ' ', 'a b', '1st', '-a', '.a', 'a:b', 'a/b', 'a<b', 'a>', '@class', '\ud83d\ude00', 'a\n'])(
    'leaves out the key %j, which can be no element',
    (key) => {
      expect(toXmlName(key)).toBeUndefined()
      expect(metadataOf({ [key]: 'x', b: 'y' })).toBe('<metadata><b>y</b></metadata>')
      expect(metadataOf({ [key]: 'x' })).toBe('<metadata class="java.util.Collections$EmptyMap"/>')
    },
  )
})

test('envelopes are elements around what is encoded', () => {
  const one = writeInstanceXml(plain)
  expect(xmlInstance(one)).toBe(one)
  const application = xmlApplication('a&b', [one, one])
  expect(application).toBe(`<application><name>A&amp;B</name>${one}${one}</application>`)
  expect(xmlApplicationEnvelope(application)).toBe(application)
  expect(xmlApplications({ version: '7', hashCode: 'UP_2_' }, [application])).toBe(
    `<applications><versions__delta>7</versions__delta><apps__hashcode>UP_2_</apps__hashcode>${application}</applications>`,
  )
  expect(xmlApplications({ version: '1', hashCode: '' }, [])).toBe(
    '<applications><versions__delta>1</versions__delta><apps__hashcode></apps__hashcode></applications>',
  )
})
