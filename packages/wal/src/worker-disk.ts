import { Worker } from 'node:worker_threads'
import { invariant } from '@orrery/environment'
import { WalError } from './errors.ts'
import type { Disk, DiskOperation, DiskResult } from './ports.ts'
import type { DiskReply, DiskRequest } from './disk-worker.js'

interface Request {
  readonly resolve: (results: readonly DiskResult[]) => void
  readonly reject: (error: WalError) => void
}

/**
 * The files of this machine. A thread of its own makes the calls, one after the other: neither the event
 * loop nor Node's pool of threads has a part in them. One message goes there per batch and one comes back;
 * written buffers travel without being copied.
 *
 * The thread starts with the first batch. It keeps the process alive only while it has something to do.
 */
export function createWorkerDisk(): Disk {
  return new WorkerDisk()
}

class WorkerDisk implements Disk {
  readonly #requests: Request[] = []
  #worker: Worker | undefined
  #ended: WalError | undefined
  #exited: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  submit(operations: readonly DiskOperation[]): Promise<readonly DiskResult[]> {
    if (this.#closed !== undefined) return Promise.reject(failed('the disk is closed'))
    if (this.#ended !== undefined) return Promise.reject(this.#ended)
    return new Promise((resolve, reject) => {
      const worker = (this.#worker ??= this.#start())
      const transfer: ArrayBuffer[] = []
      for (const operation of operations)
        if (operation.type === 'write') transfer.push(operation.bytes.buffer)
      worker.postMessage({ type: 'submit', operations } satisfies DiskRequest, transfer)
      if (this.#requests.push({ resolve, reject }) === 1) worker.ref()
    })
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#stop())
  }

  async #stop(): Promise<void> {
    if (this.#worker === undefined || this.#ended !== undefined) return
    this.#worker.ref()
    this.#worker.postMessage({ type: 'close', operations: [] } satisfies DiskRequest)
    await this.#exited
  }

  #start(): Worker {
    // Loaders of the host have no business here, and would only make the start slow.
    const worker = new Worker(new URL('./disk-worker.js', import.meta.url), { execArgv: [] })
    worker.unref()
    worker.on('message', (reply: DiskReply) => {
      const request = this.#requests.shift()
      invariant(request !== undefined, 'every reply belongs to a request')
      if (this.#requests.length === 0 && this.#closed === undefined) worker.unref()
      if (reply.failure === undefined) request.resolve(reply.results)
      else request.reject(toError(reply.failure))
    })
    this.#exited = new Promise((resolve) => {
      worker.on('error', (error) => {
        this.#end(failed('the thread of the disk has failed', error))
      })
      worker.on('exit', () => {
        this.#end(failed('the thread of the disk has ended'))
        resolve()
      })
    })
    return worker
  }

  #end(error: WalError): void {
    this.#ended ??= error
    for (const request of this.#requests.splice(0)) request.reject(this.#ended)
  }
}

function failed(message: string, cause?: unknown): WalError {
  return new WalError('WAL_DISK_FAILED', message, cause === undefined ? {} : { cause })
}

function toError({
  message,
  errno,
  operation,
  file,
  holderPid,
}: NonNullable<DiskReply['failure']>): WalError {
  const code = errno === 'EWOULDBLOCK' ? 'WAL_LOCKED' : 'WAL_DISK_FAILED'
  const holder = holderPid === undefined ? {} : { holderPid }
  return new WalError(code, message, { details: { file, errno, operation, ...holder } })
}
