import type { Random } from '@orrery/environment'
import { chance, pick, weighted } from './choose.ts'
import type { Knowledge } from './step.ts'
import { bytes, type FieldValue, relative, text } from './wire.ts'

/** All keys of a run. Few, so that operations meet; awkward, so that comparing them is put to the test. */
export const keyPool: readonly string[] = [
  ...['\0', '\0\0', '\0\x01', '\0\xff'],
  ...['a', 'a\0', 'a\0b', 'aa', 'ab', 'abc', 'a\xff', 'a\xff\0'],
  ...['b', 'b/', 'b/1', 'b/10', 'b/2', 'b/2/x', 'b/3', 'b/4', 'b0', 'c', 'c/1', 'c/2'],
  // Bytes that are no UTF-8, UTF-8 that sorts otherwise as UTF-16, and a long key.
  ...['\x7f', '\x80', '\xc3\xa9', '\xef\xbf\xbd', '\xf0\x9f\x98\x80', `long/${'k'.repeat(300)}`],
  ...['\xff', '\xff\0', '\xff\xff', '\xff\xff\xff'],
]

const values = [
  '',
  '\0',
  '0',
  '1',
  '2',
  '3',
  'v',
  'value',
  'värde',
  '\xff',
  '\xff\xfe',
  ...keyPool.slice(0, 4),
]

/** A key of the pool. */
export function randomKey(random: Random): Uint8Array {
  return bytes(pick(random, keyPool))
}

/** A value: mostly one that others have too, so that comparisons hold now and then. */
export function randomValue(random: Random): Uint8Array {
  return weighted(random, [
    [70, () => bytes(pick(random, values))],
    [27, () => bytes(`u${random.uint32()}`)],
    [3, () => bytes(String.fromCharCode(random.below(256)).repeat(random.below(20_000)))],
  ])()
}

/** The end of the range of all keys that start with `prefix`. */
export function prefixEnd(prefix: string): string {
  for (let length = prefix.length; length > 0; length--) {
    const last = prefix.charCodeAt(length - 1)
    if (last < 0xff) return prefix.slice(0, length - 1) + String.fromCharCode(last + 1)
  }
  return '\0'
}

export interface KeyRange {
  readonly key: Uint8Array
  readonly range_end?: Uint8Array
}

type Shape = 'single' | 'prefix' | 'from-key' | 'everything' | 'interval' | 'inverted' | 'empty' | 'successor'

/** A range of any shape, and the name of the shape. */
export function randomRange(random: Random): { readonly range: KeyRange; readonly shape: Shape } {
  const key = pick(random, keyPool)
  const other = pick(random, keyPool)
  const [low, high] = key < other ? [key, other] : [other, key]
  const shape = weighted<Shape>(random, [
    [20, 'single'],
    [20, 'prefix'],
    [10, 'from-key'],
    [15, 'everything'],
    [25, 'interval'],
    [3, 'inverted'],
    [3, 'empty'],
    [4, 'successor'],
  ])
  return { shape, range: toRange(shape, key, low, high) }
}

function toRange(shape: Shape, key: string, low: string, high: string): KeyRange {
  switch (shape) {
    case 'single':
      return { key: bytes(key) }
    case 'prefix':
      return { key: bytes(key.slice(0, 1)), range_end: bytes(prefixEnd(key.slice(0, 1))) }
    case 'from-key':
      return { key: bytes(key), range_end: bytes('\0') }
    case 'everything':
      return { key: bytes('\0'), range_end: bytes('\0') }
    case 'interval':
      return { key: bytes(low), range_end: bytes(high === low ? `${high}\0` : high) }
    case 'inverted':
      return { key: bytes(`${high}~`), range_end: bytes(low) }
    case 'empty':
      return { key: bytes(key), range_end: bytes(key) }
    case 'successor':
      return { key: bytes(key), range_end: bytes(`${key}\0`) }
  }
}

/** Whether a range, with its ends as on the wire, contains a key. */
export function contains(range: KeyRange, key: string): boolean {
  const low = text(range.key)
  const end = range.range_end === undefined ? '' : text(range.range_end)
  if (end === '') return key === low
  return key >= low && (end === '\0' || key < end)
}

/** A revision to read at, and what kind it is. */
export function randomRevision(
  random: Random,
  knowledge: Knowledge,
): { readonly revision: FieldValue; readonly kind: string } {
  const { revision, compacted } = knowledge
  const past = compacted + random.below(Math.max(1, revision - compacted + 1))
  return weighted<{ readonly revision: FieldValue; readonly kind: string }>(random, [
    [45, { revision: 0, kind: 'now' }],
    [35, { revision: relative(past), kind: 'past' }],
    [4, { revision: relative(compacted), kind: 'at-compaction' }],
    [4, { revision: relative(compacted - 1), kind: 'compacted' }],
    [4, { revision: relative(revision), kind: 'newest' }],
    [3, { revision: relative(revision + 1 + random.below(3)), kind: 'future' }],
    [1, { revision: -1 - random.below(5), kind: 'negative' }],
    [1, { revision: 2n ** 63n - 1n, kind: 'largest' }],
    [1, { revision: -(2n ** 63n), kind: 'most-negative' }],
  ])
}

/** A revision as a bound of a filter: mostly one that cuts something off. */
export function randomBound(random: Random, knowledge: Knowledge): FieldValue {
  if (chance(random, 5)) return pick<FieldValue>(random, [-1, 1, 2n ** 62n])
  return relative(
    knowledge.compacted + random.below(Math.max(1, knowledge.revision - knowledge.compacted + 2)),
  )
}
