import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyHistory } from '../src/key-history.ts'

/** One revision of the key, in a list that nothing is ever removed from. */
interface Entry {
  readonly main: number
  readonly sub: number
  readonly tombstone: boolean
}

/** A key that is put first and then changed: by how much main and sub grow, and to what. */
const changes = fc.array(
  fc.record({ mainBy: fc.nat(3), subBy: fc.integer({ min: 1, max: 3 }), remove: fc.boolean() }),
  { maxLength: 15 },
)

function grow(steps: readonly { mainBy: number; subBy: number; remove: boolean }[]): [KeyHistory, Entry[]] {
  let [main, sub] = [2, 0]
  const history = new KeyHistory(main, sub, main, 1)
  const entries: Entry[] = [{ main, sub, tombstone: false }]
  for (const { mainBy, subBy, remove } of steps) {
    sub = mainBy === 0 ? sub + subBy : subBy - 1
    main += mainBy
    const tombstone = remove && history.live
    if (tombstone) history.tombstone(main, sub)
    else history.put(main, sub)
    entries.push({ main, sub, tombstone })
  }
  return [history, entries]
}

function entriesOf(history: KeyHistory): readonly Entry[] {
  return Array.from({ length: history.length }, (_, position) => ({
    main: history.mainAt(position),
    sub: history.subAt(position),
    tombstone: history.tombstoneAt(position),
  }))
}

/** What a compaction keeps, from its definition. */
function keptOf(entries: readonly Entry[], revision: number): readonly Entry[] {
  const newest = entries.findLast(({ main }) => main <= revision)
  return entries.filter(
    (entry) => entry.main > revision || (entry === newest && (!entry.tombstone || entry.main === revision)),
  )
}

test('a history finds what a key was at any revision', () => {
  fc.assert(
    fc.property(changes, (steps) => {
      const [history, entries] = grow(steps)
      expect(entriesOf(history)).toEqual(entries)
      for (let revision = 0; revision <= history.main + 1; revision++) {
        const position = entries.findLastIndex(({ main }) => main <= revision)
        expect(history.find(revision)).toBe(position)
        expect(history.liveAt(revision)).toBe(entries[position]?.tombstone === false)
      }
    }),
  )
})

test('a history numbers the changes of a generation, and begins anew after a tombstone', () => {
  fc.assert(
    fc.property(changes, (steps) => {
      const [history, entries] = grow(steps)
      const generation = entries.slice(entries.slice(0, -1).findLastIndex(({ tombstone }) => tombstone) + 1)
      expect(history.created).toBe(generation[0]?.main)
      expect(history.version).toBe(entries.at(-1)?.tombstone === true ? 0 : generation.length)
    }),
  )
})

test('a history keeps what a compaction must keep, and drops the rest oldest first, in any portions', () => {
  fc.assert(
    fc.property(changes, fc.nat(30), fc.integer({ min: 1, max: 5 }), (steps, revision, portion) => {
      const [history, entries] = grow(steps)
      const kept = keptOf(entries, revision)
      expect(entries.filter((_, position) => history.keptBy(revision, position))).toEqual(kept)
      expect(history.isDeadAt(revision)).toBe(kept.length === 0)

      const dropped: Entry[] = []
      // The last revision of a dead key is left to the caller.
      const limit = () => (kept.length === 0 ? Math.min(portion, history.length - 1) : portion)
      for (let count = -1; count !== 0; ) {
        count = history.compact(revision, limit(), (main, sub, tombstone) =>
          dropped.push({ main, sub, tombstone }),
        )
        expect(count).toBeLessThanOrEqual(portion)
      }
      const left = kept.length === 0 ? entries.slice(-1) : kept
      expect(entriesOf(history)).toEqual(left)
      expect(dropped).toEqual(entries.slice(0, entries.length - left.length))
    }),
    { numRuns: 500 },
  )
})
