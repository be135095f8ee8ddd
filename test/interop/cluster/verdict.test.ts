import type { LeaseObservation, WatchObservation } from '@orrery/simulation'
import { describe, expect, test } from 'vitest'
import { History, type Wish } from './torture/history.ts'
import { type Evidence, violationsOf } from './torture/verdict.ts'

type Batch = WatchObservation['batches'][number]

const put = (value: number): Wish => ({ type: 'put', key: 'key/a', value })
const get: Wish = { type: 'get', key: 'key/a', isSerializable: false }
const written = (revision: number, value: number): Batch => ({
  changes: [{ key: 'key/a', value: String(value), revision }],
})

/** A run in which 1 was written, then 2 with unknown outcome, then 2 was read. */
class Run {
  readonly history = new History()
  watched: readonly Batch[] = [written(2, 1), written(3, 2)]
  second = this.watched
  leases: readonly LeaseObservation[] = []
  held = '2'

  constructor() {
    this.write(1, { revision: 2 })
    this.history.begin(put(2))
    this.read('2', { revision: 3 })
  }

  write(value: number, { revision, before }: { readonly revision: number; readonly before?: string }): void {
    const attempt = this.history.begin(put(value))
    const changes = [{ key: 'key/a', value: String(value) }]
    this.history.end(attempt, { revision, changes, reads: [], before: [{ key: 'key/a', value: before }] })
  }

  read(value: string | undefined, { revision }: { readonly revision: number }): void {
    const attempt = this.history.begin(get)
    this.history.end(attempt, { revision, changes: [], reads: [{ key: 'key/a', value }], before: [] })
  }

  violations(): string {
    const watchers = [this.watched, this.second].map((batches, n) => ({ name: `w${n}`, batches }))
    const evidence: Evidence = {
      history: this.history,
      watchers,
      leases: this.leases,
      revision: this.watched.at(-1)?.changes.at(-1)?.revision ?? 1,
      held: [{ key: 'key/a', value: this.held }],
    }
    return violationsOf(evidence).join('; ')
  }
}

describe('the verdict on a run', () => {
  test('finds nothing where nothing is wrong', () => {
    expect(new Run().violations()).toBe('')
  })

  test.each<[string, (run: Run) => void, string]>([
    [
      'a write that was lost',
      (run) => (run.watched = run.second = []),
      'revision 2 was answered and is not in the log',
    ],
    ['a stale read', (run) => run.read('1', { revision: 2 }), 'was answered to a call made after 3'],
    ['a read of what is not there', (run) => run.read('1', { revision: 3 }), 'not linearizable'],
    [
      'a write that took effect twice',
      (run) => (run.watched = run.second = [...run.watched, written(4, 2)]),
      'once more or unasked',
    ],
    [
      'a write that took effect before it was asked for',
      (run) => {
        run.read('2', { revision: 4 })
        run.history.begin(put(3))
        run.watched = run.second = [...run.watched, written(4, 3)]
      },
      'was known before key/a=3 was asked',
    ],
    [
      'a write that replaced something else',
      (run) => {
        run.write(3, { revision: 4, before: '1' })
        run.watched = run.second = [...run.watched, written(4, 3)]
        run.held = '3'
      },
      'replaced key/a=1, but it was 2',
    ],
    ['a watcher that missed something', (run) => (run.second = [written(2, 1)]), 'never came'],
    [
      'a watcher that saw something twice',
      (run) => (run.second = [...run.watched, written(3, 2)]),
      'watch w1',
    ],
    ['a state that is not what came of it all', (run) => (run.held = '1'), 'is held, but was 2'],
    [
      'a lease that ended too early',
      (run) => {
        run.leases = [
          { type: 'granted', leaseId: '7', calledAtMs: 0, ttlMs: 5_000 },
          { type: 'revoked', leaseId: '7', cause: 'expired', atMs: 4_000, deletedKeys: [] },
        ]
      },
      'was promised until 5000',
    ],
  ])('finds %s', (_, spoil, violation) => {
    const run = new Run()
    spoil(run)
    expect(run.violations()).toContain(violation)
  })
})
