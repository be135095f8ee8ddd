import type { Event, WatchResponse } from '../messages.ts'

/** Tags and lengths of one event, at most. Unit: bytes. */
const eventOverheadBytes = 24

/**
 * Cuts a response into parts of about `maxBytes`, each with one event at least, of which all but the last are
 * marked (etcd, `sendFragments`).
 */
export function* fragments(response: WatchResponse, maxBytes: number): Generator<WatchResponse> {
  let events: Event[] = []
  let bytes = 0
  for (const event of response.events) {
    const size = eventOverheadBytes + event.kv.record.length + (event.prevKv?.record.length ?? 0)
    if (events.length > 0 && bytes + size > maxBytes) {
      yield { ...response, events, fragment: true }
      events = []
      bytes = 0
    }
    events.push(event)
    bytes += size
  }
  yield { ...response, events }
}
