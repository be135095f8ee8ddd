// A client in a process of its own, which does what its parent tells it, one task after the other.
import { openKeepAlives, type KeepAlives, type KeepAliveTask } from './raw-keep-alive.ts'
import { openWatches, type Watches, type WatchTask } from './raw-watch.ts'

/** What a client can be told to do. */
export type RawTask =
  | WatchTask
  | KeepAliveTask
  /** Puts to the key that is watched, for so long. */
  | { readonly type: 'put'; readonly durationMs: number }
  /** Keeps leases alive, for so long. */
  | { readonly type: 'renew'; readonly durationMs: number }

/** What has come of it. */
export interface RawAnswer {
  /** Events, or answers to keep-alives. */
  readonly calls: number
  readonly seconds: number
  /** Processor time of this process meanwhile. */
  readonly cpuSeconds: number
}

let watches: Watches | undefined
let keepAlives: KeepAlives | undefined
const nothing = { calls: 0, seconds: 0 }

async function perform(task: RawTask): Promise<{ readonly calls: number; readonly seconds: number }> {
  switch (task.type) {
    case 'watch':
      watches = await openWatches(task)
      return nothing
    case 'keepAlive':
      keepAlives = await openKeepAlives(task)
      return nothing
    case 'put':
      return (await watches?.put(task.durationMs)) ?? nothing
    case 'renew':
      return (await keepAlives?.renew(task.durationMs)) ?? nothing
  }
}

async function answer(task: RawTask): Promise<void> {
  const before = process.cpuUsage()
  const result = await perform(task)
  const { user, system } = process.cpuUsage(before)
  process.send?.({ ...result, cpuSeconds: (user + system) / 1e6 } satisfies RawAnswer)
}

process.on('message', (task: RawTask) => void answer(task))
process.on('disconnect', () => process.exit())
