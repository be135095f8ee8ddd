/**
 * The thread of a store that does not run on its host's loop.
 */
import { workerData } from 'node:worker_threads'

/** @import { OpenInWorker, ThreadStart } from './worker/thread.ts' */

const start = /** @type {ThreadStart} */ (workerData)
// The host's module goes first. It may bring the loader that sources need where they are run as they are.
const { openInWorker } = /** @type {{ openInWorker: OpenInWorker<unknown> }} */ (await import(start.module))
const { serveInThread } = await import('./worker/thread.ts')
await serveInThread(start, openInWorker)
