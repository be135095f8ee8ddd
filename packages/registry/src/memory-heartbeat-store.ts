import type { Clock } from '@orrery/environment'
import { systemClock } from '@orrery/environment/system'
import { HeartbeatStoreError } from './heartbeat-store-errors.ts'
import type { HeartbeatRecord, HeartbeatStore } from './ports.ts'

/** What a heartbeat store in memory needs. */
export interface MemoryHeartbeatStoreDeps {
  /** @defaultValue Node's monotonic clock */
  readonly clock?: Clock | undefined
}

/** How long, and how much, a heartbeat store in memory remembers. */
export interface MemoryHeartbeatStoreOptions {
  /** A subject without a heartbeat for so long is forgotten. Unit: ms, above 0. @defaultValue `86_400_000` (one day) */
  readonly forgetAfterMs?: number | undefined
  /**
   * Subjects that are remembered; with more, those whose last heartbeat is longest ago are forgotten. Each takes
   * some 200 bytes. @defaultValue `1_048_576`
   */
  readonly subjectsMax?: number | undefined
}

/** What a heartbeat store in memory uses when its options do not say otherwise. */
export const memoryHeartbeatStoreDefaults = {
  forgetAfterMs: 86_400_000,
  subjectsMax: 1_048_576,
} as const satisfies Required<MemoryHeartbeatStoreOptions>

/** Heartbeats that registries of one process share. */
export interface MemoryHeartbeatStore extends HeartbeatStore {
  /** Subjects that are remembered, with those that will be forgotten at the next call. */
  readonly size: number
  /**
   * Another store of the same heartbeats, for another registry: each is closed on its own.
   *
   * @throws HeartbeatStoreError `HEARTBEATS_CLOSED`
   */
  share(): MemoryHeartbeatStore
}

interface ResolvedOptions {
  readonly forgetAfterMs: number
  readonly subjectsMax: number
}

interface Heartbeat {
  readonly atMs: number
  readonly stamp: string
}

/** How many subjects a call may forget for each that it deals with: no call pays for all that was left behind. */
const forgottenPerSubject = 4

/** What the stores that share heartbeats have in common. */
class Heartbeats {
  readonly #clock: Clock
  readonly #forgetAfterMs: number
  readonly #subjectsMax: number
  /** Invariant: in the order of their last heartbeats, the oldest first. */
  readonly #bySubject = new Map<string, Heartbeat>()
  #count = 0

  constructor(clock: Clock, { forgetAfterMs, subjectsMax }: ResolvedOptions) {
    this.#clock = clock
    this.#forgetAfterMs = forgetAfterMs
    this.#subjectsMax = subjectsMax
  }

  get size(): number {
    return this.#bySubject.size
  }

  record(subjects: readonly string[]): void {
    const nowMs = this.#clock.nowMs()
    for (const subject of subjects) {
      // Out and in again: a subject that is only replaced would keep its place in the order.
      this.#bySubject.delete(subject)
      this.#bySubject.set(subject, { atMs: nowMs, stamp: `${++this.#count}` })
    }
    this.#forget(subjects.length, nowMs)
  }

  latest(subjects: readonly string[]): readonly (HeartbeatRecord | undefined)[] {
    const nowMs = this.#clock.nowMs()
    const found = subjects.map((subject) => {
      const heartbeat = this.#bySubject.get(subject)
      if (heartbeat === undefined || this.#isOld(heartbeat, nowMs)) return undefined
      return { ageMs: Math.max(0, nowMs - heartbeat.atMs), stamp: heartbeat.stamp }
    })
    this.#forget(subjects.length, nowMs)
    return found
  }

  remove(subjects: readonly string[]): void {
    for (const subject of subjects) this.#bySubject.delete(subject)
  }

  #isOld({ atMs }: Heartbeat, nowMs: number): boolean {
    return nowMs - atMs >= this.#forgetAfterMs
  }

  /** What is too many goes at once, what is too old little by little: it is not found any more in any case. */
  #forget(touched: number, nowMs: number): void {
    let left = touched * forgottenPerSubject
    for (const [subject, heartbeat] of this.#bySubject) {
      const tooMany = this.#bySubject.size > this.#subjectsMax
      if (!tooMany && (left-- <= 0 || !this.#isOld(heartbeat, nowMs))) return
      this.#bySubject.delete(subject)
    }
  }
}

class SharedHeartbeatStore implements MemoryHeartbeatStore {
  /** Undefined: closed. */
  #heartbeats: Heartbeats | undefined
  readonly #closed = Promise.resolve()

  constructor(heartbeats: Heartbeats) {
    this.#heartbeats = heartbeats
  }

  get available(): boolean {
    return true
  }

  get size(): number {
    return this.#heartbeats?.size ?? 0
  }

  record(subjects: readonly string[]): Promise<void> {
    return this.#call((heartbeats) => heartbeats.record(subjects))
  }

  latest(subjects: readonly string[]): Promise<readonly (HeartbeatRecord | undefined)[]> {
    return this.#call((heartbeats) => heartbeats.latest(subjects))
  }

  remove(subjects: readonly string[]): Promise<void> {
    return this.#call((heartbeats) => heartbeats.remove(subjects))
  }

  share(): MemoryHeartbeatStore {
    return new SharedHeartbeatStore(this.#open())
  }

  close(): Promise<void> {
    this.#heartbeats = undefined
    return this.#closed
  }

  #call<Result>(body: (heartbeats: Heartbeats) => Result): Promise<Result> {
    return new Promise((resolve) => resolve(body(this.#open())))
  }

  #open(): Heartbeats {
    if (this.#heartbeats === undefined) {
      throw new HeartbeatStoreError('HEARTBEATS_CLOSED', 'the heartbeat store is closed')
    }
    return this.#heartbeats
  }
}

/**
 * Creates a heartbeat store in the memory of this process, for registries that share it: the same one, or, where
 * each closes its own, what {@link MemoryHeartbeatStore.share} gives. It is always available, and has no timer.
 *
 * @throws HeartbeatStoreError `HEARTBEATS_OPTION_INVALID`
 */
export function createMemoryHeartbeatStore(
  { clock = systemClock }: MemoryHeartbeatStoreDeps = {},
  options: MemoryHeartbeatStoreOptions = {},
): MemoryHeartbeatStore {
  return new SharedHeartbeatStore(new Heartbeats(clock, resolveOptions(options)))
}

function resolveOptions({
  forgetAfterMs = memoryHeartbeatStoreDefaults.forgetAfterMs,
  subjectsMax = memoryHeartbeatStoreDefaults.subjectsMax,
}: MemoryHeartbeatStoreOptions): ResolvedOptions {
  if (!(forgetAfterMs > 0)) refuse(`forgetAfterMs is above 0, got ${forgetAfterMs}`)
  if (!(Number.isSafeInteger(subjectsMax) && subjectsMax >= 1)) {
    refuse(`subjectsMax is an integer from 1 on, got ${subjectsMax}`)
  }
  return { forgetAfterMs, subjectsMax }
}

function refuse(reason: string): never {
  throw new HeartbeatStoreError('HEARTBEATS_OPTION_INVALID', reason)
}
