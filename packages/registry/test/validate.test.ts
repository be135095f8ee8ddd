import { describe, expect, test } from 'vitest'
import { createInstance } from '../src/instance-record.ts'
import type { Instance, InstanceSpec } from '../src/model.ts'
import {
  changeInstance,
  checkInstanceKey,
  checkNamespaceName,
  checkServiceKey,
  sameInstance,
  toInstance,
  toNamespace,
  toService,
} from '../src/validate.ts'

const wallMs = 1_000_000
const context = { current: undefined, evictAfterMs: 600_000, wallMs }
const least = { namespace: 'default', service: 'shop', host: '10.0.0.1', port: 80 }
const chars = (length: number): string => 'x'.repeat(length)
const refusal = (field: string): object => ({
  code: 'REGISTRY_INVALID',
  message: expect.stringMatching(
    new RegExp(`^REGISTRY_INVALID: ${field.replaceAll('.', '\\.')}: .`),
  ) as string,
})

/** What came from JSON has whatever type it likes. */
function instanceOf(spec: object): Instance {
  const draft = toInstance({ ...least, ...spec }, context)
  return createInstance(draft, { revision: 7, createdRevision: 5 })
}

function changed(current: Instance, changes: object, at = wallMs + 1): Instance {
  return createInstance(changeInstance(current, changes, at), current)
}

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
const entries = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']))

/** For each field: what just fits, and what does not. */
const instanceFields: readonly (readonly [
  field: string,
  fits: readonly unknown[],
  refused: readonly unknown[],
])[] = [
  [
    'host',
    ['h', chars(128), '::1', 'münchen.example'],
    ['', chars(129), 'a\nb', 'a\u0000', 'a\ud800', 5, null],
  ],
  ['port', [0, 65_535], [-1, 65_536, 1.5, NaN, Infinity, '80', null, [80]]],
  ['protocol', ['', chars(32)], [chars(33), '\udc00', 5, null, ['http']]],
  ['version', ['', chars(32)], [chars(33), 1.2, null]],
  ['logicalSet', ['', chars(128)], [chars(129), false, null]],
  ['weight', [0, 65_535], [-1, 65_536, 0.5, NaN, '1', null]],
  ['priority', [0, 65_535], [-1, 65_536, 0.5, NaN, '1', null]],
  ['isolated', [true, false], ['true', 1, null]],
  ['healthy', [true, false], ['false', 0, null]],
  ['id', ['i', chars(256), 'a b/c', 'ä:😀'], ['', chars(257), 'a\tb', 'a\u2028b', '\ud83d', '..', 5, null]],
  ['ttlMs', [0, 1_000, 86_400_000], [-1, 1, 999, 86_400_001, 1_000.5, NaN, Infinity, '0', null]],
  ['evictAfterMs', [0, 1, Infinity], [-1, 0.5, NaN, -Infinity, '1', null]],
  ['metadata', [{}, entries(64), { [chars(128)]: chars(4_096) }], [entries(65), [], null, 'a=b', new Map()]],
  ['location', [{}, { region: chars(128) }], [null, [], 'eu', 5]],
  ['extensions', [{}, { p: null }, { p: nested(16) }], [null, [], 'x', new Map()]],
]

describe.each(instanceFields)('%s of an instance', (field, fits, refused) => {
  test.each(fits.map((value) => [value]))('may be %j', (value) => {
    expect(() => instanceOf({ [field]: value })).not.toThrow()
  })

  test.each(refused.map((value) => [value]))('may not be %j', (value) => {
    expect(() => instanceOf({ [field]: value })).toThrow(expect.objectContaining(refusal(field)) as Error)
  })
})

describe('an instance', () => {
  test.each([
    ['heartbeatIntervalMs', { ttlMs: 3_000, heartbeatIntervalMs: 99 }],
    ['heartbeatIntervalMs', { ttlMs: 3_000, heartbeatIntervalMs: 3_001 }],
    ['heartbeatIntervalMs', { ttlMs: 3_000, heartbeatIntervalMs: '500' }],
    ['heartbeatIntervalMs', { ttlMs: 0, heartbeatIntervalMs: '500' }],
    ['location.zone', { location: { zone: chars(129) } }],
    ['location.region', { location: { region: null } }],
    ['metadata.a', { metadata: { a: chars(4_097) } }],
    ['metadata.a', { metadata: { a: 1 } }],
    ['metadata.a', { metadata: { a: null } }],
    ['metadata.a', { metadata: { a: '\ud800' } }],
    ['metadata', { metadata: { '': 'v' } }],
    ['key of metadata', { metadata: { [chars(129)]: 'v' } }],
    ['extensions', { extensions: { '': 1 } }],
    ['extensions.p', { extensions: { p: nested(17) } }],
    ['extensions.p', { extensions: { p: NaN } }],
    ['extensions.p', { extensions: { p: [undefined] } }],
    ['extensions.p', { extensions: { p: { f: () => 1 } } }],
    ['extensions.p', { extensions: { p: new Date(0) } }],
    ['extensions.p', { extensions: { p: chars(32_768) } }],
    ['extensions', { extensions: { p: chars(20_000), q: chars(20_000) } }],
    // Short in characters, long in bytes.
    ['extensions', { extensions: { p: '€'.repeat(11_000) } }],
  ])('is refused for its %s: %j', (field, spec) => {
    expect(() => instanceOf(spec)).toThrow(expect.objectContaining(refusal(field)) as Error)
  })

  test('a value that JSON has no form for is refused', () => {
    expect(() => instanceOf({ extensions: { p: 1n } })).toThrow(
      /REGISTRY_INVALID: extensions.p: must be JSON/,
    )
    expect(() => instanceOf({ extensions: { p: Symbol('x') } })).toThrow(/REGISTRY_INVALID: extensions.p: /)
  })

  test('a value that contains itself is refused, not followed', () => {
    const circle: unknown[] = []
    circle.push(circle)
    expect(() => instanceOf({ extensions: { p: circle } })).toThrow(/nested/)
  })

  test.each(['__proto__', 'constructor', 'prototype'])(
    'neither metadata nor extensions have a key %s',
    (key) => {
      const object: unknown = JSON.parse(`{"${key}":"polluted"}`)
      expect(() => instanceOf({ metadata: object })).toThrow(
        expect.objectContaining(refusal('metadata')) as Error,
      )
      expect(() => instanceOf({ extensions: object })).toThrow(
        expect.objectContaining(refusal('extensions')) as Error,
      )
    },
  )

  test('a treacherous key in the depth of an extension is a key like others', () => {
    const given: unknown = JSON.parse('{"p":{"__proto__":{"polluted":true}}}')
    const { extensions } = instanceOf({ extensions: given })
    expect(JSON.stringify(extensions)).toBe('{"p":{"__proto__":{"polluted":true}}}')
    expect(Object.getPrototypeOf(extensions['p'])).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
  })

  test('what is given is copied: the caller may go on using it', () => {
    const metadata = { color: 'red' }
    const extensions = { p: { list: [1] } }
    const location = { region: 'eu' }
    const instance = instanceOf({ metadata, extensions, location })
    metadata.color = 'blue'
    extensions.p.list.push(2)
    location.region = 'us'
    expect(instance).toMatchObject({
      metadata: { color: 'red' },
      extensions: { p: { list: [1] } },
      location: { region: 'eu' },
    })
  })

  test('what is absent has its default', () => {
    expect({ ...instanceOf({}) }).toEqual({
      ...least,
      id: '8e2a509aea99e03d42ecd8b1a64356647728fb1d',
      protocol: '',
      version: '',
      weight: 100,
      priority: 0,
      location: { region: '', zone: '', campus: '' },
      metadata: {},
      logicalSet: '',
      isolated: false,
      healthy: true,
      reportedHealthy: true,
      expired: false,
      healthReason: 'registered',
      healthChangedMs: wallMs,
      ttlMs: 0,
      heartbeatIntervalMs: 0,
      evictAfterMs: 600_000,
      extensions: {},
      revision: 7,
      createdRevision: 5,
    })
  })

  test('means to send a heartbeat each third of its time to live', () => {
    expect(instanceOf({ ttlMs: 5_000 }).heartbeatIntervalMs).toBe(1_667)
    expect(instanceOf({ ttlMs: 5_000, heartbeatIntervalMs: 5_000 }).heartbeatIntervalMs).toBe(5_000)
  })

  test('is no array and no text', () => {
    for (const spec of [null, [], 'x', 5]) {
      expect(() => toInstance(spec as unknown as InstanceSpec, context)).toThrow(/REGISTRY_INVALID/)
    }
  })
})

describe('names', () => {
  const fitting = ['a', 'A-z.0/9:_', '...a', '-', '/']
  const refused: readonly unknown[] = [
    '',
    '.',
    '..',
    'a b',
    'ä',
    'a\n',
    'a%2F',
    'a*',
    '\ud800',
    5,
    null,
    undefined,
    ['a'],
  ]

  test.each([...fitting, chars(64)])('%j names a namespace', (name) => {
    expect(() => checkNamespaceName(name)).not.toThrow()
  })

  test.each([...refused, chars(65)].map((name) => [name]))('%j names no namespace', (name) => {
    expect(() => checkNamespaceName(name)).toThrow(expect.objectContaining(refusal('namespace')) as Error)
  })

  test.each([...fitting, chars(128)])('%j names a service', (service) => {
    expect(() => checkServiceKey({ namespace: 'default', service })).not.toThrow()
  })

  test.each([...refused, chars(129)].map((name) => [name]))('%j names no service', (service) => {
    const check = (): void => checkServiceKey({ namespace: 'default', service })
    expect(check).toThrow(expect.objectContaining(refusal('service')) as Error)
  })

  test('a key is an object with all its names', () => {
    for (const key of [null, undefined, 'a/b', 5]) {
      expect(() => checkServiceKey(key)).toThrow(/REGISTRY_INVALID/)
      expect(() => checkInstanceKey(key)).toThrow(/REGISTRY_INVALID/)
    }
    expect(() => checkInstanceKey({ namespace: 'n', service: 's' })).toThrow(/REGISTRY_INVALID: id: /)
  })
})

describe('a namespace', () => {
  const invalid: readonly (readonly [field: string, spec: object])[] = [
    ['comment', { comment: chars(1_025) }],
    ['comment', { comment: 5 }],
    ['metadata', { metadata: entries(65) }],
    ['exportTo', { exportTo: 'default' }],
    ['exportTo', { exportTo: ['a b'] }],
    ['exportTo', { exportTo: ['a*'] }],
    ['exportTo', { exportTo: [null] }],
    ['exportTo', { exportTo: Array.from({ length: 65 }, (_, n) => `n${n}`) }],
  ]

  test.each(invalid)('is refused for its %s: %j', (field, spec) => {
    const make = (): unknown => toNamespace('default', spec)
    expect(make).toThrow(expect.objectContaining(refusal(field)) as Error)
  })

  test('is exported to each namespace once', () => {
    expect(toNamespace('default', { exportTo: ['a', '*', 'a'] }).exportTo).toEqual(['a', '*'])
  })

  test('keeps what a change does not speak of', () => {
    const draft = toNamespace('default', { comment: 'c', metadata: { a: 'b' }, exportTo: ['x'] })
    const current = { ...draft, revision: 2, createdRevision: 2 }
    expect(toNamespace('default', { comment: '' }, current)).toEqual({ ...draft, comment: '' })
  })
})

describe('a service', () => {
  const key = { namespace: 'default', service: 'shop' }
  const invalid: readonly (readonly [field: string, spec: object])[] = [
    ['ports', { ports: chars(8_193) }],
    ['business', { business: chars(129) }],
    ['department', { department: chars(1_025) }],
    ['comment', { comment: chars(1_025) }],
    ['comment', { comment: null }],
    ['metadata', { metadata: [] }],
    ['exportTo', { exportTo: null }],
    ['protectThreshold', { protectThreshold: -0.1 }],
    ['protectThreshold', { protectThreshold: 1.1 }],
    ['protectThreshold', { protectThreshold: NaN }],
    ['protectThreshold', { protectThreshold: '0.5' }],
    ['service', { aliasOf: { namespace: 'default', service: 'a b' } }],
    ['key', { aliasOf: 'default/shop' }],
  ]

  test.each(invalid)('is refused for its %s: %j', (field, spec) => {
    const make = (): unknown => toService(key, spec)
    expect(make).toThrow(expect.objectContaining(refusal(field)) as Error)
  })

  test('keeps what a change does not speak of; null takes a threshold back', () => {
    const draft = toService(key, { ports: '80', business: 'b', protectThreshold: 0, metadata: { a: 'b' } })
    const current = { ...draft, revision: 2, createdRevision: 2 }
    expect(draft.protectThreshold).toBe(0)
    expect(toService(key, { business: '' }, current)).toEqual({ ...draft, business: '' })
    expect(toService(key, { protectThreshold: null }, current)).toEqual({
      ...draft,
      protectThreshold: undefined,
    })
  })
})

describe('registering again', () => {
  const again = (current: Instance, spec: object): Instance => {
    const draft = toInstance(
      { ...least, ...spec },
      {
        current,
        evictAfterMs: 5,
        wallMs: wallMs + 9,
      },
    )
    return createInstance(draft, current)
  }

  test('gives what is absent its default, but for isolation', () => {
    const current = instanceOf({ isolated: true, weight: 5, metadata: { a: 'b' } })
    expect(again(current, {})).toMatchObject({ isolated: true, weight: 100, metadata: {}, evictAfterMs: 5 })
    expect(again(current, { isolated: false }).isolated).toBe(false)
  })

  test('keeps why and since when it is healthy', () => {
    const current = { ...instanceOf({}), healthReason: 'heartbeat' as const }
    expect(again(current, {})).toMatchObject({ healthReason: 'heartbeat', healthChangedMs: wallMs })
  })

  test('brings back what was expired', () => {
    const current = {
      ...instanceOf({ ttlMs: 1_000 }),
      healthy: false,
      expired: true,
      healthReason: 'expired' as const,
    }
    expect(again(current, { ttlMs: 1_000 })).toMatchObject({
      healthy: true,
      expired: false,
      healthReason: 'registered',
      healthChangedMs: wallMs + 9,
    })
  })

  test('as unhealthy is said to be a report', () => {
    expect(again(instanceOf({}), { healthy: false })).toMatchObject({
      healthy: false,
      reportedHealthy: false,
      healthReason: 'reported',
      healthChangedMs: wallMs + 9,
    })
  })
})

describe('a change', () => {
  test.each(instanceFields.filter(([field]) => field !== 'id'))(
    'of %s has the same bounds',
    (field, fits, refused) => {
      for (const value of fits) expect(() => changed(instanceOf({}), { [field]: value })).not.toThrow()
      for (const value of refused) {
        const change = (): unknown => changed(instanceOf({}), { [field]: value })
        expect(change, String(value)).toThrow(expect.objectContaining(refusal(field)) as Error)
      }
    },
  )

  test('of nothing changes nothing', () => {
    const current = instanceOf({ ttlMs: 1_000, weight: 3, location: { zone: 'z' }, extensions: { p: [1] } })
    expect(changed(current, {})).toEqual(current)
  })

  test('of a location goes part by part, of metadata takes all', () => {
    const current = instanceOf({ location: { region: 'r', zone: 'z' }, metadata: { a: '1', b: '2' } })
    const next = changed(current, { location: { zone: 'y' }, metadata: { a: '3' } })
    expect(next).toMatchObject({ location: { region: 'r', zone: 'y', campus: '' } })
    expect(next.metadata).toEqual({ a: '3' })
  })

  test('of extensions goes protocol by protocol; undefined takes one away', () => {
    const current = instanceOf({ extensions: { p: { a: 1, b: 2 }, q: 1, r: 1 } })
    const next = changed(current, { extensions: { p: { a: 3 }, q: undefined, s: null } })
    expect(next.extensions).toEqual({ p: { a: 3 }, r: 1, s: null })
    expect(current.extensions).toEqual({ p: { a: 1, b: 2 }, q: 1, r: 1 })
  })

  test('keeps all extensions together in their bound', () => {
    const current = instanceOf({ extensions: { p: chars(20_000) } })
    expect(() => changed(current, { extensions: { q: chars(20_000) } })).toThrow(
      /REGISTRY_INVALID: extensions: /,
    )
    expect(() => changed(current, { extensions: { p: undefined, q: chars(20_000) } })).not.toThrow()
  })

  test('of health is dated and called a report', () => {
    const next = changed(instanceOf({}), { healthy: false })
    expect(next).toMatchObject({ healthy: false, reportedHealthy: false, healthReason: 'reported' })
    expect(next.healthChangedMs).toBe(wallMs + 1)
    expect(changed(next, { healthy: false }, wallMs + 2)).toEqual(next)
  })

  test('of what is said does not bring back missing heartbeats, doing without them does', () => {
    const expired = {
      ...instanceOf({ ttlMs: 1_000 }),
      healthy: false,
      expired: true,
      healthReason: 'expired' as const,
    }
    expect(changed(expired, { healthy: true })).toMatchObject({
      healthy: false,
      expired: true,
      healthReason: 'expired',
    })
    expect(changed(expired, { ttlMs: 2_000 })).toMatchObject({ healthy: false, expired: true })
    expect(changed(expired, { ttlMs: 0 })).toMatchObject({
      healthy: true,
      expired: false,
      heartbeatIntervalMs: 0,
      healthReason: 'reported',
      healthChangedMs: wallMs + 1,
    })
  })

  test.each([
    ['a default interval follows', { ttlMs: 9_000 }, { ttlMs: 30_000 }, 10_000],
    ['a default interval follows from none', {}, { ttlMs: 30_000 }, 10_000],
    ['a chosen interval stays', { ttlMs: 9_000, heartbeatIntervalMs: 5_000 }, { ttlMs: 6_000 }, 5_000],
    ['a chosen interval is cut', { ttlMs: 9_000, heartbeatIntervalMs: 5_000 }, { ttlMs: 4_000 }, 4_000],
    ['a new interval is taken', { ttlMs: 9_000 }, { ttlMs: 4_000, heartbeatIntervalMs: 700 }, 700],
    ['an interval changes by itself', { ttlMs: 9_000 }, { heartbeatIntervalMs: 700 }, 700],
  ])('of the time to live: %s', (_, spec, changes, intervalMs) => {
    expect(changed(instanceOf(spec), changes).heartbeatIntervalMs).toBe(intervalMs)
  })
})

describe('being the same', () => {
  const one = instanceOf({ metadata: { a: '1', b: '2' }, extensions: { p: { x: [1, { y: 2 }], z: null } } })

  test('does not depend on revisions, dates or the order of keys', () => {
    const other = instanceOf({
      metadata: { b: '2', a: '1' },
      extensions: { p: { z: null, x: [1, { y: 2 }] } },
    })
    expect(sameInstance(one, { ...other, healthChangedMs: 1 })).toBe(true)
    expect(sameInstance(one, createInstance(one, { revision: 99, createdRevision: 98 }))).toBe(true)
  })

  const ignored = ['revision', 'createdRevision', 'healthChangedMs']
  const compared = Object.keys(one).filter((field) => !ignored.includes(field))
  test.each(compared)('depends on %s', (field) => {
    expect(sameInstance(one, { ...one, [field]: { other: true } as never })).toBe(false)
  })

  test('depends on the depth of an extension', () => {
    for (const p of [
      { x: [1, { y: 3 }], z: null },
      { x: [1], z: null },
      { x: { 0: 1, 1: { y: 2 } }, z: null },
      null,
    ]) {
      expect(sameInstance(one, { ...one, extensions: { p } })).toBe(false)
    }
  })
})
