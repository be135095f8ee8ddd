import { compare, type Comparison, type Sides } from './comparison.ts'
import { type RawClient, startRawClient } from './raw-client-process.ts'
import type { KeepAliveTask } from './raw-keep-alive.ts'
import type { WatchTask } from './raw-watch.ts'
import { median } from './report.ts'
import type { ServerProcess } from './servers.ts'

const durationMs = 2_000

/** What is opened first, and what is then done for a while, over and over. */
export interface RawLoad {
  readonly opening: Omit<WatchTask, 'endpoint'> | Omit<KeepAliveTask, 'endpoint'>
  readonly repeated: 'put' | 'renew'
}

/**
 * Messages or events per second of both sides, in turns, each with a client process of its own.
 *
 * @returns `clientBusy` is how much of the time the client had something to do, ours and the peer's, as text: below
 *   100 %, it was not what limited the rate
 */
export async function compareRaw(
  { ours, peer }: Sides<ServerProcess>,
  { opening, repeated }: RawLoad,
): Promise<{ readonly comparison: Comparison; readonly clientBusy: string }> {
  const open = async ({ endpoint, pids }: ServerProcess): Promise<Loaded> => {
    const client = startRawClient()
    await client.perform({ ...opening, endpoint })
    return { pids, client, busy: [] }
  }
  const sides = { ours: await open(ours), peer: peer && (await open(peer)) }
  const comparison = await compare(sides, async ({ client, busy }) => {
    const { calls, seconds, cpuSeconds } = await client.perform({ type: repeated, durationMs })
    busy.push(cpuSeconds / seconds)
    return { calls, value: calls / seconds }
  })
  const all = [sides.ours, ...(sides.peer === undefined ? [] : [sides.peer])]
  for (const { client } of all) client.stop()
  const clientBusy = all.map(({ busy }) => `${(median(busy) * 100).toFixed(0)} %`).join(', of etcd ')
  return { comparison, clientBusy }
}

/** A server with a client. */
interface Loaded {
  readonly pids: readonly number[]
  readonly client: RawClient
  /** Processor time of the client by time, of each run. */
  readonly busy: number[]
}
