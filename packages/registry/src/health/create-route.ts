import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { RegistryMember } from '../registry.ts'
import { pathOf } from '../view/entry-path.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import { createAloneRoute } from './alone-route.ts'
import { ForwardedRoute } from './forwarded-route.ts'
import type { HeartbeatRoute } from './heartbeat-route.ts'
import { MemberPlace } from './member-place.ts'
import { SharedRoute } from './shared-route.ts'

/** What a route works with. */
export interface HeartbeatRouteParts {
  readonly store: Store
  readonly environment: Environment
  readonly prefix: string
  /** How long a member that is gone keeps its place. Unit: ms. */
  readonly checkerTtlMs: number
  /** @param path as `instancePath` makes it */
  readonly entryAt: (path: string) => InstanceEntry | undefined
  /** An instance has been heard of. */
  readonly beat: (entry: InstanceEntry) => void
  /** Heartbeats may have been lost, nobody knows whose. */
  readonly lost: () => void
}

/** The way of heartbeats that a member asks for. @param member undefined: the registry is the only one */
export function createHeartbeatRoute(
  parts: HeartbeatRouteParts,
  member: RegistryMember | undefined,
): HeartbeatRoute {
  const { store, environment, prefix, checkerTtlMs, entryAt, beat, lost } = parts
  if (member === undefined) return createAloneRoute(beat)
  const { name, heartbeats } = member
  const address = heartbeats.type === 'forwarded' ? heartbeats.peers.address : ''
  const place = new MemberPlace({ store, environment, prefix, name, address, ttlMs: checkerTtlMs })
  if (heartbeats.type === 'shared') {
    return new SharedRoute({ environment, place, store: heartbeats.store, pathOf, beat, recovered: lost })
  }
  return new ForwardedRoute({ environment, place, peers: heartbeats.peers, entryAt, pathOf, beat, lost })
}
