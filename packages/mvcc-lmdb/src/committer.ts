import { Worker } from 'node:worker_threads'
import type { Batch } from './batch.ts'
import type { LmdbErrorCode } from './errors.ts'
import { LmdbError, lmdbErrorCodes } from './errors.ts'
import type { Command, Report } from './lmdb-worker.js'

/** What a commit, or opening, leaves behind. */
export interface Committed {
  readonly index: number
  readonly sizeBytes: number
  readonly sizeInUseBytes: number
  /** Memory of the batch's log, to be used again. */
  readonly log?: ArrayBuffer
}

/** LMDB's own error numbers and those of the system that mean something to a caller. */
const codeOfNumber: Readonly<Record<number, LmdbErrorCode>> = {
  28: 'LMDB_DISK_FULL',
  [-30_792]: 'LMDB_MAP_FULL',
  [-30_793]: 'LMDB_DAMAGED', // MDB_INVALID
  [-30_794]: 'LMDB_DAMAGED', // MDB_VERSION_MISMATCH
  [-30_796]: 'LMDB_DAMAGED', // MDB_CORRUPTED
  [-30_797]: 'LMDB_DAMAGED', // MDB_PAGE_NOTFOUND
}

function isOurCode(code: unknown): code is LmdbErrorCode {
  return (lmdbErrorCodes as readonly unknown[]).includes(code)
}

/** lmdb-js appends to a system error whatever it last noted, which may be of an older call. */
function textOf(code: unknown, message: string): string {
  const isSystemError = typeof code === 'number' && code > 0
  return isSystemError ? `${message.split(':', 1)[0] ?? message} (errno ${code})` : message
}

/** The thread that writes, seen from outside. At most one batch is with it. */
export class Committer {
  readonly #worker: Worker
  readonly #path: string
  readonly #exited: Promise<void>
  #opened = false
  #closing = false
  #failed = false
  /** A batch became durable. */
  onCommitted: ((committed: Committed) => void) | undefined
  /** Nothing will become durable any more. Called once. */
  onFailed: ((error: LmdbError) => void) | undefined

  constructor(path: string, mapMaxBytes: number) {
    this.#path = path
    this.#worker = new Worker(new URL('./lmdb-worker.js', import.meta.url), {
      workerData: { path, mapMaxBytes },
      // What the host preloads into its own threads is not meant for this one.
      execArgv: [],
      name: 'orrery-mvcc-lmdb',
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        if (!this.#closing) this.#fail('LMDB_WORKER_LOST', 'the worker that writes has exited')
        resolve()
      })
    })
    this.#worker.on('error', (error) => {
      this.#fail('LMDB_WORKER_LOST', 'the worker that writes has crashed', error)
    })
    this.#worker.on('message', (report: Report) => {
      this.#receive(report)
    })
  }

  /** Hands a sealed batch to the worker; its log's memory moves there. */
  commit(batch: Batch): void {
    const log = batch.log.release()
    const { operations, index } = batch
    this.#tell({ type: 'commit', log, length: batch.log.length, operations, index }, [log])
    // Only a commit under way keeps the process alive.
    this.#worker.ref()
  }

  /** Lets the worker close its files and exit. */
  async close(clean: boolean): Promise<void> {
    this.#closing = true
    this.#worker.ref()
    this.#tell({ type: 'close', clean: clean && !this.#failed }, [])
    await this.#exited
  }

  #tell(command: Command, transfer: ArrayBuffer[]): void {
    this.#worker.postMessage(command, transfer)
  }

  #receive(report: Report): void {
    if (report.type === 'failed') {
      const { code, message } = report
      const known = typeof code === 'number' ? codeOfNumber[code] : isOurCode(code) ? code : undefined
      const fallback = this.#opened ? 'LMDB_WRITE_FAILED' : 'LMDB_OPEN_FAILED'
      this.#fail(known ?? fallback, textOf(code, message))
      return
    }
    this.#opened = true
    if (!this.#closing) this.#worker.unref()
    this.onCommitted?.(report)
  }

  #fail(code: LmdbErrorCode, message: string, cause?: unknown): void {
    if (this.#failed) return
    this.#failed = true
    if (!this.#closing) this.#worker.unref()
    this.onFailed?.(new LmdbError(code, `${this.#path}: ${message}`, { cause }))
  }
}
