import type { StoreStatus } from '../store.ts'

/** What both threads see of the status without a message. Alarms are told, since there may be any number of them. */
export interface SharedStatus extends Omit<StoreStatus, 'alarms'> {
  /** Of the watchers, those that the host has created, as far as the thread knows. */
  readonly hostWatchers: number
}

const states = ['open', 'failed', 'closing', 'closed'] as const satisfies readonly StoreStatus['state'][]
/** Numbers of one copy, in the order in which they are written. */
const numbers = [
  'term',
  'commitIndex',
  'appliedIndex',
  'revision',
  'compactRevision',
  'keys',
  'watchers',
  'hostWatchers',
  'sizeBytes',
  'sizeInUseBytes',
  'quotaBytes',
] as const satisfies readonly (keyof SharedStatus)[]
const ids = ['clusterId', 'memberId', 'leaderId'] as const satisfies readonly (keyof SharedStatus)[]

/** State and role come before the numbers. */
const copyNumbers = numbers.length + 2
const copies = 2

/**
 * Memory for a status. There are two copies, and a counter whose lowest bit says which one is valid: the writer
 * changes the other one and then counts, so a reader waits for nobody, and notices when it was overtaken twice.
 */
export function allocateSharedStatus(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 + copies * 8 * (copyNumbers + ids.length))
}

interface Views {
  readonly counter: Int32Array
  readonly numbers: Float64Array
  readonly ids: BigUint64Array
}

function viewsOf(memory: SharedArrayBuffer): Views {
  return {
    counter: new Int32Array(memory, 0, 1),
    numbers: new Float64Array(memory, 8, copies * copyNumbers),
    ids: new BigUint64Array(memory, 8 + copies * copyNumbers * 8, copies * ids.length),
  }
}

/** @returns writes a status; one thread only may do that */
export function sharedStatusWriter(memory: SharedArrayBuffer): (status: SharedStatus) => void {
  const views = viewsOf(memory)
  return (status) => {
    const next = (Atomics.load(views.counter, 0) + 1) | 0
    const copy = next & 1
    let at = copy * copyNumbers
    views.numbers[at++] = states.indexOf(status.state)
    views.numbers[at++] = status.isLearner ? 1 : 0
    for (const name of numbers) views.numbers[at++] = status[name]
    let idAt = copy * ids.length
    for (const name of ids) views.ids[idAt++] = status[name]
    Atomics.store(views.counter, 0, next)
  }
}

/** @returns reads what was written last; something must have been written */
export function sharedStatusReader(memory: SharedArrayBuffer): () => SharedStatus {
  const views = viewsOf(memory)
  const number = (at: number): number => views.numbers[at] ?? 0
  const id = (at: number): bigint => views.ids[at] ?? 0n
  return () => {
    for (;;) {
      const counter = Atomics.load(views.counter, 0)
      const copy = counter & 1
      const at = copy * copyNumbers
      const idAt = copy * ids.length
      // Field by field: servers ask per request.
      const status: SharedStatus = {
        state: states[number(at)] ?? 'failed',
        isLearner: number(at + 1) === 1,
        term: number(at + 2),
        commitIndex: number(at + 3),
        appliedIndex: number(at + 4),
        revision: number(at + 5),
        compactRevision: number(at + 6),
        keys: number(at + 7),
        watchers: number(at + 8),
        hostWatchers: number(at + 9),
        sizeBytes: number(at + 10),
        sizeInUseBytes: number(at + 11),
        quotaBytes: number(at + 12),
        clusterId: id(idAt),
        memberId: id(idAt + 1),
        leaderId: id(idAt + 2),
      }
      if (Atomics.load(views.counter, 0) === counter) return status
    }
  }
}
