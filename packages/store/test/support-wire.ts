import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type Logger, silentLogger } from '@orrery/environment'
import { systemClock } from '@orrery/environment/system'
import type { Store } from '@orrery/store'
import { ConnectedStore } from '../src/worker/connected-store.ts'
import { ServedStore } from '../src/worker/served-store.ts'
import { allocateSharedStatus } from '../src/worker/shared-status.ts'

/** One end of a wire: a port, and memory for the status. */
export interface WireEnd {
  readonly port: MessagePort
  readonly status: SharedArrayBuffer
}

/** The host's end of a wire whose other end begins to serve. */
export async function connect(
  serve: (end: WireEnd) => void,
  logger: Logger = silentLogger,
): Promise<ConnectedStore> {
  const status = allocateSharedStatus()
  const { port1, port2 } = new MessageChannel()
  const store = new ConnectedStore({ port: port1, status, logger, release: () => Promise.resolve() })
  serve({ port: port2, status })
  await store.opened()
  return store
}

/** A store behind a wire, both ends of which are in this thread. */
export async function overWire(
  store: Store,
  logger?: Logger,
): Promise<{ store: ConnectedStore; served: ServedStore }> {
  const ends: ServedStore[] = []
  const connected = await connect(({ port, status }) => {
    const served = new ServedStore({ port, status, clock: systemClock })
    served.open({ store, published: Promise.resolve() })
    ends.push(served)
  }, logger)
  const [served] = ends
  if (served === undefined) throw new Error('nothing serves')
  return { store: connected, served }
}
