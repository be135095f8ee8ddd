import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { Store } from '@orrery/store'
import { startAutoCompaction } from '@orrery/store'
import { ServerError } from './errors.ts'
import { clientUrlOf, listenForEtcdClients } from './etcd-listener.ts'
import type { ReferenceServerOptions } from './options.ts'
import { probePort } from './probe-port.ts'
import { openServerStore } from './server-store.ts'

/** An assembled server. */
export interface ReferenceServer extends AsyncDisposable {
  /**
   * Opens the store, waits until it can serve (a member of a cluster: until there is a leader), then opens the
   * listeners. What was opened is closed again when a later part fails, or `close` is called meanwhile.
   *
   * @throws ServerError `SERVER_STORE_UNAVAILABLE`, `SERVER_LISTEN_FAILED`, `SERVER_OPTION_INVALID`,
   * `SERVER_CLOSED`
   */
  start(): Promise<void>
  /**
   * Where clients connect, and where other members do (host and port), as soon as that is known; absent for what
   * is off.
   */
  readonly endpoints: Readonly<Partial<Record<'client' | 'peer', string>>>
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
  const requireStarting = (): void => {
    if (closing !== undefined) throw new ServerError('SERVER_CLOSED', 'the server was closed')
  }
  const startParts = async (): Promise<void> => {
    const { name, listenClient, grpcServer } = options
    const address = listenClient === 'off' ? undefined : await probePort('listen-client', listenClient)
    const clientUrls = address === undefined ? [] : [clientUrlOf(address)]
    requireStarting()
    const { store, peerAddress, servable } = await openServerStore(options, clientUrls, environment)
    parts.push(store)
    requireStarting()
    if (peerAddress !== undefined) {
      endpoints = { peer: peerAddress }
      environment.logger.info('other members are welcome', { peerAddress })
    }
    await servable
    requireStarting()
    if (options.autoCompaction !== undefined) {
      const compaction = startAutoCompaction({ store, environment }, options.autoCompaction)
      parts.push({
        close: () => {
          compaction.stop()
          return Promise.resolve()
        },
      })
    }
    if (address === undefined) return
    const listener = await listenForEtcdClients({ store, environment }, { name, address, grpcServer })
    parts.push(listener)
    // Before clients are turned away: they need a leader elsewhere.
    parts.push({ close: () => handOver(store, environment) })
    requireStarting()
    endpoints = { ...endpoints, client: listener.endpoint }
  }
  const close = (): Promise<void> => (closing ??= closeParts())

  return {
    start: async () => {
      try {
        await startParts()
      } catch (error) {
        await close()
        // What came after the closing began.
        await closeParts()
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

/** Lets another member lead, so that nobody has to find out that this one is gone. */
async function handOver(store: Store, { logger }: Environment): Promise<void> {
  const { state, leaderId, memberId } = store.status()
  if (state !== 'open' || leaderId !== memberId) return
  try {
    const members = await store.cluster.members({ serializable: true })
    if (members.length > 1) await store.cluster.transferLeadership('any')
  } catch (error) {
    logger.warn('leadership was not handed over', { error })
  }
}
