import type { Environment } from '@orrery/environment'
import type { KeyValue } from '@orrery/mvcc'
import type { Compare, Store, TxnOp } from '@orrery/store'
import type { AuditIds } from '../audit/audit-id.ts'
import { lastEntryOf, subjectOps } from '../audit/audit-record.ts'
import type { CallOptions, WriteOptions } from '../calls.ts'
import type { AuditAction } from '../model.ts'
import { checkWriteOptions } from '../validate/specs.ts'
import { isAt } from './file-batch.ts'
import { requireRevision, untilDecided } from './until-decided.ts'

/** What a record writer works with. */
export interface RecordWriterParts {
  readonly store: Pick<Store, 'get' | 'range' | 'txn'>
  readonly environment: Environment
  /** Under which all keys stand. */
  readonly prefix: string
  readonly ids: AuditIds
  /** Resolves when a revision of the store is seen here. */
  readonly reached: (revision: number, options: CallOptions) => Promise<void>
}

/** What is written: a key below the prefix, and what the trail calls it. */
export interface RecordPlace {
  readonly key: string
  readonly subject: string
}

/** What becomes of a record. */
export interface RecordChange<Result> {
  /** Undefined: it is deleted. */
  readonly value: string | undefined
  /** What has to hold beside that the record is what it was. */
  readonly conditions?: readonly Compare[]
  readonly action: AuditAction
  readonly result: (revision: number) => Result
}

/** Writes what is written seldom, groups and templates, one txn each: the record, and its entry in the trail. */
export class RecordWriter {
  readonly #parts: RecordWriterParts

  constructor(parts: RecordWriterParts) {
    this.#parts = parts
  }

  /**
   * Reads, decides and writes, until nobody is faster. Resolves when it is seen here.
   *
   * @param decide gets the record, undefined if there is none, and the time of the change. Unit: ms since the epoch
   * @throws ConfigError `CONFIG_INVALID`, `CONFIG_CONFLICT`, `CONFIG_OVERLOADED`; what `decide` throws
   */
  async write<Result>(
    { key, subject }: RecordPlace,
    decide: (kv: KeyValue | undefined, atMs: number) => RecordChange<Result> | Promise<RecordChange<Result>>,
    options: WriteOptions,
  ): Promise<Result> {
    checkWriteOptions(options)
    const { store, environment, prefix, reached } = this.#parts
    const { actor = '', reason = '', signal } = options
    const own = prefix + key
    const written = await untilDecided(async () => {
      const kv = await store.get(own, { signal })
      const before = kv?.modRevision ?? 0
      requireRevision(options, before)
      const { notBefore, isLast } = await lastEntryOf(this.#parts, subject, options)
      const place = {
        atMs: Math.max(environment.clock.wallMs(), notBefore.atMs),
        order: Math.max(before, notBefore.order),
      }
      const { value, conditions = [], action, result } = await decide(kv, place.atMs)
      const op: TxnOp =
        value === undefined ? { type: 'deleteRange', key: own } : { type: 'put', key: own, value }
      const note = {
        ...{ subject, action, version: undefined, beforeRevision: before, place },
        ...{ author: { actor, reason }, previous: undefined },
      }
      const { succeeded, revision } = await store.txn(
        {
          compare: [isAt(own, before), isLast, ...conditions],
          success: [op, ...subjectOps(this.#parts, note)],
        },
        { signal },
      )
      return succeeded ? { revision, result } : undefined
    })
    await reached(written.revision, options)
    return written.result(written.revision)
  }
}
