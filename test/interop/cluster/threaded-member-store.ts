import type { Environment } from '@orrery/environment'
import { type OpenInWorker, openMember, type Store } from '@orrery/store'
import { createTcpTransport } from '@orrery/transport-tcp'

/** Which member a thread is, and what it does beside. */
export interface ThreadedMember {
  readonly name: string
  readonly directory: string
  readonly port: number
  readonly peerPorts: readonly number[]
  /** Int32, shared with the test: see {@link tallies}. */
  readonly tally: SharedArrayBuffer
}

/** Where counts are in a tally. */
export const tallies = { acknowledged: 0, renewed: 1, failed: 2 } as const

/** Of a lease that a client in the thread keeps alive. Unit: ms. */
const leaseTtlMs = 2_000
const renewIntervalMs = 500

const addressOf = (port: number): string => `127.0.0.1:${port}`

/** A member over TCP, with clients of its own that do not depend on the host. */
export const openInWorker: OpenInWorker<ThreadedMember> = async (
  { name, directory, port, peerPorts, tally },
  { environment },
) => {
  const { store, published } = await openMember({
    directory,
    transport: () => createTcpTransport({ listen: { host: '127.0.0.1', port }, environment }),
    peerAddresses: [addressOf(port)],
    origin: { type: 'new', members: peerPorts.map((one) => [addressOf(one)]) },
    name,
    environment,
  })
  const counts = new Int32Array(tally)
  const act = async (): Promise<void> => {
    await published
    await Promise.all([writeOn(store, name, counts), renew(store, { name, counts, environment })])
  }
  act().catch((error: unknown) => {
    if (store.status().state !== 'open') return
    environment.logger.error('a client in the thread has failed', { error })
    Atomics.add(counts, tallies.failed, 1)
  })
  return { store, published }
}

/** Writes the number of each write as the value of one key, the next as soon as one is answered. */
async function writeOn(store: Store, name: string, counts: Int32Array): Promise<void> {
  for (let n = 1; ; n++) {
    await store.put({ key: `written/${name}`, value: String(n) })
    Atomics.store(counts, tallies.acknowledged, n)
  }
}

async function renew(
  store: Store,
  {
    name,
    counts,
    environment,
  }: { readonly name: string; readonly counts: Int32Array; readonly environment: Environment },
): Promise<void> {
  const { id } = await store.leases.grant({ ttlMs: leaseTtlMs })
  await store.put({ key: `leased/${name}`, lease: id })
  for (;;) {
    await store.leases.keepAlive(id)
    Atomics.add(counts, tallies.renewed, 1)
    await new Promise<void>((resolve) => environment.clock.setTimer(renewIntervalMs, resolve))
  }
}
