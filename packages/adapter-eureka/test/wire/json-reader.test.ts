import { describe, expect, test } from 'vitest'
import { EurekaError } from '../../src/errors.ts'
import { effectiveId } from '../../src/wire/instance-info.ts'
import { readInstanceJson } from '../../src/wire/json-reader.ts'
import { wireLimits } from '../../src/wire/limits.ts'
import { javaAmazon, javaOwn, javascript, python, springCloud, steeltoe } from './registrations.ts'

const { instance } = javaOwn
const refusal = (body: unknown): string => {
  try {
    readInstanceJson(body)
  } catch (error) {
    if (error instanceof EurekaError) return error.message
    throw error
  }
  return 'accepted'
}

describe('registrations of real clients', () => {
  test('Java in a data center of its own is read field by field', () => {
    expect(readInstanceJson(javaOwn)).toEqual({
      instanceId: 'orders-1',
      hostName: 'orders-1.internal',
      app: 'ORDERS',
      ipAddr: '10.1.0.4',
      sid: undefined,
      status: 'UP',
      overriddenStatus: 'UNKNOWN',
      port: { port: 8080, enabled: true },
      securePort: { port: 8443, enabled: false },
      countryId: 1,
      dataCenterInfo: {
        class: 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo',
        name: 'MyOwn',
        metadata: undefined,
      },
      leaseInfo: {
        renewalIntervalInSecs: 30,
        durationInSecs: 90,
        registrationTimestamp: 0,
        lastRenewalTimestamp: 0,
        evictionTimestamp: 0,
        serviceUpTimestamp: 0,
      },
      metadata: {},
      appGroupName: undefined,
      homePageUrl: 'http://orders-1.internal:8080/',
      statusPageUrl: 'http://orders-1.internal:8080/Status',
      healthCheckUrl: 'http://orders-1.internal:8080/healthcheck',
      secureHealthCheckUrl: undefined,
      vipAddress: 'orders.internal',
      secureVipAddress: 'orders.internal',
      asgName: undefined,
      isCoordinatingDiscoveryServer: false,
      lastUpdatedTimestamp: 1700000000000,
      lastDirtyTimestamp: 1700000000123,
      actionType: undefined,
    })
  })

  test('Java on Amazon is known by the id that Amazon gave it', () => {
    const info = readInstanceJson(javaAmazon)
    expect(effectiveId(info)).toBe('i-0abc')
    expect(info.dataCenterInfo).toEqual({
      class: 'com.netflix.appinfo.AmazonInfo',
      name: 'Amazon',
      metadata: javaAmazon.instance.dataCenterInfo.metadata,
    })
    expect(info).toMatchObject({ status: 'STARTING', metadata: { team: 'blue' }, asgName: 'ratings-v012' })
    expect(info.leaseInfo.lastRenewalTimestamp).toBe(1700000000500)
    expect(info.actionType).toBe('ADDED')
  })

  test('an id of Amazon that is empty is none', () => {
    const dataCenterInfo = { name: 'Amazon', metadata: { 'instance-id': '' } }
    expect(effectiveId(readInstanceJson({ hostName: 'h', dataCenterInfo }))).toBe('h')
  })

  test('Spring Cloud may give numbers for times, and null for what it has not', () => {
    expect(readInstanceJson(springCloud)).toMatchObject({
      instanceId: 'host-9:billing:8081',
      appGroupName: 'MONEY',
      secureHealthCheckUrl: undefined,
      asgName: undefined,
      actionType: undefined,
      lastDirtyTimestamp: 1700000001500,
      leaseInfo: { renewalIntervalInSecs: 10, durationInSecs: 30 },
      metadata: { 'management.port': '9001', zone: 'zone1' },
    })
  })

  test('JavaScript may give bare ports, no class, and values that are no texts', () => {
    const info = readInstanceJson(javascript)
    expect(effectiveId(info)).toBe('localhost')
    expect(info).toMatchObject({
      app: 'jqservice',
      port: { port: 3000, enabled: true },
      securePort: { port: 3443, enabled: true },
      dataCenterInfo: { class: undefined, name: 'MyOwn' },
      leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
      lastDirtyTimestamp: 0,
    })
    expect(info.metadata).toEqual({ weight: '10', canary: 'true' })
  })

  test('Python writes the overridden status in lower case, and empty', () => {
    expect(readInstanceJson(python)).toMatchObject({
      overriddenStatus: 'UNKNOWN',
      secureHealthCheckUrl: '',
      leaseInfo: { serviceUpTimestamp: 1700000002000 },
      lastDirtyTimestamp: 1700000002000,
    })
  })

  test('Steeltoe is read like the others', () => {
    expect(readInstanceJson(steeltoe)).toMatchObject({
      instanceId: 'win-7:fortunes:5000',
      status: 'STARTING',
      metadata: {},
      sid: undefined,
    })
  })
})

describe('what is tolerated', () => {
  const read = (fields: object) => readInstanceJson({ instance: { ...instance, ...fields } })

  test('the object may come without its envelope', () => {
    expect(readInstanceJson(instance)).toEqual(readInstanceJson(javaOwn))
  })

  test.each([
    [8080, { port: 8080, enabled: true }],
    ['8080', { port: 8080, enabled: true }],
    [
      { $: '8080', '@enabled': false },
      { port: 8080, enabled: false },
    ],
    [{ $: 8080 }, { port: 8080, enabled: true }],
    [{ '@enabled': 'FALSE' }, { port: 7001, enabled: false }],
    [null, { port: 7001, enabled: true }],
    ['', { port: 7001, enabled: true }],
  ])('a port may be %j', (port, expected) => {
    expect(read({ port }).port).toEqual(expected)
  })

  test('a secure port is enabled only when it says so', () => {
    expect(read({ securePort: { $: 1, '@enabled': 'yes' } }).securePort.enabled).toBe(false)
    expect(read({ securePort: { $: 1, '@enabled': 'True' } }).securePort.enabled).toBe(true)
    expect(read({ securePort: 1 }).securePort).toEqual({ port: 1, enabled: false })
  })

  test.each([
    [{ overriddenstatus: 'OUT_OF_SERVICE', overriddenStatus: undefined }, 'OUT_OF_SERVICE'],
    [{ overriddenStatus: 'DOWN' }, 'DOWN'],
    [{ overriddenStatus: 'down' }, 'DOWN'],
    [{ overriddenStatus: 'ASLEEP' }, 'UNKNOWN'],
    [{ overriddenStatus: null }, 'UNKNOWN'],
  ])('an overridden status given as %j is %s', (fields, expected) => {
    expect(read(fields).overriddenStatus).toBe(expected)
  })

  test('a status that is not known is UNKNOWN, and one that is absent is UP', () => {
    expect(read({ status: 'ASLEEP' }).status).toBe('UNKNOWN')
    expect(read({ status: '' }).status).toBe('UNKNOWN')
    expect(read({ status: undefined }).status).toBe('UP')
  })

  test('a lease without a duration, or with one that is none, has the default', () => {
    const lease = { renewalIntervalInSecs: '0', durationInSecs: -5, lastRenewalTimestamp: 7.9 }
    expect(read({ leaseInfo: lease }).leaseInfo).toMatchObject({
      renewalIntervalInSecs: 30,
      durationInSecs: 90,
      lastRenewalTimestamp: 7,
    })
    expect(read({ leaseInfo: null }).leaseInfo.durationInSecs).toBe(90)
  })

  test('what is missing is empty, for the registration to judge', () => {
    expect(readInstanceJson({})).toMatchObject({
      instanceId: undefined,
      hostName: '',
      app: '',
      ipAddr: '',
      dataCenterInfo: { class: undefined, name: '', metadata: undefined },
      metadata: {},
    })
  })

  test('a vip address stays byte for byte', () => {
    expect(read({ vipAddress: ' A,b , Ä\n' }).vipAddress).toBe(' A,b , Ä\n')
  })

  test('names of properties are keys like others', () => {
    const body: unknown = JSON.parse('{"metadata":{"constructor":"a","prototype":"b","hasOwnProperty":"c"}}')
    expect(readInstanceJson(body).metadata).toEqual({ constructor: 'a', prototype: 'b', hasOwnProperty: 'c' })
  })

  test('fields that are inherited are not there', () => {
    const body: unknown = JSON.parse('{"__proto__":{"instance":{"app":"A"},"polluted":1},"app":"B"}')
    expect(readInstanceJson(body).app).toBe('B')
    expect({}).not.toHaveProperty('polluted')
  })
})

describe('what is refused', () => {
  test.each([
    [null, 'EUREKA_BODY_INVALID: body: is not an object'],
    ['text', 'EUREKA_BODY_INVALID: body: is not an object'],
    [[instance], 'EUREKA_BODY_INVALID: body: is not an object'],
    [{ instance: null }, 'EUREKA_BODY_INVALID: instance: is not an object'],
    [{ instance: [instance] }, 'EUREKA_BODY_INVALID: instance: is not an object'],
  ])('a body %j', (body, message) => {
    expect(refusal(body)).toBe(message)
  })

  test.each([
    [{ hostName: {} }, 'hostName: is not a text'],
    [{ app: ['A'] }, 'app: is not a text'],
    [{ instanceId: 'a\nb' }, 'instanceId: has control characters'],
    [{ instanceId: 'a\u007f' }, 'instanceId: has control characters'],
    [{ hostName: '\0' }, 'hostName: has control characters'],
    [{ status: {} }, 'status: is not a text'],
    [{ port: 70000 }, 'port: is from 0 to 65535'],
    [{ port: { $: -1 } }, 'port: is from 0 to 65535'],
    [{ port: [80] }, 'port: is not a number'],
    [{ port: true }, 'port: is not a number'],
    [{ port: '0x50' }, 'port: is not a number'],
    [{ securePort: { $: 'NaN' } }, 'securePort: is not a number'],
    [{ countryId: '1e3' }, 'countryId: is not a number'],
    [{ lastDirtyTimestamp: 'yesterday' }, 'lastDirtyTimestamp: is not a number'],
    [{ lastDirtyTimestamp: -1 }, 'lastDirtyTimestamp: is from 0 to 9007199254740991'],
    [{ lastUpdatedTimestamp: '9'.repeat(16) }, 'lastUpdatedTimestamp: is from 0 to 9007199254740991'],
    [{ lastUpdatedTimestamp: '9'.repeat(17) }, 'lastUpdatedTimestamp: is not a number'],
    [{ leaseInfo: 'long' }, 'leaseInfo: is not an object'],
    [{ leaseInfo: [] }, 'leaseInfo: is not an object'],
    [
      { leaseInfo: { durationInSecs: 2 ** 31 } },
      'leaseInfo.durationInSecs: is from -2147483647 to 2147483647',
    ],
    [{ dataCenterInfo: 'MyOwn' }, 'dataCenterInfo: is not an object'],
    [{ dataCenterInfo: { name: 'Moon' } }, 'dataCenterInfo.name: is one of MyOwn, Amazon, Netflix'],
    [{ dataCenterInfo: { name: 'Amazon', metadata: 1 } }, 'dataCenterInfo.metadata: is not an object'],
    [{ metadata: ['a'] }, 'metadata: is not an object'],
    [{ metadata: 'a' }, 'metadata: is not an object'],
    [{ metadata: { deep: { er: 1 } } }, 'metadata.deep: is not a text'],
    [{ metadata: { half: '\ud800' } }, 'metadata.half: has half of a surrogate pair'],
    [{ metadata: { '\udc00': '' } }, 'metadata: a key: has half of a surrogate pair'],
    [{ metadata: JSON.parse('{"__proto__":"a"}') as object }, 'metadata: has a key __proto__'],
  ])('a field %j', (fields, message) => {
    expect(refusal({ instance: { ...instance, ...fields } })).toBe(`EUREKA_BODY_INVALID: ${message}`)
  })

  const entries = (count: number, value: string) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]))

  test.each([
    ['names', { hostName: 'ä'.repeat(129) }, 'hostName: has 258 bytes, at most 256'],
    ['addresses', { vipAddress: 'v'.repeat(2_049) }, 'vipAddress: has 2049 bytes, at most 2048'],
    [
      'class names',
      { dataCenterInfo: { name: 'MyOwn', '@class': 'c'.repeat(257) } },
      'dataCenterInfo.@class: has 257',
    ],
    ['many entries', { metadata: entries(65, 'v') }, 'metadata: has 65 entries, at most 64'],
    ['keys', { metadata: { ['k'.repeat(257)]: '' } }, 'metadata: a key: has 257 bytes, at most 256'],
    ['values', { metadata: { k: 'v'.repeat(8_193) } }, 'metadata.k: has 8193 bytes, at most 8192'],
    ['all of it', { metadata: entries(9, 'v'.repeat(8_000)) }, 'instance: has more than 65536 bytes'],
    ['all of it', { metadata: entries(64, 'ä'.repeat(512)) }, 'instance: has more than 65536 bytes'],
  ])('%s that are too large', (_, fields, message) => {
    expect(refusal({ instance: { ...instance, ...fields } })).toContain(`EUREKA_BODY_TOO_LARGE: ${message}`)
  })

  test('the largest that the limits allow is accepted', () => {
    const metadata = entries(wireLimits.metadataMaxEntries, 'v'.repeat(900))
    expect(Object.keys(readInstanceJson({ instance: { ...instance, metadata } }).metadata)).toHaveLength(64)
  })
})
