import { Buffer } from 'node:buffer'
import { type Database, open } from 'lmdb'
import { LmdbError } from './errors.ts'
import {
  checksumBytes,
  databaseNames,
  databaseOptions,
  environmentOptions,
  readMain,
  readSub,
  revisionKeyBytes,
  writeRevisionKey,
} from './layout.js'
import type { RevisionVisitor } from './pending-writes.ts'

/**
 * Records up to a size are cut from shared blocks: a copy of 256 B then costs 0.1 us instead of 0.5, and V8, which
 * collects garbage by the memory that arrays have of their own, does so less often. A caller that keeps one record
 * keeps its block too, so blocks hold few.
 */
const blocks = [
  { recordMaxBytes: 2_048, blockBytes: 16 * 1024 },
  { recordMaxBytes: 16 * 1024, blockBytes: 128 * 1024 },
] as const

/**
 * What is durable, read on the caller's thread. It shares the worker's environment; each call sees the last
 * commit that was announced by {@link LmdbReader.renew}.
 */
export class LmdbReader {
  readonly #path: string
  readonly #environment: Database<Buffer, Buffer>
  readonly #revisions: Database<Uint8Array, Buffer>
  readonly #meta: Database<Buffer, Buffer>
  readonly #key = Buffer.alloc(revisionKeyBytes)
  /** Views of lmdb-js's read buffer by length: making one costs more than copying through it. */
  #views: (Uint8Array | undefined)[] = []
  #viewed: ArrayBufferLike | undefined
  readonly #blocks = blocks.map(
    ({ recordMaxBytes, blockBytes }) => new RecordBlock(recordMaxBytes, blockBytes),
  )

  /** Opens an environment that the worker has opened before. */
  constructor(path: string, mapMaxBytes: number) {
    this.#path = path
    const environment = open<Buffer, Buffer>(environmentOptions(path, mapMaxBytes, true))
    this.#environment = environment
    // Without a decoder, lmdb-js gives each record that a range visits memory of its own. An option of it that its
    // types do not know.
    const decoded = {
      keyEncoding: databaseOptions.keyEncoding,
      encoder: { encode: (record: Buffer) => record, decode: (stored: Buffer) => this.#copy(stored) },
    }
    this.#revisions = environment.openDB(databaseNames.revisions, decoded)
    this.#meta = environment.openDB(databaseNames.meta, databaseOptions)
  }

  /** The record of a revision that is no tombstone. */
  get(main: number, sub: number): Uint8Array | undefined {
    writeRevisionKey(this.#key, 0, main, sub, false)
    try {
      const stored = this.#revisions.getBinaryFast(this.#key)
      return stored === undefined ? undefined : this.#copy(stored)
    } catch (error) {
      throw this.#unreadable(error)
    }
  }

  /** Visits revisions in order from one on. False: the visitor had enough. */
  scan(fromMain: number, fromSub: number, visit: RevisionVisitor): boolean {
    const start = Buffer.alloc(revisionKeyBytes)
    writeRevisionKey(start, 0, fromMain, fromSub, false)
    const entries = this.#iterate(this.#revisions, start)
    try {
      for (let next = this.#next(entries); next !== undefined; next = this.#next(entries)) {
        const { key, value: record } = next
        const isTombstone = key.length > revisionKeyBytes
        if (!visit(readMain(key, 0), readSub(key, 0), isTombstone, record)) return false
      }
      return true
    } finally {
      entries.return?.()
    }
  }

  getMeta(name: string): Uint8Array | undefined {
    try {
      const stored = this.#meta.getBinary(Buffer.from(`n${name}`, 'latin1'))
      return stored?.subarray(0, stored.length - checksumBytes)
    } catch (error) {
      throw this.#unreadable(error)
    }
  }

  /** Visits the named values whose name begins with `prefix`, in order of name. */
  scanMeta(prefix: string, visit: (name: string, value: Uint8Array) => void): void {
    const wanted = `n${prefix}`
    const entries = this.#iterate(this.#meta, Buffer.from(wanted, 'latin1'))
    try {
      for (let next = this.#next(entries); next !== undefined; next = this.#next(entries)) {
        const name = next.key.toString('latin1')
        if (!name.startsWith(wanted)) return
        visit(name.slice(1), next.value.subarray(0, next.value.length - checksumBytes))
      }
    } finally {
      entries.return?.()
    }
  }

  /** From the next read on, answers from the newest commit. */
  renew(): void {
    this.#environment.resetReadTxn()
  }

  async close(): Promise<void> {
    await this.#environment.close()
  }

  #iterate<V>(database: Database<V, Buffer>, start: Buffer): Iterator<{ key: Buffer; value: V }> {
    try {
      return database.getRange({ start })[Symbol.iterator]()
    } catch (error) {
      throw this.#unreadable(error)
    }
  }

  #next<V>(entries: Iterator<{ key: Buffer; value: V }>): { key: Buffer; value: V } | undefined {
    try {
      const next = entries.next()
      return next.done === true ? undefined : next.value
    } catch (error) {
      throw this.#unreadable(error)
    }
  }

  /** Copies a record, without its checksum, out of the buffer that the next read overwrites. */
  #copy(stored: Buffer): Uint8Array {
    // Another user of lmdb-js in this thread may have made it replace its buffer.
    if (stored.buffer !== this.#viewed) {
      this.#views = []
      this.#viewed = stored.buffer
    }
    const length = stored.length - checksumBytes
    const block = this.#blocks.find(({ recordMaxBytes }) => length <= recordMaxBytes)
    if (block === undefined) {
      return new Uint8Array(stored.buffer.slice(stored.byteOffset, stored.byteOffset + length))
    }
    const record = block.allocate(length)
    record.set((this.#views[length] ??= new Uint8Array(stored.buffer, stored.byteOffset, length)))
    return record
  }

  #unreadable(cause: unknown): LmdbError {
    return new LmdbError('LMDB_READ_FAILED', `${this.#path}: ${String(cause)}`, { cause })
  }
}

/** Memory that several records share. */
class RecordBlock {
  readonly recordMaxBytes: number
  readonly #blockBytes: number
  #block: ArrayBuffer
  #used = 0

  constructor(recordMaxBytes: number, blockBytes: number) {
    this.recordMaxBytes = recordMaxBytes
    this.#blockBytes = blockBytes
    this.#block = new ArrayBuffer(0)
  }

  allocate(length: number): Uint8Array {
    if (this.#used + length > this.#block.byteLength) {
      this.#block = new ArrayBuffer(this.#blockBytes)
      this.#used = 0
    }
    const record = new Uint8Array(this.#block, this.#used, length)
    this.#used += length
    return record
  }
}
