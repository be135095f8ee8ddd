import type { Key } from './key.ts'
import type { KeyIndex } from './key-index.ts'
import type { Backend } from './ports.ts'

/** Named values in the backend by which an interrupted compaction is found again. */
const scheduledName = 'mvcc/compact-scheduled'
const finishedName = 'mvcc/compact-finished'

/** What a backend remembers of compactions. */
export interface CompactionRecord {
  /** -1: never. */
  readonly scheduled: number
  readonly finished: number
}

export function readCompactionRecord(backend: Backend): CompactionRecord {
  return {
    scheduled: readNumber(backend, scheduledName) ?? -1,
    finished: readNumber(backend, finishedName) ?? -1,
  }
}

/**
 * The removal of superseded revisions, in slices. Reads never depend on how far it is: what it removes could
 * not be read any more since the compaction was asked for.
 *
 * A crash loses nothing but time: the index is rebuilt from what the backend still holds, and the pass
 * begins anew, as long as *scheduled* is ahead of *finished*.
 */
export class Compaction {
  readonly #index: KeyIndex
  readonly #backend: Backend
  #scheduled: number
  #finished: number
  /** The pass in progress: what it compacts to, and the next key to look at. */
  #pass: { readonly revision: number; from: Key } | undefined

  constructor(index: KeyIndex, backend: Backend, record: CompactionRecord) {
    this.#index = index
    this.#backend = backend
    this.#scheduled = record.scheduled
    this.#finished = record.finished
  }

  /** The revision that was asked for last, -1 when none was. */
  get revision(): number {
    return this.#scheduled
  }

  /** The revision whose superseded revisions are all removed. */
  get finishedRevision(): number {
    return this.#finished
  }

  get pending(): boolean {
    return this.#finished < this.#scheduled
  }

  /** The newest revision of the store keeps its record, so that it is found again after a restart. */
  schedule(revision: number): void {
    this.#scheduled = revision
    writeNumber(this.#backend, scheduledName, revision)
  }

  /**
   * Looks at up to `budget` keys and superseded revisions.
   *
   * @returns whether there is more to do
   */
  step(budget: number): boolean {
    if (!this.pending) return false
    const pass = (this.#pass ??= { revision: this.#scheduled, from: '' })
    const dead: Key[] = []
    let next: Key | undefined
    let left = budget
    this.#index.visit(pass.from, undefined, (key, history) => {
      if (left <= 0) {
        next = key
        return false
      }
      // The last revision of a dead key goes with its key, so that a history is never empty.
      const isDead = history.isDeadAt(pass.revision)
      const limit = isDead ? Math.min(left, history.length - 1) : left
      const dropped = history.compact(pass.revision, limit, (main, sub, tombstone) => {
        this.#backend.delete(main, sub, tombstone)
      })
      if (isDead && history.length === 1) {
        this.#backend.delete(history.main, history.sub, true)
        dead.push(key)
      } else if (dropped === left) {
        // There may be more of this key.
        next = key
        return false
      }
      left -= dropped + 1
      return true
    })
    for (const key of dead) this.#index.remove(key)
    if (next !== undefined) {
      pass.from = next
      return true
    }
    this.#finished = pass.revision
    this.#pass = undefined
    writeNumber(this.#backend, finishedName, pass.revision)
    return this.pending
  }
}

function readNumber(backend: Backend, name: string): number | undefined {
  const bytes = backend.getMeta(name)
  if (bytes === undefined) return undefined
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigInt64(0))
}

function writeNumber(backend: Backend, name: string, value: number): void {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value))
  backend.setMeta(name, bytes)
}
