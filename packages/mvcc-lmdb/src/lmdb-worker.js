/**
 * The thread that writes: one LMDB environment, synchronous calls, no shared thread pool. It never retries:
 * after a failure it only closes.
 *
 * Not for import. `openLmdbBackend` starts it.
 *
 * @packageDocumentation
 */
import { parentPort, workerData } from 'node:worker_threads'
import { LmdbFile } from './lmdb-file.js'

/**
 * What the worker is told.
 * @typedef {{ type: 'commit', log: ArrayBuffer, length: number, operations: number, index: number }
 *   | { type: 'close', clean: boolean }} Command
 */
/**
 * What the worker tells.
 * @typedef {{ type: 'opened' | 'committed', index: number, sizeBytes: number, sizeInUseBytes: number, log?: ArrayBuffer }
 *   | { type: 'failed', code: string | number | undefined, message: string }} Report
 */

const port = parentPort
if (port === null) throw new Error('this file is a worker of @orrery/mvcc-lmdb')

/** @type {LmdbFile | undefined} */
let file
let failed = false

/**
 * @param {Report} report
 * @param {ArrayBuffer[]} [transfer]
 */
const tell = (report, transfer) => {
  port.postMessage(report, transfer)
}

/** @param {() => void} work */
const attempt = (work) => {
  try {
    work()
  } catch (error) {
    failed = true
    const { code, message } = /** @type {{ code?: string | number, message: string }} */ (error)
    tell({ type: 'failed', code, message })
  }
}

port.on('message', (/** @type {Command} */ command) => {
  if (command.type === 'close') {
    const closing = file === undefined ? Promise.resolve() : file.close(command.clean && !failed)
    void closing.finally(() => {
      port.close()
    })
    return
  }
  attempt(() => {
    if (file === undefined || failed) return
    const { log, length, operations, index } = command
    file.commit(Buffer.from(log, 0, length), operations, index)
    tell({ type: 'committed', index, ...file.sizes, log }, [log])
  })
})

attempt(() => {
  const { path, mapMaxBytes } = /** @type {{ path: string, mapMaxBytes: number }} */ (workerData)
  file = new LmdbFile(path, mapMaxBytes)
  tell({ type: 'opened', index: file.durableIndex, ...file.sizes })
})
