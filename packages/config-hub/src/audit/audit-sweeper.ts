import type { Environment, Timer } from '@orrery/environment'
import type { Store, TxnOp } from '@orrery/store'
import { isTooMuchAtOnce } from '../errors.ts'
import { endOf } from '../keys.ts'
import { timeKey } from './audit-id.ts'
import { allRecords, allSubjects, decodeRecord, isFile, recordsOf, subjectOf } from './audit-record.ts'
import { readRecords } from './record-range.ts'

/** What a sweeper works with. */
export interface AuditSweeperParts {
  readonly store: Pick<Store, 'range' | 'txn'>
  readonly environment: Environment
  /** Under which all keys stand. */
  readonly prefix: string
}

/** Records that are removed in one txn: nearly always, each takes up to two of the operations that it may have. */
const sliceMaxRecords = 60

/** Keys of one read. */
const readMaxKeys = 1_000

/** How often it looks: a hundred times in the life of an entry, but within these bounds. Unit: ms. */
const intervalMs = { min: 1_000, max: 3_600_000 } as const

/**
 * Removes entries of the trail that are too old, a few at a time. Each member does; what one has removed, the others do not find, and that
 * they begin at random times keeps them from looking at once.
 */
export class AuditSweeper {
  readonly #parts: AuditSweeperParts
  readonly #maxAgeMs: number
  readonly #intervalMs: number
  #timer: Timer | undefined
  #sweeping: Promise<void> | undefined
  #goOn: (() => void) | undefined
  #isClosed = false

  /** @param maxAgeMs `Infinity`: nothing is ever removed */
  constructor(parts: AuditSweeperParts, maxAgeMs: number) {
    this.#parts = parts
    this.#maxAgeMs = maxAgeMs
    this.#intervalMs = Math.min(intervalMs.max, Math.max(intervalMs.min, maxAgeMs / 100))
  }

  /** Looks for the first time after a part of its interval, and then again and again. */
  start(): void {
    if (this.#maxAgeMs !== Infinity) this.#wait(this.#parts.environment.random.float() * this.#intervalMs)
  }

  /** Removes what is too old now. @returns how many entries were */
  async sweep(): Promise<number> {
    const { clock } = this.#parts.environment
    const beforeMs = Math.floor(clock.wallMs() - this.#maxAgeMs)
    if (beforeMs <= 0) return 0
    let removed = 0
    while (!this.#isClosed) {
      const slice = await this.#slice(beforeMs)
      removed += slice.entries
      if (!slice.more) break
      await this.#pause()
    }
    return removed
  }

  /** Stops, and waits for what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#goOn?.()
    await this.#sweeping
  }

  #wait(ms: number): void {
    this.#timer = this.#parts.environment.clock.setTimer(ms, () => {
      this.#sweeping = this.#sweepSafely()
    })
  }

  async #sweepSafely(): Promise<void> {
    try {
      await this.sweep()
    } catch (error) {
      // Nothing hangs on it: the next time will do.
      if (!this.#isClosed) {
        this.#parts.environment.logger.warn('the hub could not remove old entries of its audit trail', {
          error,
        })
      }
    }
    if (!this.#isClosed) this.#wait(this.#intervalMs)
  }

  /** What others want of the store comes in between. */
  async #pause(): Promise<void> {
    if (this.#isClosed) return
    await new Promise<void>((resolve) => {
      this.#goOn = resolve
      this.#parts.environment.clock.defer(resolve)
    })
  }

  /** Removes the newest of those that are too old: the older ones come after them. What is no record is not touched. */
  async #slice(beforeMs: number): Promise<{ readonly more: boolean; readonly entries: number }> {
    const { store, prefix } = this.#parts
    const area = allRecords(prefix)
    const { records, more } = await readRecords(
      { store, ensureOpen: () => {} },
      {
        ...{ area, key: area + timeKey(beforeMs - 1), rangeEnd: endOf(area) },
        ...{ limit: sliceMaxRecords, signal: undefined },
      },
    )
    let entries = 0
    const keys: string[] = []
    const unreadable = new Set<string>()
    for (const record of records) {
      const { id } = record
      const recorded = decodeRecord(id, record)
      if (recorded.length === 0) unreadable.add(id)
      entries += recorded.length
      // What points at a record goes before it: it is found by the record only.
      for (const { entry } of recorded) {
        if (!isFile(entry)) keys.push(recordsOf(prefix, subjectOf(entry)) + id)
      }
      keys.push(area + id)
    }
    if (unreadable.size > 0) await this.#removePointers(unreadable)
    if (this.#isClosed) return { more: false, entries: 0 }
    await this.#remove(keys)
    return { more, entries }
  }

  /** Removes what points at records that do not say whose they are: it may be anywhere. */
  async #removePointers(ids: ReadonlySet<string>): Promise<void> {
    const { store, prefix } = this.#parts
    const all = allSubjects(prefix)
    const range = { rangeEnd: endOf(all), limit: readMaxKeys, keysOnly: true } as const
    let key = all
    while (!this.#isClosed) {
      const { kvs, more } = await store.range({ ...range, key }, { serializable: true })
      const keys = kvs.map(({ keyString }) => keyString)
      await this.#remove(keys.filter((pointer) => ids.has(pointer.slice(pointer.lastIndexOf('/') + 1))))
      const last = keys.at(-1)
      if (!more || last === undefined) return
      key = `${last}\0`
      await this.#pause()
    }
  }

  /** Removes keys in their order, in one txn if it may have so many operations. */
  async #remove(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    try {
      await this.#parts.store.txn({ success: keys.map((key): TxnOp => ({ type: 'deleteRange', key })) })
    } catch (error) {
      if (keys.length === 1 || !isTooMuchAtOnce(error)) throw error
      const half = keys.length >> 1
      await this.#remove(keys.slice(0, half))
      await this.#remove(keys.slice(half))
    }
  }
}
