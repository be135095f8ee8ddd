import { describe, expect, test } from 'vitest'
import { checkGrayRule } from '../../src/gray/gray-rule.ts'
import type { GrayRule, LabelMatcher } from '../../src/model.ts'
import { chars, refusal } from '../validate/refusal.ts'

const labelled = (...labels: readonly unknown[]): object => ({ labels })
const zone = { label: 'zone', type: 'exact', value: 'a' }
const times = <Item>(count: number, item: Item): readonly Item[] => Array.from({ length: count }, () => item)

const matchers: readonly LabelMatcher[] = [
  { label: 'zone', type: 'exact', value: '' },
  { label: 'zone', type: 'notEquals', value: chars(4_096) },
  { label: chars(128), type: 'in', values: ['a', ''] },
  { label: 'zone', type: 'notIn', values: ['a'] },
  { label: 'version', type: 'regex', value: '1\\.\\d+' },
  { label: 'shard', type: 'range', from: -5, to: 5 },
  { label: 'shard', type: 'range', from: Number.MIN_SAFE_INTEGER, to: Number.MAX_SAFE_INTEGER },
]

describe('a gray rule', () => {
  const percents = [0, 0.01, 0.07, 0.29, 1.1, 33.33, 57.68, 99.99, 100]
  const rules: readonly GrayRule[] = [
    ...matchers.map((matcher) => ({ labels: [matcher] })),
    { labels: matchers, addresses: ['10.0.0.0/8', '2001:db8::1'], percent: 12.34 },
    { addresses: ['10.1.2.3'] },
    ...percents.map((percent) => ({ percent })),
  ]

  test.each(rules.map((rule) => [rule] as const))('may be such a one: %#', (rule) => {
    expect(checkGrayRule(rule)).toStrictEqual(rule)
  })

  test('has addresses as everybody writes them, and each once', () => {
    const addresses = ['::ffff:10.1.2.3', '10.1.2.3', '10.1.2.3/16', '2001:DB8::/32', '2001:db8:0::1/32']
    expect(checkGrayRule({ addresses })).toEqual({ addresses: ['10.1.2.3', '10.1.0.0/16', '2001:db8::/32'] })
  })

  test('has values once', () => {
    const rule = checkGrayRule(labelled({ label: 'zone', type: 'in', values: ['a', 'b', 'a'] }))
    expect(rule.labels).toEqual([{ label: 'zone', type: 'in', values: ['a', 'b'] }])
  })

  test('has nothing that nobody knows', () => {
    const rule = { ...labelled({ ...zone, values: [], from: 1 }), users: ['ann'], percent: -0 }
    expect(checkGrayRule(rule)).toStrictEqual({ labels: [zone], percent: 0 })
  })

  test('is a copy that nobody changes', () => {
    const values = ['a']
    const rule = checkGrayRule({ ...labelled({ label: 'zone', type: 'in', values }), addresses: ['::1'] })
    values.push('b')
    expect(rule).toMatchObject({ labels: [{ values: ['a'] }] })
    const [matcher] = rule.labels ?? []
    const parts = [
      rule,
      rule.labels,
      rule.addresses,
      matcher,
      matcher?.type === 'in' ? matcher.values : undefined,
    ]
    for (const part of parts) expect(part).toSatisfy(Object.isFrozen)
  })

  test.each([
    ['rule', undefined],
    ['rule', null],
    ['rule', []],
    ['rule', 'percent'],
    ['rule', {}],
    ['rule', { users: ['ann'] }],
    ['rule.labels', { labels: [] }],
    ['rule.labels', { labels: zone }],
    ['rule.labels', { labels: null }],
    ['rule.labels', { labels: times(33, zone) }],
    ['rule.labels.0', labelled(null)],
    ['rule.labels.0', { labels: Array(1) }],
    ['rule.labels.1', labelled(zone, 'zone')],
    ['rule.labels.0.label', labelled({ type: 'exact', value: 'a' })],
    ['rule.labels.0.label', labelled({ ...zone, label: '' })],
    ['rule.labels.0.label', labelled({ ...zone, label: chars(129) })],
    ['rule.labels.0', labelled({ ...zone, label: '__proto__' })],
    ['rule.labels.0.type', labelled({ ...zone, type: 'equals' })],
    ['rule.labels.0.type', labelled({ label: 'zone', value: 'a' })],
    ['rule.labels.0.type', labelled({ ...zone, type: 'toString' })],
    ['rule.labels.0.value', labelled({ ...zone, value: undefined })],
    ['rule.labels.0.value', labelled({ ...zone, value: 5 })],
    ['rule.labels.0.value', labelled({ ...zone, value: '\ud800' })],
    ['rule.labels.0.value', labelled({ ...zone, value: chars(4_097) })],
    ['rule.labels.0.values', labelled({ ...zone, type: 'in' })],
    ['rule.labels.0.values', labelled({ ...zone, type: 'in', values: [] })],
    ['rule.labels.0.values', labelled({ ...zone, type: 'notIn', values: [] })],
    ['rule.labels.0.values', labelled({ ...zone, type: 'in', values: [5] })],
    ['rule.labels.0.values', labelled({ ...zone, type: 'in', values: times(1_001, 'a') })],
    ['rule.labels.0.value', labelled({ ...zone, type: 'regex', value: '(' })],
    ['rule.labels.0.value', labelled({ ...zone, type: 'regex', value: '(?=a)' })],
    ['rule.labels.0.value', labelled({ ...zone, type: 'regex', value: 'a{1000}' })],
    ['rule.labels.0.value', labelled({ ...zone, type: 'regex', value: chars(513) })],
    ['rule.labels.0.from', labelled({ ...zone, type: 'range', to: 1 })],
    ['rule.labels.0.from', labelled({ ...zone, type: 'range', from: 2, to: 1 })],
    ['rule.labels.0.from', labelled({ ...zone, type: 'range', from: 0.5, to: 1 })],
    ['rule.labels.0.to', labelled({ ...zone, type: 'range', from: 0, to: Infinity })],
    ['rule.labels.0.to', labelled({ ...zone, type: 'range', from: 0, to: '1' })],
    ['rule.labels.0.to', labelled({ ...zone, type: 'range', from: 0, to: 2 ** 53 })],
    ['rule.addresses', { addresses: [] }],
    ['rule.addresses', { addresses: '10.1.2.3' }],
    ['rule.addresses', { addresses: [5] }],
    ['rule.addresses', { addresses: ['10.1.2.3', 'localhost'] }],
    ['rule.addresses', { addresses: ['10.1.2.0/33'] }],
    ['rule.addresses', { addresses: ['10.1.2.*'] }],
    ['rule.addresses', { addresses: ['10.1.2.1-10.1.2.9'] }],
    ['rule.addresses', { addresses: times(1_001, '::1') }],
    ['rule.percent', { percent: -0.01 }],
    ['rule.percent', { percent: 100.01 }],
    ['rule.percent', { percent: 0.001 }],
    ['rule.percent', { percent: 33.333 }],
    ['rule.percent', { percent: NaN }],
    ['rule.percent', { percent: '10' }],
    ['rule.percent', { percent: null }],
  ])('is refused for its %s: %#', (field, rule) => {
    expect(() => checkGrayRule(rule)).toThrow(refusal(field))
  })
})
