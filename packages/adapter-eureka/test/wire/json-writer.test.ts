import { describe, expect, test } from 'vitest'
import {
  jsonApplication,
  jsonApplicationEnvelope,
  jsonApplications,
  jsonInstance,
  writeInstanceJson,
} from '../../src/wire/json-writer.ts'
import { complete, plain } from './instances.ts'

describe('an instance', () => {
  test('has its fields in the order and with the types that the strictest clients need', () => {
    expect(writeInstanceJson(complete)).toBe(
      '{"instanceId":"host:app:8080","hostName":"host","app":"APP","ipAddr":"10.0.0.1","sid":"sid","status":"UP",' +
        '"overriddenStatus":"UNKNOWN","port":{"$":8080,"@enabled":"true"},"securePort":{"$":8443,"@enabled":"false"},' +
        '"countryId":1,"dataCenterInfo":{"@class":"com.netflix.appinfo.AmazonInfo","name":"Amazon","metadata":' +
        '{"instance-id":"i-1","availability-zone":"a","ami-id":"ami-1"}},"leaseInfo":{"renewalIntervalInSecs":30,' +
        '"durationInSecs":90,"registrationTimestamp":1,"lastRenewalTimestamp":2,"evictionTimestamp":0,' +
        '"serviceUpTimestamp":3},"metadata":{"zone":"a"},"appGroupName":"GROUP","homePageUrl":"http://host/",' +
        '"statusPageUrl":"http://host/status","healthCheckUrl":"http://host/health",' +
        '"secureHealthCheckUrl":"https://host/health","vipAddress":"app,App2","secureVipAddress":"app",' +
        '"asgName":"asg","isCoordinatingDiscoveryServer":"false","lastUpdatedTimestamp":"4",' +
        '"lastDirtyTimestamp":"5","actionType":"MODIFIED"}',
    )
  })

  test('leaves out what it has not, and writes metadata that is empty as Java does', () => {
    expect(writeInstanceJson(plain)).toBe(
      '{"hostName":"host","app":"APP","ipAddr":"10.0.0.1","status":"UP","overriddenStatus":"UNKNOWN",' +
        '"port":{"$":8080,"@enabled":"true"},"securePort":{"$":8443,"@enabled":"false"},"countryId":1,' +
        '"dataCenterInfo":{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"MyOwn"},' +
        '"leaseInfo":{"renewalIntervalInSecs":30,"durationInSecs":90,"registrationTimestamp":1,' +
        '"lastRenewalTimestamp":2,"evictionTimestamp":0,"serviceUpTimestamp":3},' +
        '"metadata":{"@class":"java.util.Collections$EmptyMap"},"isCoordinatingDiscoveryServer":"false",' +
        '"lastUpdatedTimestamp":"4","lastDirtyTimestamp":"5"}',
    )
  })

  test('compact has only what it takes to call it', () => {
    expect(writeInstanceJson(complete, 'compact')).toBe(
      '{"instanceId":"host:app:8080","hostName":"host","app":"APP","ipAddr":"10.0.0.1","status":"UP",' +
        '"port":{"$":8080,"@enabled":"true"},"securePort":{"$":8443,"@enabled":"false"},' +
        '"dataCenterInfo":{"@class":"com.netflix.appinfo.AmazonInfo","name":"Amazon","metadata":' +
        '{"instance-id":"i-1","availability-zone":"a"}},"vipAddress":"app,App2","secureVipAddress":"app",' +
        '"asgName":"asg","lastUpdatedTimestamp":"4","actionType":"MODIFIED"}',
    )
  })

  test('has its application in upper case', () => {
    expect(writeInstanceJson({ ...plain, app: 'app' })).toContain('"app":"APP"')
  })

  test.each([
    [undefined, 'MyOwn', 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo'],
    [undefined, 'Netflix', 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo'],
    [undefined, 'Amazon', 'com.netflix.appinfo.AmazonInfo'],
    ['com.netflix.appinfo.MyDataCenterInfo', 'MyOwn', 'com.netflix.appinfo.MyDataCenterInfo'],
    ['com.netflix.appinfo.AmazonInfo', 'MyOwn', 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo'],
    ['javax.script.ScriptEngineManager', 'MyOwn', 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo'],
    ['javax.script.ScriptEngineManager', 'Amazon', 'com.netflix.appinfo.AmazonInfo'],
  ])('that gave the class %s for %s is written with %s', (given, name, expected) => {
    const dataCenterInfo = { class: given, name, metadata: undefined }
    expect(JSON.parse(writeInstanceJson({ ...plain, dataCenterInfo }))).toMatchObject({
      dataCenterInfo: { '@class': expected },
    })
  })

  test('escapes what JSON has to, half a surrogate pair among it', () => {
    const encoded = writeInstanceJson({ ...plain, metadata: { 'a"b': '\n\u0001\\\ud800</script>' } })
    expect(encoded).toContain(String.raw`"metadata":{"a\"b":"\n\u0001\\\ud800</script>"}`)
  })
})

describe('envelopes', () => {
  test('go around what is encoded', () => {
    expect(jsonInstance('{"a":1}')).toBe('{"instance":{"a":1}}')
    const application = jsonApplication('shop "1"', ['{"a":1}', '{"a":2}'])
    expect(application).toBe(String.raw`{"name":"SHOP \"1\"","instance":[{"a":1},{"a":2}]}`)
    expect(jsonApplicationEnvelope(application)).toBe(`{"application":${application}}`)
    expect(jsonApplications({ version: '7', hashCode: 'UP_2_' }, [application, application])).toBe(
      `{"applications":{"versions__delta":"7","apps__hashcode":"UP_2_","application":[${application},${application}]}}`,
    )
  })

  test('of no applications have an empty list', () => {
    expect(jsonApplications({ version: '1', hashCode: '' }, [])).toBe(
      '{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}',
    )
  })
})
