import type { Logger } from '@orrery/environment'
import type { ContentCache } from '../reads/content-cache.ts'
import type { ConfigView } from '../view/config-view.ts'
import type { Lagging } from './lagging.ts'
import type { Loads } from './loads.ts'
import type { PollTimers } from './poll-timers.ts'
import type { Results } from './results.ts'

/** What has been told so far, and to how many. */
export interface WatchCounters {
  watchers: number
  polls: number
  delivered: number
  skipped: number
}

/** What all watchers of a hub share. */
export interface WatchHost {
  readonly view: ConfigView
  readonly cache: ContentCache
  readonly loads: Loads
  readonly lagging: Lagging
  readonly results: Results
  readonly timers: PollTimers
  readonly counters: WatchCounters
  readonly logger: Logger
  /** Wakes a watcher again when others have had their turn. */
  later(watcher: { wake(): void }): void
  /** How many changes of files were seen while somebody watched their groups. */
  readonly sequence: number
}
