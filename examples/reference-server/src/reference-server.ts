import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { listenForEtcdClients } from './etcd-listener.ts'
import type { ReferenceServerOptions } from './options.ts'
import { openServerStore } from './server-store.ts'

/** An assembled server. */
export interface ReferenceServer extends AsyncDisposable {
  /**
   * Opens the store, then the listeners. What was opened is closed again when a later part fails.
   *
   * @throws ServerError `SERVER_STORE_UNAVAILABLE`, `SERVER_LISTEN_FAILED`
   */
  start(): Promise<void>
  /** Where clients connect, once it has started; absent for what is off. */
  readonly endpoints: Readonly<Partial<Record<'client', string>>>
  /** Drains and closes everything in reverse order. Safe to call twice, and before `start`. */
  close(): Promise<void>
}

/** A part that was started, in the order of starting. */
interface Part {
  close(): Promise<void>
}

/**
 * Wires the parts of Orrery into a server. It owns nothing of the process: several run side by side.
 *
 * @param environment clock, randomness and logger of all parts
 */
export function createReferenceServer(
  options: ReferenceServerOptions,
  environment: Environment = systemEnvironment(),
): ReferenceServer {
  const parts: Part[] = []
  let endpoints: ReferenceServer['endpoints'] = {}
  let closing: Promise<void> | undefined

  const closeParts = async (): Promise<void> => {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) await part.close()
  }
  const startParts = async (): Promise<void> => {
    const store = await openServerStore(options, environment)
    parts.push(store)
    if (options.listenClient !== 'off') {
      const listener = await listenForEtcdClients(
        { store, environment },
        { name: options.name, address: options.listenClient },
      )
      parts.push(listener)
      endpoints = { client: listener.endpoint }
    }
  }
  const close = (): Promise<void> => (closing ??= closeParts())

  return {
    start: async () => {
      try {
        await startParts()
      } catch (error) {
        await close()
        throw error
      }
    },
    get endpoints() {
      return endpoints
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
