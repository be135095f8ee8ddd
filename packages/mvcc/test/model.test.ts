import { createMemoryBackend, createMvcc, KeyValue, type Mvcc, validateTxn } from '@orrery/mvcc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deleteRange, key, leaseIds, put, range, txn } from './support/arbitraries.ts'
import { LeaseBook } from './support/lease-book.ts'
import { Model, outcome, recordOf } from './support/model.ts'
import { latin1, pairOf } from './support/wire.ts'

/** The core beside the model: every step goes to both, and they must answer alike. */
class Twins {
  readonly model = new Model()
  readonly backend = createMemoryBackend()
  leases = new LeaseBook(this.model.leases)
  mvcc: Mvcc = createMvcc({ backend: this.backend, leases: this.leases })

  constructor() {
    while (this.mvcc.restoreStep(1));
    for (const id of leaseIds) this.model.leases.add(id)
  }

  /** Both answer the same, or refuse with the same code. */
  compare(real: (mvcc: Mvcc) => unknown, naive: (model: Model) => unknown): void {
    expect(outcome(() => plain(real(this.mvcc)))).toEqual(outcome(() => naive(this.model)))
  }

  compact(revision: number): void {
    this.compare(
      (mvcc) => mvcc.compact(revision),
      (model) => model.compact(revision),
    )
  }

  /** The member stops, whatever it was doing, and starts again from what the backend holds. */
  restart(sliceRevisions: number): void {
    const { attached } = this.leases
    this.leases = new LeaseBook(this.model.leases)
    this.mvcc = createMvcc({ backend: this.backend, leases: this.leases })
    while (this.mvcc.restoreStep(sliceRevisions));
    expect(this.leases.attached).toEqual(attached)
  }

  revoke(lease: bigint): void {
    this.model.leases.delete(lease)
    const keys = this.leases.keysOf(lease)
    this.compare(
      (mvcc) => mvcc.deleteKeys(keys),
      (model) => model.deleteKeys(keys),
    )
    expect(this.leases.keysOf(lease)).toEqual([])
  }

  hash(revision: number, sliceRevisions: number): void {
    this.compare(
      (mvcc) => {
        const hashing = mvcc.hashKv(revision)
        while (hashing.step(sliceRevisions));
        return hashing.hash
      },
      (model) => model.hashKv(revision),
    )
  }

  finishCompaction(): void {
    while (this.mvcc.compactStep(3));
    expect(this.mvcc.compactFinishedRevision).toBe(this.model.compactRevision)
    const kept = this.model.kept().map((change) => ({
      main: change.main,
      sub: change.sub,
      tombstone: change.pair === undefined,
      record: latin1(recordOf(change)),
    }))
    const stored: unknown[] = []
    this.backend.scan(0, 0, (main, sub, tombstone, record) => {
      stored.push({ main, sub, tombstone, record: latin1(record) })
      return true
    })
    expect(stored).toEqual(kept)
  }

  /** What must be equal after every step. */
  check(): void {
    const { model, mvcc } = this
    const state = model.stateAt(Infinity)
    expect(mvcc.revision).toBe(model.revision)
    expect(mvcc.compactRevision).toBe(model.compactRevision)
    expect(mvcc.keys).toBe(state.size)
    const attached = [...state.values()].flatMap(({ key, lease }) => (lease === 0n ? [] : [[key, lease]]))
    expect([...this.leases.attached].sort()).toEqual(attached.sort())
  }

  /** Everything that can be read at all. */
  checkHistory(): void {
    for (let revision = this.model.compactRevision - 1; revision <= this.model.revision + 1; revision++) {
      const all = { key: '\0', rangeEnd: '\0', revision }
      this.compare(
        (mvcc) => mvcc.range(all),
        (model) => model.range(all),
      )
    }
  }
}

/** Turns every {@link KeyValue} in a result into plain values. */
function plain(value: unknown): unknown {
  if (value instanceof KeyValue) return pairOf(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}

type Step = (twins: Twins) => void

const slice = fc.integer({ min: 1, max: 9 })
/** A revision, counted back from the present; −1 is the future. */
const back = fc.integer({ min: -1, max: 12 })
const leaseId = fc.constantFrom(...leaseIds)

/** A step, printed by fast-check as what it does. */
function step<T>(name: string, argument: fc.Arbitrary<T>, run: (twins: Twins, value: T) => void) {
  return argument.map((value): Step => {
    const named: Step = (twins) => run(twins, value)
    return Object.assign(named, { [fc.toStringMethod]: () => `${name}(${fc.stringify(value)})` })
  })
}

const writeStep = fc.oneof(
  {
    weight: 8,
    arbitrary: step('put', put, (twins, request) => {
      twins.compare(
        (mvcc) => mvcc.put(request),
        (model) => model.put(request),
      )
    }),
  },
  {
    weight: 1,
    arbitrary: step('deleteRange', deleteRange, (twins, request) => {
      twins.compare(
        (mvcc) => mvcc.deleteRange(request),
        (model) => model.deleteRange(request),
      )
    }),
  },
  {
    weight: 6,
    arbitrary: step('txn', txn, (twins, request) => {
      if ('refused' in outcome(() => validateTxn(request, 128))) return
      twins.compare(
        (mvcc) => mvcc.txn(request),
        (model) => model.txn(request),
      )
    }),
  },
  {
    weight: 1,
    arbitrary: step('deleteKeys', fc.array(key, { maxLength: 3 }), (twins, keys) => {
      twins.compare(
        (mvcc) => mvcc.deleteKeys(keys),
        (model) => model.deleteKeys(keys),
      )
    }),
  },
)

const anyStep = fc.oneof(
  { weight: 12, arbitrary: writeStep },
  {
    weight: 8,
    arbitrary: step('range', range, (twins, request) => {
      twins.compare(
        (mvcc) => mvcc.range(request),
        (model) => model.range(request),
      )
    }),
  },
  { weight: 2, arbitrary: step('compact', back, (twins, n) => twins.compact(twins.model.revision - n)) },
  { weight: 3, arbitrary: step('compactStep', slice, (twins, n) => twins.mvcc.compactStep(n)) },
  { weight: 1, arbitrary: step('restart', slice, (twins, n) => twins.restart(n)) },
  {
    weight: 1,
    arbitrary: step('hash', fc.tuple(back, slice), (twins, [n, revisions]) => {
      twins.hash(twins.model.revision - n, revisions)
    }),
  },
  { weight: 1, arbitrary: step('grant', leaseId, (twins, id) => twins.model.leases.add(id)) },
  { weight: 1, arbitrary: step('revoke', leaseId, (twins, id) => twins.revoke(id)) },
  { weight: 1, arbitrary: step('finishCompaction', fc.constant(0), (twins) => twins.finishCompaction()) },
)

test('answers every request as a plain list of all changes would, through compactions and restarts', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const twins = new Twins()
      for (const run of steps) {
        run(twins)
        twins.check()
      }
      twins.checkHistory()
      twins.hash(0, 5)
      twins.restart(4)
      twins.finishCompaction()
      twins.checkHistory()
      twins.hash(0, 5)
    }),
    { numRuns: 1_000 },
  )
})
