import { MessageChannel, Worker } from 'node:worker_threads'
import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { Store } from './store.ts'
import { ConnectedStore } from './worker/connected-store.ts'
import { allocateSharedStatus } from './worker/shared-status.ts'
import type { ThreadStart } from './worker/thread.ts'

/** Which store a thread opens. */
export interface WorkerStoreDeps {
  /** Address of an ES module whose export `openInWorker` opens the store: see `OpenInWorker`. */
  readonly module: URL
  /** What it is called with. Structured cloning copies it. @defaultValue `undefined` */
  readonly data?: unknown
  /** Of the host: its logger gets the thread's lines. @defaultValue no log */
  readonly environment?: Pick<Environment, 'logger'> | undefined
}

/** How the thread runs. */
export interface WorkerStoreOptions {
  /** Node's options for the thread. @defaultValue those of this process */
  readonly execArgv?: readonly string[] | undefined
}

/** A store that a thread of its own keeps. */
export interface WorkerStore {
  readonly store: Store
  /** Resolves when the store can be served, as `openMember` tells. */
  readonly published: Promise<void>
}

/**
 * Opens a store whole in a thread of its own: consensus, log, state, the way to other members and the clock of
 * leases. It goes on when the loop of this thread is blocked, and its calls are those of any store.
 *
 * The process stays alive until the store is closed, which ends the thread.
 *
 * @throws what the module throws; StoreError `STORE_FAILED` when the thread ends before the store is open
 */
export async function openStoreInWorker(
  { module, data, environment = systemEnvironment() }: WorkerStoreDeps,
  { execArgv }: WorkerStoreOptions = {},
): Promise<WorkerStore> {
  const status = allocateSharedStatus()
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(new URL('./store-worker.js', import.meta.url), {
    workerData: { module: module.href, data, port: port2, status } satisfies ThreadStart,
    transferList: [port2],
    ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
  })
  const store = new ConnectedStore({
    port: port1,
    status,
    logger: environment.logger,
    release: async () => {
      await worker.terminate()
    },
  })
  worker.on('error', (error) => store.fail(error))
  worker.on('exit', (code) => store.fail(new Error(`its exit code is ${code}`)))
  try {
    await store.opened()
  } catch (error) {
    store.fail(error)
    await store.close()
    throw error
  }
  const published = store.published()
  // Whoever does not wait for it need not know that the store was closed before.
  published.catch(() => {})
  return { store, published }
}
