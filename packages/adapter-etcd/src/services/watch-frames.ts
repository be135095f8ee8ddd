import type { WatchEvent } from '@orrery/mvcc'
import type { Event, ResponseHeader, WatchResponse } from '../messages.ts'

/** Events of a store for one watcher. */
export interface WatcherEvents {
  readonly watchId: number
  readonly revision: number
  readonly events: readonly WatchEvent[]
}

/**
 * Makes responses of events. When many streams watch the same key, as they do, the store gives all of them the same
 * events: they then share one response, which is encoded once, and lives as long as the events do.
 */
export class WatchFrames {
  readonly #frames = new WeakMap<readonly WatchEvent[], WatchResponse>()

  /** @param headerOf called when there is no such response yet */
  of(source: WatcherEvents, headerOf: (revision: number) => ResponseHeader): WatchResponse {
    const { watchId, revision, events } = source
    const known = this.#frames.get(events)
    // Nearly always: clients number the watchers of each stream from 0.
    if (known?.watchId === watchId) return known
    const frame = { header: headerOf(revision), watchId, events: events.map(toEvent), shared: {} }
    this.#frames.set(events, frame)
    return frame
  }
}

/** An event as clients get it. */
export function toEvent({ type, kv, prevKv }: WatchEvent): Event {
  return { type: type === 'put' ? 0 : 1, kv, prevKv }
}
