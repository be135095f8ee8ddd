import type { Compare } from '@orrery/store'
import type { CallOptions, CheckerMember, HeartbeatAnswer } from '../registry.ts'
import type { HeartbeatBatch, HeartbeatReply } from '../ports.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import type { PauseCause } from './health-clock.ts'
import type { Ring } from './ring.ts'

/** How heartbeats come from the member that takes them to the one that judges by them. */
export interface HeartbeatRoute {
  /** Takes part. Resolves when this member has its place. */
  start(options: CallOptions): Promise<void>
  /** Takes the heartbeat of an instance. `unavailable`: it might not count. */
  take(entry: InstanceEntry): Exclude<HeartbeatAnswer, 'unknown'>
  /** Takes what another member forwards. */
  receive(batch: HeartbeatBatch): HeartbeatReply
  /** Why no time may pass for those who are judged. */
  hindrance(nowMs: number): PauseCause | undefined
  /** How long ago the last heartbeats were, as all members see it. Undefined: there is no such place. */
  readonly lookUp: ((paths: readonly string[]) => Promise<readonly (number | undefined)[]>) | undefined
  /** What has to hold in the store for this member to judge. Undefined: it may not. */
  fence(): readonly Compare[] | undefined
  setRing(ring: Ring): void
  /** An instance is gone. */
  forget(path: string): void
  members(): readonly CheckerMember[]
  close(): Promise<void>
}
