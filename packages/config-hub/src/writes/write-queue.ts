import { type Batcher, type BatchingOptions, createBatcher, ItemFailure } from '@orrery/batching'
import { type Environment, hasCode, invariant } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { AuditParts } from '../audit/audit-record.ts'
import type { CallOptions } from '../calls.ts'
import { ConfigError, isTooMuchAtOnce } from '../errors.ts'
import { type FileWrite, jointTxn, needsGroup, SeparateTxns, type WriteResult } from './file-batch.ts'
import type { FileState } from './file-state.ts'

/** What a write queue needs. */
export interface WriteQueueParts extends AuditParts {
  readonly store: Pick<Store, 'txn'>
  readonly environment: Environment
}

/** Writes of one file that follow one another. */
export interface FileLine {
  /** What the last of them left behind. Undefined: not known. */
  state: FileState | undefined
}

interface Line extends FileLine {
  last: Promise<unknown> | undefined
}

/**
 * Writes files in batches, one txn of the store each, and a second one where somebody else has come in between. Writes of the same file
 * follow one another in the order of their calls; all others may overtake.
 */
export class WriteQueue {
  readonly #parts: WriteQueueParts
  readonly #batcher: Batcher<FileWrite, WriteResult>
  /** Of each file that has a write in flight. */
  readonly #lines = new Map<string, Line>()
  /** Calls that wait for an earlier one of the same file. */
  #chained = 0
  /** The group of the last write, if something is expected of it. */
  #lastGroup: string | undefined

  constructor(parts: WriteQueueParts, options: BatchingOptions) {
    this.#parts = parts
    const maxBytes = options.batchMaxBytes ?? batchMaxBytes
    const bytesPerOp = maxBytes / batchMaxOps
    this.#batcher = createBatcher(
      {
        clock: parts.environment.clock,
        run: (writes) => this.#run(writes),
        sizeOf: (write) => Math.max(write.bytes, this.#opsOf(write) * bytesPerOp),
      },
      { ...options, batchMaxBytes: maxBytes },
    )
  }

  /** Writes that wait for others of their file, or for a place in a batch. */
  get queued(): number {
    return this.#chained + this.#batcher.stats().queued
  }

  /**
   * Runs something for a file when everything before it for the same one has ended.
   *
   * @throws ConfigError `CONFIG_OVERLOADED`: too many wait for others already
   */
  inOrder<T>(path: string, run: (line: FileLine) => Promise<T>): Promise<T> {
    const line = this.#lines.get(path) ?? { state: undefined, last: undefined }
    if (line.last !== undefined) {
      if (this.#chained >= chainedMaxCalls) {
        return Promise.reject(new ConfigError('CONFIG_OVERLOADED', 'too much waits for others already'))
      }
      this.#chained++
    } else this.#lines.set(path, line)
    const next = (): Promise<T> => {
      this.#chained--
      return run(line)
    }
    const result = line.last === undefined ? run(line) : line.last.then(next, next)
    line.last = result
    const forget = (): void => {
      if (line.last === result) this.#lines.delete(path)
    }
    result.then(forget, forget)
    return result
  }

  /**
   * Writes. Call it from within {@link WriteQueue.inOrder}.
   *
   * @throws ConfigError `CONFIG_OVERLOADED`, `CONFIG_CLOSED`; what the store throws
   */
  async submit(write: FileWrite, { signal }: CallOptions): Promise<WriteResult> {
    try {
      return await this.#batcher.submit(write, signal === undefined ? undefined : { signal })
    } catch (error) {
      throw toConfigError(error)
    }
  }

  /** Writes what waits, and takes no more. */
  close(): Promise<void> {
    return this.#batcher.close()
  }

  /**
   * What a write takes of what a txn may have: operations, or conditions if those are more. A batch expects something of a group once,
   * and of many writes, those that need a group are mostly of one: it is counted for the first of those that follow one another.
   */
  #opsOf(write: FileWrite): number {
    const { expected, groupPath, creation, ops } = write
    const group = needsGroup(write) ? groupPath : undefined
    const isFirst = group !== undefined && group !== this.#lastGroup
    this.#lastGroup = group
    const conditions = expected === 0 ? 2 : 1
    if (!isFirst) return Math.max(ops.length, conditions)
    const created = creation ?? { ops: [], conditions: [] }
    return Math.max(ops.length + created.ops.length, conditions + 1 + created.conditions.length)
  }

  /** Never rejects: when a part of a batch fails, others may be in the store already, and are told so. */
  async #run(writes: readonly FileWrite[]): Promise<readonly (WriteResult | ItemFailure)[]> {
    const { store } = this.#parts
    try {
      const { succeeded, revision } = await store.txn(jointTxn(this.#parts, writes))
      if (succeeded) return writes.map(() => ({ type: 'done', revision }))
      if (writes.length === 1) return [{ type: 'differs', revision }]
      return await this.#runSeparately(writes)
    } catch (error) {
      // What stands around the writes, such as new groups, takes room of its own.
      if (writes.length === 1 || !isTooMuchAtOnce(error)) return writes.map(() => new ItemFailure(error))
      const half = writes.length >> 1
      const first = await this.#run(writes.slice(0, half))
      return [...first, ...(await this.#run(writes.slice(half)))]
    }
  }

  async #runSeparately(writes: readonly FileWrite[]): Promise<readonly (WriteResult | ItemFailure)[]> {
    const separate = new SeparateTxns(this.#parts, writes)
    const results = separate.results(await this.#parts.store.txn(separate.request()))
    const leftOut = writes.filter((_, n) => results[n] === undefined)
    const others = leftOut.length === 0 ? [] : await this.#run(leftOut)
    let at = 0
    return results.map((result) => {
      const own = result ?? others[at++]
      invariant(own !== undefined, 'each write has a result')
      return own
    })
  }
}

/**
 * A txn is applied in one go, and its writes are answered all at once: with large ones, who writes again at once waits while the disk
 * works, and the disk while they are decided on. Several small ones alternate. A larger content goes alone. Unit: bytes.
 */
const batchMaxBytes = 65_536

/** Operations, or conditions, of the writes of a batch: of the 128 that a store takes in one txn, some are for the trail, and for a group. */
const batchMaxOps = 112

/** Calls that may wait for earlier ones of the same file. */
const chainedMaxCalls = 65_536

function toConfigError(error: unknown): unknown {
  if (hasCode(error, 'BATCHING_QUEUE_FULL', 'BATCHING_ITEM_TOO_LARGE')) {
    return new ConfigError('CONFIG_OVERLOADED', 'too much waits to be written already', { cause: error })
  }
  if (hasCode(error, 'BATCHING_EXPIRED')) {
    return new ConfigError('CONFIG_OVERLOADED', 'it waited too long to be written', { cause: error })
  }
  if (hasCode(error, 'BATCHING_CLOSED')) {
    return new ConfigError('CONFIG_CLOSED', 'the hub is closed', { cause: error })
  }
  return error
}
