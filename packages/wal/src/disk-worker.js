/**
 * The thread of a worker disk. It answers one message per batch, in order.
 *
 * The calls are synchronous on purpose: nothing else runs on this thread, and Node's own pool, which a busy
 * host fills with other work, has no part in a commit.
 */
import fs from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { createFileOperations } from './file-operations.js'

/** @import { DiskOperation, DiskResult } from './ports.ts' */

/**
 * @typedef {object} DiskRequest
 * @property {'submit' | 'close'} type
 * @property {readonly DiskOperation[]} operations
 */

/**
 * @typedef {object} DiskFailure
 * @property {string} message
 * @property {string} errno
 * @property {number} operation
 * @property {string} file
 * @property {number | undefined} holderPid
 */

/**
 * @typedef {object} DiskReply
 * @property {readonly DiskResult[]} results
 * @property {DiskFailure | undefined} failure
 */

const port = parentPort
if (port === null) throw new Error('this module is the entry of a worker thread')

const files = createFileOperations(fs)

/**
 * @param {readonly DiskOperation[]} operations
 * @returns {DiskReply}
 */
function submit(operations) {
  /** @type {DiskResult[]} */
  const results = []
  for (const [i, operation] of operations.entries()) {
    try {
      results.push(files.perform(operation))
    } catch (error) {
      const { code, message, holderPid } = /** @type {NodeJS.ErrnoException & { holderPid?: number }} */ (
        error
      )
      const file = operation.type === 'rename' ? operation.to : operation.path
      return { results, failure: { message, errno: code ?? 'EIO', operation: i, file, holderPid } }
    }
  }
  return { results, failure: undefined }
}

port.on('message', (/** @type {DiskRequest} */ request) => {
  if (request.type === 'close') {
    files.close()
    port.close()
    return
  }
  const reply = submit(request.operations)
  port.postMessage(
    reply,
    reply.results.flatMap((result) => {
      if (result.type === 'write') return [result.buffer]
      return result.type === 'read' ? [result.bytes.buffer] : []
    }),
  )
})
