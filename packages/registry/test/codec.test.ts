import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createDecoder,
  decodeRemovals,
  encodeInstance,
  encodeNamespace,
  encodeRemovals,
  encodeService,
  type StoredValue,
} from '../src/codec.ts'
import type { HealthReason, JsonValue, Metadata, RemovalReason } from '../src/model.ts'
import { registryDefaults } from '../src/options.ts'
import {
  type InstanceDraft,
  type NamespaceDraft,
  type ServiceDraft,
  toInstance,
  toNamespace,
  toService,
} from '../src/validate.ts'
import { spec } from './support.ts'

const key = { namespace: 'default', service: 'shop', id: 'a' }
const stored = (value: string): StoredValue => ({
  value: new TextEncoder().encode(value),
  createRevision: 3,
  modRevision: 9,
})
const revisions = { revision: 9, createdRevision: 3 }

/** Any text that has a UTF-8 form, with all that JSON has to escape. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '"\\\b\n\u0000', '\u2028', '\ufeff', '😀'),
)
const metadata = fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true }) as fc.Arbitrary<Metadata>
const names = fc.array(fc.constantFrom('a', 'b/c', '*'), { maxLength: 3 })
/** JSON, as JSON gives it: no -0, and prototypes as they are. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
const ttlMs = fc.constantFrom(0, 1_000, 30_000)
const reason = fc.constantFrom<HealthReason>('registered', 'reported', 'heartbeat', 'expired')

const instance: fc.Arbitrary<InstanceDraft> = fc
  .record({
    host: text,
    port: fc.nat(65_535),
    protocol: text,
    version: text,
    weight: fc.oneof(fc.constant(100), fc.nat(65_535)),
    priority: fc.oneof(fc.constant(0), fc.nat(65_535)),
    location: fc.record({ region: text, zone: text, campus: text }),
    metadata,
    logicalSet: text,
    isolated: fc.boolean(),
    reportedHealthy: fc.boolean(),
    expired: fc.boolean(),
    healthReason: reason,
    healthChangedMs: fc.nat(),
    ttlMs,
    heartbeatIntervalMs: fc.constantFrom(0, 333, 10_000, 500),
    evictAfterMs: fc.constantFrom(Infinity, 0, 600_000, 5),
    extensions: fc.dictionary(text, json, { maxKeys: 2, noNullPrototype: true }),
  })
  .map((draft) => ({ ...key, ...draft, healthy: draft.reportedHealthy && !draft.expired }))

describe('what is written is read again', () => {
  test('of instances', () => {
    // One for all: what is shared must not mix them up.
    const decoder = createDecoder()
    fc.assert(
      fc.property(instance, (draft) => {
        expect({ ...decoder.instance(key, stored(encodeInstance(draft))) }).toEqual({
          ...draft,
          ...revisions,
        })
      }),
      { numRuns: 500 },
    )
  })

  test('of services', () => {
    const decoder = createDecoder()
    const service: fc.Arbitrary<ServiceDraft> = fc.record({
      namespace: fc.constant('default'),
      name: fc.constant('shop'),
      metadata,
      ports: text,
      business: text,
      department: text,
      comment: text,
      exportTo: names,
      aliasOf: fc.option(fc.record({ namespace: text, service: text }), { nil: undefined }),
      protectThreshold: fc.option(fc.constantFrom(0, 0.5, 1), { nil: undefined }),
    })
    fc.assert(
      fc.property(service, (draft) => {
        expect(decoder.service(key, stored(encodeService(draft)))).toEqual({ ...draft, ...revisions })
      }),
    )
  })

  test('of namespaces', () => {
    const decoder = createDecoder()
    const namespace: fc.Arbitrary<NamespaceDraft> = fc.record({
      name: fc.constant('default'),
      comment: text,
      metadata,
      exportTo: names,
    })
    fc.assert(
      fc.property(namespace, (draft) => {
        expect(decoder.namespace('default', stored(encodeNamespace(draft)))).toEqual({
          ...draft,
          ...revisions,
        })
      }),
    )
  })

  test('of removals', () => {
    const removal = fc.constantFrom<RemovalReason>('deregistered', 'evicted', 'serviceDeleted', 'unknown')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(text, fc.constant('__proto__')), removal)), (pairs) => {
        const reasons = new Map(pairs)
        expect(decodeRemovals(stored(encodeRemovals(reasons)).value)).toEqual(reasons)
      }),
    )
  })

  test('of treacherous keys that somebody else wrote', () => {
    const value = '{"host":"h","port":1,"metadata":{"__proto__":"x"},"extensions":{"__proto__":{"y":1}}}'
    const read = createDecoder().instance(key, stored(value))
    expect(Object.getPrototypeOf(read.metadata)).toBe(Object.prototype)
    expect(JSON.stringify([read.metadata, read.extensions])).toBe('[{"__proto__":"x"},{"__proto__":{"y":1}}]')
  })
})

describe('values', () => {
  test('are short: what equals its default is left out', () => {
    const draft = toInstance(spec(), {
      current: undefined,
      evictAfterMs: registryDefaults.evictAfterMs,
      wallMs: 1_700_000_000_000,
    })
    expect(encodeInstance(draft)).toBe('{"host":"10.0.0.1","port":8080,"since":1700000000000}')
    expect(encodeService(toService(key, {}))).toBe('{}')
    expect(encodeNamespace(toNamespace('default', {}))).toBe('{}')
    expect(
      encodeRemovals(
        new Map([
          ['a', 'evicted'],
          ['b', 'evicted'],
        ]),
      ),
    ).toBe('{"evicted":["a","b"]}')
  })

  test.each([
    [600_000, undefined],
    [Infinity, null],
    [0, 0],
    [600_001, 600_001],
  ])('say of an instance that is removed after %d ms: %j', (evictAfterMs, written) => {
    const draft = toInstance(spec(), { current: undefined, evictAfterMs, wallMs: 0 })
    const value = encodeInstance(draft)
    expect((JSON.parse(value) as { evictAfterMs?: unknown }).evictAfterMs).toBe(written)
    expect(createDecoder().instance(key, stored(value)).evictAfterMs).toBe(evictAfterMs)
  })

  test('of a later version are read as far as they are understood', () => {
    const decoder = createDecoder()
    const read = decoder.instance(key, stored('{"host":"h","port":1,"color":"red","reason":"gossip"}'))
    expect(read).toMatchObject({ host: 'h', port: 1, healthy: true, healthReason: 'reported' })
    expect('color' in read).toBe(false)
    expect(decoder.service(key, stored('{"color":1}'))).toEqual({ ...toService(key, {}), ...revisions })
    expect(decodeRemovals(stored('{"moved":["a"],"evicted":["b",5],"note":"x"}').value)).toEqual(
      new Map([
        ['a', 'unknown'],
        ['b', 'evicted'],
      ]),
    )
  })

  test.each([
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '5',
    '{}',
    '{"host":"h"}',
    '{"host":5,"port":1}',
    '{"host":"h","port":"1"}',
  ])('%j is no instance', (value) => {
    expect(() => createDecoder().instance(key, stored(value))).toThrow(
      /REGISTRY_INVALID: instances\/default\/shop\/a: /,
    )
  })

  test.each([
    '"protocol":5',
    '"version":null',
    '"weight":"1"',
    '"region":[]',
    '"metadata":"x"',
    '"metadata":[]',
    '"metadata":{"a":1}',
    '"isolated":1',
    '"down":"yes"',
    '"expired":0',
    '"reason":5',
    '"ttlMs":"0"',
    '"evictAfterMs":"x"',
    '"extensions":5',
    '"extensions":[]',
  ])('an instance has no %s', (field) => {
    const read = (): unknown => createDecoder().instance(key, stored(`{"host":"h","port":1,${field}}`))
    expect(read).toThrow(/REGISTRY_INVALID: instances\/default\/shop\/a: /)
  })

  test.each([
    '',
    'null',
    '[]',
    '{"comment":5}',
    '{"exportTo":"*"}',
    '{"exportTo":[5]}',
    '{"metadata":{"a":{}}}',
  ])('%j is neither a namespace nor a service', (value) => {
    const decoder = createDecoder()
    expect(() => decoder.namespace('default', stored(value))).toThrow(
      /REGISTRY_INVALID: namespaces\/default: /,
    )
    expect(() => decoder.service(key, stored(value))).toThrow(/REGISTRY_INVALID: services\/default\/shop: /)
  })

  test.each(['{"aliasOf":5}', '{"aliasOf":{"namespace":"a"}}', '{"protectThreshold":"1"}', '{"ports":80}'])(
    '%j is no service',
    (value) => {
      expect(() => createDecoder().service(key, stored(value))).toThrow(/REGISTRY_INVALID/)
    },
  )

  test.each(['', '[]', 'null', '5'])('%j tells of no removals', (value) => {
    expect(() => decodeRemovals(stored(value).value)).toThrow(/REGISTRY_INVALID: removals: /)
  })
})

describe('a decoder', () => {
  test('gives equal locations once, and equal empty things', () => {
    const decoder = createDecoder()
    const value = stored('{"host":"h","port":1,"region":"eu-central-1","zone":"a"}')
    const [one, other] = [decoder.instance(key, value), decoder.instance({ ...key, id: 'b' }, value)]
    expect(one.location).toBe(other.location)
    expect(one.metadata).toBe(other.metadata)
    expect(one.extensions).toBe(other.extensions)
  })

  test('gives equal metadata once, as soon as it knows all of its values', () => {
    const decoder = createDecoder()
    const metadataOf = (metadata: Metadata, id: string): unknown =>
      decoder.instance({ ...key, id }, stored(JSON.stringify({ host: 'h', port: 1, metadata }))).metadata
    const common = { team: 'checkout', tier: 'gold', note: '' }
    const [, second, third] = ['a', 'b', 'c'].map((id) => metadataOf(common, id))
    expect(third).toBe(second)
    expect(third).toEqual(common)
    const own = ['d', 'e'].map((id) => metadataOf({ ...common, shard: id }, id))
    expect(own).toEqual([
      { ...common, shard: 'd' },
      { ...common, shard: 'e' },
    ])
  })

  test('tells metadata apart whose keys and values have any characters', () => {
    const decoder = createDecoder()
    const parts = ['', 'a', '1,1,', '1,1,ab', 'b1,1,a'] as const
    const all = parts.flatMap((one) =>
      parts.flatMap((other) => [{ [`${one}k`]: other }, { [`${one}k`]: other, l: one }]),
    )
    for (let round = 0; round < 3; round++) {
      for (const metadata of all) {
        const value = stored(JSON.stringify({ host: 'h', port: 1, metadata }))
        expect(decoder.instance(key, value).metadata).toEqual(metadata)
      }
    }
  })

  test('tells locations apart whose parts have any characters', () => {
    const decoder = createDecoder()
    const locationOf = (location: object): unknown =>
      decoder.instance(key, stored(JSON.stringify({ host: 'h', port: 1, ...location }))).location
    expect(locationOf({ region: 'a\nb', zone: 'c' })).toEqual({ region: 'a\nb', zone: 'c', campus: '' })
    expect(locationOf({ region: 'a', zone: 'b', campus: 'c\n' })).toEqual({
      region: 'a',
      zone: 'b',
      campus: 'c\n',
    })
    expect(locationOf({ region: 'a', zone: 'b\nc' })).toEqual({ region: 'a', zone: 'b\nc', campus: '' })
  })

  test('makes all instances of one shape', () => {
    const decoder = createDecoder()
    const plain = decoder.instance(key, stored('{"host":"h","port":1}'))
    const full = decoder.instance(
      key,
      stored('{"port":1,"ttlMs":3000,"metadata":{"a":"b"},"down":true,"host":"h"}'),
    )
    expect(Object.keys(full)).toEqual(Object.keys(plain))
    expect(Object.getPrototypeOf(full)).toBe(Object.getPrototypeOf(plain))
  })
})
