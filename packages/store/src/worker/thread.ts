import type { MessagePort } from 'node:worker_threads'
import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { Store } from '../store.ts'
import { ServedStore } from './served-store.ts'

/** What a module's `openInWorker` gives. */
export interface OpenedInWorker {
  readonly store: Store
  /** Resolves when the store can be served, as `openMember` tells. @defaultValue at once */
  readonly published?: Promise<void> | undefined
}

/**
 * The export of a host's module that opens a store in a thread of its own.
 *
 * @param data what the host passed, as structured cloning copies it
 * @param context `environment`: Node's clock and entropy, and a logger that writes where the host's does
 */
export type OpenInWorker<Data = never> = (
  data: Data,
  context: { readonly environment: Environment },
) => OpenedInWorker | Promise<OpenedInWorker>

/** What a thread is started with. */
export interface ThreadStart {
  /** Address of the module that opens the store. */
  readonly module: string
  readonly data: unknown
  readonly port: MessagePort
  readonly status: SharedArrayBuffer
}

/** What runs in the thread: opens the store, and serves it until it is closed. */
export async function serveInThread(
  { data, port, status }: ThreadStart,
  openInWorker: OpenInWorker<unknown>,
): Promise<void> {
  const environment = systemEnvironment()
  const served = new ServedStore({ port, status, clock: environment.clock })
  try {
    const { store, published = Promise.resolve() } = await openInWorker(data, {
      environment: { ...environment, logger: served.log.logger },
    })
    // The host asks for it, or does not care.
    published.catch(() => {})
    served.open({ store, published })
  } catch (error) {
    served.fail(error)
  }
}
