import type { Environment } from '@orrery/environment'
import type { Compare } from '@orrery/store'
import { RegistryError } from '../errors.ts'
import type { HeartbeatReply, HeartbeatStore } from '../ports.ts'
import type { CallOptions, CheckerMember } from '../registry.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import { BeatRecorder } from './beat-recorder.ts'
import type { PauseCause } from './health-clock.ts'
import type { HeartbeatRoute } from './heartbeat-route.ts'
import type { MemberPlace } from './member-place.ts'
import type { Ring } from './ring.ts'

/** What sharing works with. */
export interface SharedRouteParts {
  readonly environment: Environment
  readonly place: MemberPlace
  readonly store: HeartbeatStore
  readonly pathOf: (entry: InstanceEntry) => string
  readonly beat: (entry: InstanceEntry) => void
  /** Heartbeats can be read again: whatever was written meanwhile may be lost. */
  readonly recovered: () => void
}

/** How often it is tried whether heartbeats can be read again. Unit: ms. */
const probeIntervalMs = 1_000
/** Paths that are forgotten in one call. */
const forgetMaxPaths = 1_000
/** Paths that may wait to be forgotten; more are left to expire by themselves. */
const forgottenMaxPaths = 100_000

/** Heartbeats are noted where all members see them, and looked up by whoever judges. */
export class SharedRoute implements HeartbeatRoute {
  readonly #parts: SharedRouteParts
  readonly #recorder: BeatRecorder
  #wasAvailable = true
  #probedMs = -Infinity
  #forgotten: string[] = []
  #isForgetting = false

  constructor(parts: SharedRouteParts) {
    this.#parts = parts
    this.#recorder = new BeatRecorder(parts.store, parts.environment)
  }

  readonly lookUp = async (paths: readonly string[]): Promise<readonly (number | undefined)[]> => {
    const records = await this.#parts.store.latest(paths)
    return records.map((record) => record?.ageMs)
  }

  start(options: CallOptions): Promise<void> {
    return this.#parts.place.start(options)
  }

  take(entry: InstanceEntry): 'ok' | 'unavailable' {
    const { environment, place, beat, pathOf } = this.#parts
    const nowMs = environment.clock.nowMs()
    if (!place.isValid(nowMs) || !this.#recorder.vouches(nowMs)) return 'unavailable'
    this.#recorder.add(pathOf(entry), nowMs)
    beat(entry)
    return 'ok'
  }

  receive(): HeartbeatReply {
    throw new RegistryError('REGISTRY_UNAVAILABLE', 'heartbeats are shared here, not forwarded')
  }

  hindrance(nowMs: number): PauseCause | undefined {
    const { place, store, recovered } = this.#parts
    if (!place.isValid(nowMs)) return 'noPlace'
    if (store.available) {
      if (!this.#wasAvailable) recovered()
      this.#wasAvailable = true
      return undefined
    }
    this.#wasAvailable = false
    this.#probe(nowMs)
    return 'heartbeatsUnavailable'
  }

  fence(): readonly Compare[] | undefined {
    const { environment, place } = this.#parts
    return place.fence(environment.clock.nowMs())
  }

  setRing(ring: Ring): void {
    this.#parts.place.ring = ring
  }

  forget(path: string): void {
    if (this.#forgotten.length >= forgottenMaxPaths) return
    this.#forgotten.push(path)
    if (!this.#isForgetting) void this.#forgetAll()
  }

  members(): readonly CheckerMember[] {
    const { place } = this.#parts
    return place.ring.members.map(({ name, address }) => {
      return { name, address, self: name === place.name, reachable: undefined }
    })
  }

  async close(): Promise<void> {
    await this.#recorder.close()
    await this.#parts.place.close()
  }

  #probe(nowMs: number): void {
    if (nowMs - this.#probedMs < probeIntervalMs) return
    this.#probedMs = nowMs
    this.#parts.store.latest(['probe']).catch(() => {})
  }

  async #forgetAll(): Promise<void> {
    this.#isForgetting = true
    // Those of one turn go together.
    await Promise.resolve()
    try {
      while (this.#forgotten.length > 0)
        await this.#parts.store.remove(this.#forgotten.splice(0, forgetMaxPaths))
    } catch {
      // What stays expires by itself.
    } finally {
      this.#isForgetting = false
    }
  }
}
