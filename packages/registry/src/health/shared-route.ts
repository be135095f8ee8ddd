import type { Environment } from '@orrery/environment'
import type { Compare } from '@orrery/store'
import { RegistryError } from '../errors.ts'
import { escapeName } from '../keys.ts'
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
  /** Heartbeats may have been lost, nobody knows whose: they could not be read or written, or were forgotten. */
  readonly recovered: () => void
}

/** How often it is tried whether heartbeats can be read again. Unit: ms. */
const probeIntervalMs = 1_000
/** How often a member notes itself, so that it knows whether heartbeats can be written that others take. Unit: ms. */
const selfIntervalMs = 500
/** An answer that took longer says nothing: what others took meanwhile may still wait. Unit: ms. */
const lookUpMaxMs = 1_000
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
  /** Subjects beside those of instances, whose paths have two slashes. */
  readonly #self: string
  /** Written once, and again when it is gone: then everything may have been forgotten. */
  readonly #mark: string
  #selfMs = -Infinity

  constructor(parts: SharedRouteParts) {
    this.#parts = parts
    this.#recorder = new BeatRecorder(parts.store, parts.environment)
    const name = escapeName(parts.place.name)
    this.#self = `members/${name}`
    this.#mark = `marks/${name}`
  }

  readonly lookUp = async (paths: readonly string[]): Promise<readonly (number | undefined)[]> => {
    const { environment, store, recovered } = this.#parts
    const askedMs = environment.clock.nowMs()
    const records = await store.latest([...paths, this.#mark])
    const nowMs = environment.clock.nowMs()
    if (!this.#wasAvailable || nowMs - askedMs > lookUpMaxMs) {
      throw new RegistryError('REGISTRY_UNAVAILABLE', 'heartbeats may be missing from what was read')
    }
    if (records.at(-1) === undefined) {
      this.#recorder.add(this.#mark, nowMs)
      recovered()
    }
    return records.slice(0, -1).map((record) => record?.ageMs)
  }

  async start(options: CallOptions): Promise<void> {
    await this.#parts.place.start(options)
    this.#recorder.add(this.#mark, this.#parts.environment.clock.nowMs())
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
    this.#noteSelf(nowMs)
    const isAvailable = store.available && !this.#recorder.isBehind(nowMs)
    if (isAvailable && !this.#wasAvailable) recovered()
    if (!isAvailable) this.#probe(nowMs)
    this.#wasAvailable = isAvailable
    if (!place.isValid(nowMs)) return 'noPlace'
    return isAvailable ? undefined : 'heartbeatsUnavailable'
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

  /** All heartbeats may come to others: who judges has to know that these can note them. */
  #noteSelf(nowMs: number): void {
    if (nowMs - this.#selfMs < selfIntervalMs) return
    this.#selfMs = nowMs
    this.#recorder.add(this.#self, nowMs)
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
