import type { Environment } from '@orrery/environment'
import type { Compare } from '@orrery/store'
import { RegistryError } from '../errors.ts'
import type { HeartbeatBatch, HeartbeatPeers, HeartbeatReply } from '../ports.ts'
import type { CallOptions, CheckerMember } from '../registry.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import { createForwarder, type Forwarder } from './forwarding.ts'
import type { PauseCause } from './health-clock.ts'
import type { HeartbeatRoute } from './heartbeat-route.ts'
import { createHeartbeatIntake, type HeartbeatIntake } from './heartbeat-intake.ts'
import type { MemberPlace } from './member-place.ts'
import type { Ring } from './ring.ts'

/** What forwarding works with. */
export interface ForwardedRouteParts {
  readonly environment: Environment
  readonly place: MemberPlace
  readonly peers: HeartbeatPeers
  readonly entryAt: (path: string) => InstanceEntry | undefined
  readonly pathOf: (entry: InstanceEntry) => string
  /** Notes a heartbeat of an instance that this member judges, or is about to. */
  readonly beat: (entry: InstanceEntry) => void
  /** A member went away with heartbeats that it had vouched for. */
  readonly lost: () => void
}

/** Heartbeats go from whoever takes them to whoever judges, in batches. */
export class ForwardedRoute implements HeartbeatRoute {
  readonly #parts: ForwardedRouteParts
  readonly #forwarder: Forwarder
  readonly #intake: HeartbeatIntake = createHeartbeatIntake()
  readonly lookUp = undefined
  #lostUntilMs = -Infinity

  constructor(parts: ForwardedRouteParts) {
    this.#parts = parts
    const { environment, place, peers } = parts
    this.#forwarder = createForwarder({
      environment,
      self: place.name,
      peers,
      reroute: (paths) => this.#reroute(paths),
    })
  }

  async start(options: CallOptions): Promise<void> {
    await this.#parts.place.start(options)
    this.#forwarder.start()
  }

  take(entry: InstanceEntry): 'ok' | 'unavailable' {
    const { environment, place, beat, pathOf } = this.#parts
    const nowMs = environment.clock.nowMs()
    if (!place.isValid(nowMs)) return 'unavailable'
    const path = pathOf(entry)
    const owner = place.ring.owner(path)
    if (owner === undefined) return 'unavailable'
    if (owner.name === place.name) {
      // Where it is only about to be this member's, it will have its full time then.
      beat(entry)
      return 'ok'
    }
    if (!this.#forwarder.vouches(owner.name, nowMs)) return 'unavailable'
    this.#forwarder.add(owner.name, path)
    return 'ok'
  }

  receive(batch: HeartbeatBatch): HeartbeatReply {
    const { environment, place, entryAt, beat } = this.#parts
    const nowMs = environment.clock.nowMs()
    if (!place.isValid(nowMs))
      throw new RegistryError('REGISTRY_UNAVAILABLE', 'this member judges nothing now')
    return this.#intake.receive(batch, {
      nowMs,
      ringRevision: place.ring.revision,
      accept: (path) => {
        const entry = entryAt(path)
        if (entry === undefined || place.ring.owner(path)?.name !== place.name) return false
        beat(entry)
        return true
      },
    })
  }

  hindrance(nowMs: number): PauseCause | undefined {
    if (!this.#parts.place.isValid(nowMs)) return 'noPlace'
    const lostUntilMs = this.#intake.lostUntilMs(nowMs)
    if (lostUntilMs > this.#lostUntilMs) {
      this.#lostUntilMs = lostUntilMs
      this.#parts.lost()
    }
    return this.#intake.isComplete(nowMs) ? undefined : 'silentMember'
  }

  fence(): readonly Compare[] | undefined {
    const { environment, place } = this.#parts
    return place.fence(environment.clock.nowMs())
  }

  setRing(ring: Ring): void {
    const { environment, place } = this.#parts
    if (ring === place.ring) return
    place.ring = ring
    this.#intake.setRing(ring, place.name, environment.clock.nowMs())
    this.#forwarder.setRing(ring)
  }

  forget(): void {
    // Whoever judges it learns of it from the store.
  }

  members(): readonly CheckerMember[] {
    const { place } = this.#parts
    return place.ring.members.map(({ name, address }) => {
      const self = name === place.name
      return { name, address, self, reachable: self ? undefined : this.#forwarder.reachable(name) }
    })
  }

  async close(): Promise<void> {
    await this.#forwarder.close()
    await this.#parts.place.close()
  }

  #reroute(paths: readonly string[]): void {
    const { place, entryAt, beat } = this.#parts
    for (const path of paths) {
      const entry = entryAt(path)
      const owner = place.ring.owner(path)
      if (entry === undefined || owner === undefined) continue
      if (owner.name === place.name) beat(entry)
      else this.#forwarder.add(owner.name, path)
    }
  }
}
