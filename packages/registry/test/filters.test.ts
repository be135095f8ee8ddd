import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesInstance, matchesMetadata, matchesName, pageOf } from '../src/filters.ts'
import { createInstance } from '../src/instance-record.ts'
import type { InstanceQuery } from '../src/registry.ts'
import { toInstance } from '../src/validate.ts'
import { spec } from './support.ts'

const draft = toInstance(
  spec({
    protocol: 'http',
    version: '1',
    metadata: { a: '1', b: '2' },
    location: { region: 'r', zone: 'z' },
  }),
  { current: undefined, evictAfterMs: 0, wallMs: 0 },
)
const instance = createInstance(draft, { revision: 1, createdRevision: 1 })

describe('a filter of instances', () => {
  test.each<InstanceQuery>([
    {},
    { id: 'a', host: '10.0.0.1', port: 8080, protocol: 'http', version: '1', healthy: true, isolated: false },
    { metadata: { b: '2' }, location: { zone: 'z' } },
    { metadata: {}, location: {} },
    { protocol: undefined, location: undefined },
  ])('%j fits', (query) => {
    expect(matchesInstance(instance, query)).toBe(true)
  })

  test.each<InstanceQuery>([
    { id: 'A' },
    { host: '10.0.0.2' },
    { port: 0 },
    { protocol: '' },
    { version: '2' },
    { healthy: false },
    { isolated: true },
    { metadata: { a: '1', b: '1' } },
    { metadata: { toString: '1' } },
    { location: { region: 'r', zone: '' } },
    { location: { campus: 'c' } },
    { id: 'a', port: 1 },
  ])('%j does not fit', (query) => {
    expect(matchesInstance(instance, query)).toBe(false)
  })

  test('labels that all objects inherit are not there', () => {
    expect(matchesMetadata({}, { constructor: 'Object' })).toBe(false)
  })
})

test.each([
  ['shop', 'shop', true],
  ['shop', 'sho', false],
  ['shop', 'sho*', true],
  ['shop', '*hop', true],
  ['shop', '*ho*', true],
  ['shop', '*', true],
  ['shop', '**', true],
  ['shop', 'hop*', false],
  ['shop', '*sho', false],
  ['shop', 's*p', false],
  ['s.op', 's.o*', true],
  ['shop', 's.o*', false],
  ['shop', '', false],
])('the name %j against %j: %s', (name, pattern, fits) => {
  expect(matchesName(name, pattern)).toBe(fits)
})

describe('a page', () => {
  test('is what a slice gives, with the length of all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { maxLength: 30 }),
        fc.nat(40),
        fc.integer({ min: 1, max: 40 }),
        (items, offset, limit) => {
          expect(pageOf(items, { offset, limit })).toEqual({
            items: items.slice(offset, offset + limit),
            total: items.length,
          })
        },
      ),
    )
  })

  test('has at most 100 items where nothing else is asked for', () => {
    const items = Array.from({ length: 101 }, (_, n) => n)
    expect(pageOf(items, {})).toEqual({ items: items.slice(0, 100), total: 101 })
  })

  test.each([
    { limit: 0 },
    { limit: 10_001 },
    { limit: -1 },
    { limit: 1.5 },
    { limit: NaN },
    { limit: '5' as never },
  ])('is refused with %j', (request) => {
    expect(() => pageOf([], request)).toThrow(/REGISTRY_INVALID: limit: /)
  })

  test.each([
    { offset: -1 },
    { offset: 0.5 },
    { offset: NaN },
    { offset: Infinity },
    { offset: '0' as never },
  ])('is refused with %j', (request) => {
    expect(() => pageOf([], request)).toThrow(/REGISTRY_INVALID: offset: /)
  })
})
