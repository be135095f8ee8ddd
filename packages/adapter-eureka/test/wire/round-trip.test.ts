import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dataCenterClass } from '../../src/wire/instance-form.ts'
import { type ActionType, type InstanceInfo, instanceStatuses } from '../../src/wire/instance-info.ts'
import { readInstanceJson } from '../../src/wire/json-reader.ts'
import { jsonInstance, writeInstanceJson } from '../../src/wire/json-writer.ts'
import { readInstanceXml } from '../../src/wire/xml-reader.ts'
import { toXmlName } from '../../src/wire/xml-text.ts'
import { writeInstanceXml, xmlInstance } from '../../src/wire/xml-writer.ts'

// What a client may give: any text that is Unicode, and names without control characters. Small enough
// that all of an instance is within its limits.
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom(
      '&',
      '<',
      '>',
      '"',
      "'",
      ']',
      '\r',
      '\n',
      '\t',
      ' ',
      'a',
      ';',
      '#',
      'x',
      '\0',
      '\uffff',
      '😀',
    ),
    maxLength: 40,
  }),
)
const name = text.map((value) => value.replace(/\p{Cc}/gu, '_'))
const key = fc.oneof(
  name,
  fc.string({ unit: fc.constantFrom('_', '$', '-', '.', 'a', '1', ':', ' ', 'ä', '名'), maxLength: 12 }),
  fc.constantFrom(
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '_proto_',
    'valueOf',
    'xml',
    'length',
  ),
)
const metadata = fc.dictionary(
  key.filter((given) => given !== '@class' && given !== '__proto__'),
  text,
  { maxKeys: 12, noNullPrototype: true },
)
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(model, { noNullPrototype: true })
const status = fc.constantFrom(...instanceStatuses)
const timestamp = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const seconds = fc.integer({ min: 1, max: 2 ** 31 - 1 })
const port = record({ port: fc.nat(65_535), enabled: fc.boolean() })

const dataCenter = fc.oneof(
  record({
    class: optional(fc.constantFrom('com.netflix.appinfo.MyDataCenterInfo', 'java.lang.Object')),
    name: fc.constantFrom('MyOwn', 'Netflix'),
    metadata: fc.constant(undefined),
  }),
  record({ class: optional(name), name: fc.constant('Amazon'), metadata: optional(metadata) }),
)

const instance: fc.Arbitrary<InstanceInfo> = record({
  instanceId: optional(name),
  hostName: name,
  app: name,
  ipAddr: name,
  sid: optional(name.filter((given) => given !== 'na' && given !== 'unknown')),
  status,
  overriddenStatus: status,
  port,
  securePort: port,
  countryId: fc.nat(),
  dataCenterInfo: dataCenter,
  leaseInfo: record({
    renewalIntervalInSecs: seconds,
    durationInSecs: seconds,
    registrationTimestamp: timestamp,
    lastRenewalTimestamp: timestamp,
    evictionTimestamp: timestamp,
    serviceUpTimestamp: timestamp,
  }),
  metadata,
  appGroupName: optional(name),
  homePageUrl: optional(text),
  statusPageUrl: optional(text),
  healthCheckUrl: optional(text),
  secureHealthCheckUrl: optional(text),
  vipAddress: optional(text),
  secureVipAddress: optional(text),
  asgName: optional(name),
  isCoordinatingDiscoveryServer: fc.boolean(),
  lastUpdatedTimestamp: timestamp,
  lastDirtyTimestamp: timestamp,
  actionType: optional(fc.constantFrom<ActionType>('ADDED', 'MODIFIED', 'DELETED')),
})

/** All that a format changes: the case of the application, and the class of the data center. */
const written = (info: InstanceInfo): InstanceInfo => ({
  ...info,
  app: info.app.toUpperCase(),
  dataCenterInfo: { ...info.dataCenterInfo, class: dataCenterClass(info.dataCenterInfo) },
})

const xmlText = (given: string) =>
  given.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')

const xmlMap = (given: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(given)
      .filter(([entryKey]) => toXmlName(entryKey) !== undefined)
      .map(([entryKey, value]) => [entryKey, xmlText(value)]),
  )

/** XML besides leaves out keys that can be no elements, and replaces what it cannot hold. */
const writtenInXml = (info: InstanceInfo): InstanceInfo => {
  const given = written(info)
  const { dataCenterInfo } = given
  const texts = Object.fromEntries(
    Object.entries(given).map(([field, value]: [string, unknown]) => [
      field,
      typeof value === 'string' ? xmlText(value) : value,
    ]),
  )
  return {
    ...given,
    ...texts,
    dataCenterInfo: {
      ...dataCenterInfo,
      metadata: dataCenterInfo.metadata === undefined ? undefined : xmlMap(dataCenterInfo.metadata),
    },
    metadata: xmlMap(given.metadata),
  }
}

test('what is written as JSON reads as the same instance', () => {
  fc.assert(
    fc.property(instance, (info) => {
      expect(readInstanceJson(JSON.parse(jsonInstance(writeInstanceJson(info))))).toStrictEqual(written(info))
    }),
  )
})

test('what is written as XML reads as the same instance, but for what XML cannot hold', () => {
  fc.assert(
    fc.property(instance, (info) => {
      expect(readInstanceXml(xmlInstance(writeInstanceXml(info)))).toStrictEqual(writtenInXml(info))
    }),
  )
})

test('a key that XML takes comes back as it was', () => {
  fc.assert(
    fc.property(key, (given) => {
      fc.pre(toXmlName(given) !== undefined && given !== '__proto__')
      const xml = `<instance><metadata><${toXmlName(given)}>v</${toXmlName(given)}></metadata></instance>`
      expect(Object.entries(readInstanceXml(xml).metadata)).toStrictEqual([[given, 'v']])
    }),
  )
})

test('a document is read, or refused for what it is, whatever it is', () => {
  const piece = fc.constantFrom(
    '<instance>',
    '</instance>',
    '<metadata>',
    '</metadata>',
    '<a>',
    '</a>',
    '<a/>',
    '<!--',
    '-->',
    '<![CDATA[',
    ']]>',
    '<?xml version="1.0"?>',
    '<!DOCTYPE a>',
    '&amp;',
    '&',
    '&#65;',
    '"',
    "'",
    '<',
    '>',
    '/',
    '=',
    ' ',
    'x',
    ' a="b"',
    '<port enabled="true">',
    '</port>',
    '1',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        readInstanceXml(`<instance>${pieces.join('')}</instance>`)
      } catch (error) {
        expect(error).toMatchObject({ code: 'EUREKA_BODY_INVALID' })
      }
    }),
    { numRuns: 1_000 },
  )
})

test('a body is read, or refused for what it is, whatever it is', () => {
  const field = fc.constantFrom(
    'instanceId',
    'hostName',
    'app',
    'ipAddr',
    'status',
    'port',
    'securePort',
    'dataCenterInfo',
    'leaseInfo',
    'metadata',
    'name',
    '$',
    '@enabled',
    '@class',
    'durationInSecs',
    'lastDirtyTimestamp',
    'overriddenstatus',
    'actionType',
  )
  const { body } = fc.letrec<{ body: unknown; leaf: unknown }>((tie) => ({
    leaf: fc.oneof(
      text,
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constantFrom('UP', 'MyOwn', 'true', '80'),
    ),
    body: fc.oneof(
      { depthSize: 'small' },
      tie('leaf'),
      fc.array(tie('body'), { maxLength: 2 }),
      fc.dictionary(field, tie('body')),
    ),
  }))
  fc.assert(
    fc.property(body, (instanceBody) => {
      try {
        readInstanceJson({ instance: instanceBody })
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^EUREKA_BODY_/) as string })
      }
    }),
    { numRuns: 1_000 },
  )
})
