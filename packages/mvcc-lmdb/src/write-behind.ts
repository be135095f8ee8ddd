import type { Environment, Timer } from '@orrery/environment'
import { invariant } from '@orrery/environment'
import { Batch } from './batch.ts'
import type { Committed, Committer } from './committer.ts'
import { LmdbError } from './errors.ts'
import { recordMaxBytes } from './layout.js'
import type { LmdbBackend } from './lmdb-backend.ts'
import type { LmdbBackendOptions } from './options.ts'
import type { RevisionVisitor } from './pending-writes.ts'
import { PendingWrites } from './pending-writes.ts'
import type { LmdbReader } from './reader.ts'

/** Logs whose memory is kept for the next batches: one is written while another is committed. */
const spareMax = 2

/** Somebody who waits for a seal to be durable. */
interface Waiter {
  readonly seal: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Keeps writes in memory, hands them to the committer in batches that end at a seal, and answers reads from
 * both. A batch leaves memory only after the reader sees the commit that holds it.
 */
export class WriteBehind implements LmdbBackend {
  readonly #committer: Committer
  readonly #reader: LmdbReader
  readonly #environment: Pick<Environment, 'clock' | 'logger'>
  readonly #options: Required<LmdbBackendOptions>
  readonly #pending = new PendingWrites()
  /** Batches that are full, oldest first. The first is with the committer if `#committing`. */
  readonly #queue: Batch[] = []
  readonly #waiters: Waiter[] = []
  readonly #spare: ArrayBuffer[] = []
  /** Takes the writes. Invariant: the newest batch in `#pending`. */
  #current: Batch
  #linger: Timer | undefined
  /** The current batch has waited long enough, or somebody waits for it. */
  #due = false
  #committing = false
  #queuedBytes = 0
  #seals = 0
  #durableSeal = 0
  #lastIndex: number
  #durable: Committed
  #failure: LmdbError | undefined
  #closed: Promise<void> | undefined
  onFailure: ((error: Error) => void) | undefined
  onDurable: ((index: number) => void) | undefined

  constructor(parts: {
    readonly committer: Committer
    readonly reader: LmdbReader
    readonly opened: Committed
    readonly environment: Pick<Environment, 'clock' | 'logger'>
    readonly options: Required<LmdbBackendOptions>
  }) {
    this.#committer = parts.committer
    this.#reader = parts.reader
    this.#environment = parts.environment
    this.#options = parts.options
    this.#durable = parts.opened
    this.#lastIndex = parts.opened.index
    this.#current = this.#startBatch()
    this.#committer.onCommitted = (committed) => {
      this.#committed(committed)
    }
    this.#committer.onFailed = (error) => {
      this.#failed(error)
    }
  }

  get durableIndex(): number {
    return this.#durable.index
  }

  get pendingBytes(): number {
    return this.#queuedBytes + this.#current.log.length
  }

  get sizeBytes(): number {
    return this.#durable.sizeBytes
  }

  get sizeInUseBytes(): number {
    return this.#durable.sizeInUseBytes
  }

  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void {
    if (record.length > recordMaxBytes) {
      throw new LmdbError('LMDB_RECORD_TOO_LARGE', `${record.length} bytes, at most ${recordMaxBytes}`)
    }
    this.#writable().put(main, sub, tombstone, record)
  }

  delete(main: number, sub: number, tombstone: boolean): void {
    this.#writable().delete(main, sub, tombstone)
  }

  setMeta(name: string, value: Uint8Array | undefined): void {
    invariant(
      name.length <= 200 && /^[\0-\x7f]*$/.test(name),
      'a named value has an ASCII name of at most 200',
    )
    this.#writable().setMeta(name, value)
  }

  get(main: number, sub: number): Uint8Array {
    this.#assertOpen()
    const pending = this.#pending.get(main, sub)
    if (pending === undefined) {
      const record = this.#reader.get(main, sub)
      if (record !== undefined) return record
    } else if (pending?.record !== undefined && !pending.tombstone) {
      return pending.record
    }
    invariant(false, `the backend has no revision ${main}/${sub}`)
  }

  getMeta(name: string): Uint8Array | undefined {
    this.#assertOpen()
    const pending = this.#pending.getMeta(name)
    return pending === undefined ? this.#reader.getMeta(name) : (pending ?? undefined)
  }

  scan(fromMain: number, fromSub: number, visit: RevisionVisitor): void {
    this.#assertOpen()
    const cursor = this.#pending.cursor(fromMain, fromSub)
    const reachedEnd = this.#reader.scan(fromMain, fromSub, (main, sub, tombstone, record) => {
      if (!cursor.visitBefore(main, sub, visit)) return false
      // What a pending write touched is its to tell.
      return this.#pending.get(main, sub) !== undefined || visit(main, sub, tombstone, record)
    })
    if (reachedEnd) cursor.visitBefore(Infinity, 0, visit)
  }

  scanMeta(prefix: string, visit: (name: string, value: Uint8Array) => void): void {
    this.#assertOpen()
    const values = new Map<string, Uint8Array | undefined>()
    this.#reader.scanMeta(prefix, (name, value) => values.set(name, value))
    for (const [name, value] of this.#pending.allMeta(prefix)) values.set(name, value)
    // Names are ASCII: the order of code units is the order of bytes.
    const names = [...values.keys()].sort((a, b) => (a < b ? -1 : 1))
    for (const name of names) {
      const value = values.get(name)
      if (value !== undefined) visit(name, value)
    }
  }

  seal(index: number): void {
    invariant(index >= this.#lastIndex, `index ${index} is sealed after ${this.#lastIndex}`)
    this.#lastIndex = index
    const batch = this.#writable()
    batch.markSealed(++this.#seals, index)
    if (
      batch.operations >= this.#options.batchMaxOperations ||
      batch.log.length >= this.#options.batchMaxBytes
    ) {
      this.#enqueueSealed()
    } else if (this.#due) {
      this.#pump()
    }
  }

  flush(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#durableSeal === this.#seals) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ seal: this.#seals, resolve, reject })
      this.#due = true
      this.#pump()
    })
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    // The failure, if any, has been reported.
    await this.flush().catch(() => undefined)
    this.#linger?.cancel()
    await this.#reader.close()
    await this.#committer.close(this.#failure === undefined)
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new LmdbError('LMDB_CLOSED', 'the backend is closed')
  }

  /** The batch that takes the next write. */
  #writable(): Batch {
    this.#assertOpen()
    this.#startLinger()
    return this.#current
  }

  #startLinger(): void {
    this.#linger ??= this.#environment.clock.setTimer(this.#options.lingerMaxMs, () => {
      this.#due = true
      this.#pump()
    })
  }

  #startBatch(): Batch {
    const batch = new Batch(this.#spare.pop())
    this.#pending.add(batch)
    return batch
  }

  /** Puts the sealed part of the current batch into the queue, and begins the next with the rest. */
  #enqueueSealed(): void {
    const full = this.#current
    if (full.seal === 0 || this.#failure !== undefined) return
    this.#linger?.cancel()
    this.#linger = undefined
    this.#due = false
    this.#current = this.#startBatch()
    if (full.hasUnsealed) {
      full.moveUnsealed(this.#current)
      this.#startLinger()
    }
    this.#queue.push(full)
    this.#queuedBytes += full.log.length
    this.#pump()
  }

  /** Gives the committer its next batch. While it works, a batch that is due goes on growing: fewer syncs. */
  #pump(): void {
    if (this.#committing || this.#failure !== undefined) return
    const next = this.#queue[0]
    if (next === undefined) {
      if (this.#due) this.#enqueueSealed()
      return
    }
    this.#committing = true
    this.#committer.commit(next)
  }

  #committed(committed: Committed): void {
    const batch = this.#queue.shift()
    invariant(batch !== undefined && batch.index === committed.index, 'a commit answers the oldest batch')
    this.#committing = false
    this.#durable = committed
    this.#durableSeal = batch.seal
    this.#queuedBytes -= batch.log.length
    this.#reader.renew()
    this.#pending.dropOldest()
    if (committed.log !== undefined && this.#spare.length < spareMax) this.#spare.push(committed.log)
    while (this.#waiters[0] !== undefined && this.#waiters[0].seal <= batch.seal) {
      this.#waiters.shift()?.resolve()
    }
    this.#pump()
    this.onDurable?.(committed.index)
  }

  #failed(error: LmdbError): void {
    this.#failure = error
    this.#linger?.cancel()
    this.#environment.logger.error('the backend has stopped writing', { error: error.message })
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error)
    this.onFailure?.(error)
  }
}
