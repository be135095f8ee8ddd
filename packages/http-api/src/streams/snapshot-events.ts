import type { ServiceSnapshot, Subscription } from '@orrery/registry'
import { HttpApiError } from '../errors.ts'
import type { SnapshotJson } from '../json/snapshot-json.ts'
import type { StreamedEvent, StreamedEvents } from './event-stream.ts'

/** What {@link snapshotEvents} are made of. */
export interface SnapshotEventsParts {
  readonly subscription: Subscription
  readonly json: SnapshotJson
  /** The longest snapshot. Unit: bytes. */
  readonly snapshotMaxBytes: number
  /** The revision of the snapshot that the reader has: if it is the present one, it is not sent again. */
  readonly lastRevision: number | undefined
}

/** The snapshots of one service, for one reader. They fail with `HTTP_API_SNAPSHOT_TOO_LARGE` when one is. */
export function snapshotEvents(parts: SnapshotEventsParts): StreamedEvents {
  return { events: eventsOf(parts), close: () => parts.subscription.close() }
}

async function* eventsOf(parts: SnapshotEventsParts): AsyncGenerator<StreamedEvent, undefined> {
  const { subscription, lastRevision } = parts
  let isFirst = true
  for await (const snapshot of subscription) {
    const isKnown = isFirst && snapshot.revision === lastRevision
    isFirst = false
    if (!isKnown) yield eventOf(snapshot, parts)
  }
  return undefined
}

function eventOf(snapshot: ServiceSnapshot, { json, snapshotMaxBytes }: SnapshotEventsParts): StreamedEvent {
  const { revision } = snapshot
  const data = json.partsOf(snapshot)
  const bytes = data.reduce((sum, part) => sum + part.length, 0)
  if (bytes <= snapshotMaxBytes) return { name: 'snapshot', id: revision, data }
  throw new HttpApiError(
    'HTTP_API_SNAPSHOT_TOO_LARGE',
    `the snapshot at revision ${revision} has ${bytes} bytes, of at most ${snapshotMaxBytes}`,
  )
}
