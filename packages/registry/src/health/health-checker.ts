import type { Environment, Timer } from '@orrery/environment'
import { createTimerWheel, type TimerWheel } from '@orrery/timer-wheel'
import type { HealthReason, Instance } from '../model.ts'
import type { ResolvedRegistryOptions } from '../options.ts'
import { pathOf } from '../view/entry-path.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import type { EntryListener, View } from '../view/view.ts'
import type { WriteQueue } from '../writes/write-queue.ts'
import { healthChangeOf } from './health-change.ts'
import { HealthClock, type PauseCause } from './health-clock.ts'
import { HeldBack } from './held-back.ts'
import type { Ring } from './ring.ts'

/** What a health checker works with. */
export interface HealthCheckerParts {
  readonly environment: Environment
  readonly view: View
  readonly queue: WriteQueue
  /** The name of this member among those that check. Undefined: it is the only one. */
  readonly self: string | undefined
  /** Why no time may pass now. */
  readonly hindrance: (nowMs: number) => PauseCause | undefined
  /**
   * Whether instances whose time is up have been heard of elsewhere: how long ago, or that nothing is known. Undefined:
   * all heartbeats come here.
   */
  readonly lookUp: ((paths: readonly string[]) => Promise<readonly (number | undefined)[]>) | undefined
  /** Evictions are held back, or are not any more. */
  readonly protectionChanged: () => void
}

/** Ticks that are further apart than so many intervals, or than this time, are a stall. Unit: ms. */
const stallMin = { intervals: 5, ms: 500 } as const
/** How long, after a stall, what waits in sockets has time to be read. Unit: ms. */
const stallGraceMaxMs = 1_000
/** Instances that are judged in one turn. */
const sliceMaxEntries = 1_000
/** Places in the wheel that are looked at in one turn. */
const sliceMaxSteps = 20_000
/** Instances whose place is decided anew in one turn, when members come and go. */
const ringSliceMaxEntries = 5_000
/** When an instance is looked at again that could not be judged, or not be removed. Unit: ms. */
const retryMs = { write: 500, protection: 1_000 } as const

/**
 * Judges the health of those instances that are this member's to judge, by the heartbeats that it has seen.
 *
 * Invariant: an instance has its full time to live from the last heartbeat seen, or from when this member began to judge
 * it, on a clock that stands still whenever heartbeats may have been missed.
 */
export class HealthChecker implements EntryListener {
  readonly #parts: HealthCheckerParts
  readonly #options: ResolvedRegistryOptions
  readonly #clock: HealthClock
  readonly #wheel: TimerWheel<InstanceEntry>
  /** Deadlines count from here: what came since the last tick came no later than the next one. Unit: ms. */
  #baseMs: number
  /** All have their full time from then on, whatever their own deadlines say. Unit: ms of the health clock. */
  #renewedMs = -Infinity
  #ring: Ring
  #ringWork: Iterator<InstanceEntry> | undefined
  #timer: Timer | undefined
  #isRunning = false
  #judged = 0
  readonly #reviving = new Set<InstanceEntry>()
  readonly #heldBack: HeldBack

  constructor(parts: HealthCheckerParts, options: ResolvedRegistryOptions) {
    this.#parts = parts
    this.#options = options
    const { checkIntervalMs } = options
    this.#ring = parts.view.ring
    this.#clock = new HealthClock({
      startMs: parts.environment.clock.nowMs(),
      stallMinMs: Math.max(stallMin.ms, stallMin.intervals * checkIntervalMs),
      graceMaxMs: stallGraceMaxMs,
    })
    this.#wheel = createTimerWheel({ tickMs: checkIntervalMs })
    this.#heldBack = new HeldBack(parts.view, options.protection)
    this.#baseMs = checkIntervalMs
  }

  /** Instances that this member judges. */
  get judged(): number {
    return this.#judged
  }

  /** Instances whose removal is held back. */
  get heldBack(): number {
    return this.#heldBack.size
  }

  get pauses(): Readonly<Record<PauseCause, number>> {
    return this.#clock.pauses
  }

  start(): void {
    this.#isRunning = true
    this.#clock.begin(this.#parts.environment.clock.nowMs())
    this.#arm()
  }

  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
  }

  /** A heartbeat of an instance that this member judges. */
  beat(entry: InstanceEntry): void {
    if (entry.judging === 'here') {
      if (!entry.expired) this.#wheel.postpone(entry, this.#baseMs + entry.ttlMs)
    } else if (entry.judging === 'writing') entry.judging = 'beaten'
  }

  /** An instance that is expired has been heard of, by this member itself: that needs no judge. */
  revive(entry: InstanceEntry): void {
    if (this.#reviving.has(entry)) return
    this.#reviving.add(entry)
    void this.#write(entry, { reason: 'heartbeat', fenced: false }).finally(() =>
      this.#reviving.delete(entry),
    )
  }

  added(entry: InstanceEntry): void {
    this.#waitFor(entry)
  }

  changed(entry: InstanceEntry, previous: Instance): void {
    const { instance } = entry
    const isBeaten = entry.judging === 'beaten'
    const isNew =
      instance.expired !== previous.expired ||
      instance.ttlMs !== previous.ttlMs ||
      instance.evictAfterMs !== previous.evictAfterMs
    if (isNew || isBeaten || entry.judging === 'writing') this.#waitFor(entry)
    if (isBeaten && instance.expired) this.revive(entry)
  }

  removed(entry: InstanceEntry): void {
    this.#disarm(entry)
  }

  /** The members that check have changed: what is this one's to judge is found out again, in slices. */
  setRing(ring: Ring): void {
    if (ring === this.#ring) return
    this.#ring = ring
    const isAtWork = this.#ringWork !== undefined
    this.#ringWork = this.#parts.view.entries()[Symbol.iterator]()
    if (!isAtWork) this.#reassign()
  }

  /** Gives every instance its full time again: nobody knows what was missed. */
  renewAll(): void {
    this.#renewedMs = this.#baseMs
  }

  readonly #reassign = (): void => {
    for (let n = 0; n < ringSliceMaxEntries && this.#ringWork !== undefined; n++) {
      const next = this.#ringWork.next()
      if (next.done === true) {
        this.#ringWork = undefined
        return
      }
      const entry = next.value
      const isMine = this.isMine(entry)
      if (isMine && entry.judging === 'elsewhere') this.#waitFor(entry)
      else if (!isMine && entry.judging !== 'elsewhere') this.#disarm(entry)
    }
    if (this.#ringWork !== undefined) this.#parts.environment.clock.defer(this.#reassign)
  }

  /** Whether this member judges an instance. */
  isMine(entry: InstanceEntry): boolean {
    const { self } = this.#parts
    return self === undefined || this.#ring.owner(pathOf(entry))?.name === self
  }

  /** Lets an instance wait for its full time. */
  #waitFor(entry: InstanceEntry): void {
    const { ttlMs, expired, evictAfterMs } = entry.instance
    const waitMs = expired ? evictAfterMs : ttlMs
    this.#heldBack.forget(entry)
    if (ttlMs === 0 || !this.isMine(entry)) {
      this.#disarm(entry)
      return
    }
    if (entry.judging === 'elsewhere') this.#judged++
    entry.judging = 'here'
    if (waitMs === Infinity) this.#wheel.cancel(entry)
    else this.#wheel.schedule(entry, this.#baseMs + waitMs)
  }

  #disarm(entry: InstanceEntry): void {
    this.#wheel.cancel(entry)
    this.#heldBack.forget(entry)
    if (entry.judging !== 'elsewhere') this.#judged--
    entry.judging = 'elsewhere'
  }

  #arm(): void {
    this.#timer = this.#parts.environment.clock.setTimer(this.#options.checkIntervalMs, this.#tick)
  }

  readonly #tick = (): void => {
    if (!this.#isRunning) return
    const { clock } = this.#parts.environment
    const nowMs = clock.nowMs()
    this.#clock.tick(nowMs, this.#parts.hindrance(nowMs))
    this.#baseMs = this.#clock.nowMs + this.#options.checkIntervalMs
    this.#parts.protectionChanged()
    if (this.#clock.paused === undefined) this.#judge()
    else this.#arm()
  }

  readonly #judge = (): void => {
    if (!this.#isRunning) return
    const nowMs = this.#clock.nowMs
    const due = this.#wheel.advance(nowMs, { maxExpired: sliceMaxEntries, maxSteps: sliceMaxSteps })
    if (due.length > 0) this.#decide(due)
    if ((this.#wheel.nextDeadlineMs() ?? Infinity) <= nowMs) this.#parts.environment.clock.defer(this.#judge)
    else this.#arm()
  }

  #decide(due: readonly InstanceEntry[]): void {
    const { lookUp } = this.#parts
    if (lookUp === undefined) {
      for (const entry of due) this.#decideOn(entry)
      return
    }
    for (const entry of due) entry.judging = 'writing'
    void this.#lookUp(due, lookUp)
  }

  /** Heartbeats may have come to other members: where they note them, this one looks before it judges. */
  async #lookUp(
    due: readonly InstanceEntry[],
    lookUp: NonNullable<HealthCheckerParts['lookUp']>,
  ): Promise<void> {
    let agesMs: readonly (number | undefined)[] | undefined
    try {
      agesMs = await lookUp(due.map(pathOf))
    } catch {
      // The clock stands still until they can be read again.
    }
    due.forEach((entry, index) => {
      if (entry.judging !== 'writing' && entry.judging !== 'beaten') return
      const isBeaten = entry.judging === 'beaten'
      entry.judging = 'here'
      const { ttlMs, expired } = entry.instance
      const ageMs = isBeaten ? 0 : agesMs?.[index]
      if (agesMs === undefined) this.#again(entry, retryMs.write)
      else if (ageMs === undefined && !entry.unseen) {
        entry.unseen = true
        this.#again(entry, ttlMs)
      } else if (ageMs !== undefined && ageMs < ttlMs) {
        entry.unseen = false
        if (expired) this.revive(entry)
        this.#again(entry, ttlMs - ageMs)
      } else this.#decideOn(entry)
    })
  }

  #again(entry: InstanceEntry, delayMs: number): void {
    this.#wheel.schedule(entry, this.#baseMs + delayMs)
  }

  #decideOn(entry: InstanceEntry): void {
    const { ttlMs, expired, evictAfterMs } = entry.instance
    const fromMs = this.#renewedMs + (expired ? Math.min(ttlMs, evictAfterMs) : ttlMs)
    if (fromMs > this.#clock.nowMs) {
      entry.judging = 'here'
      this.#wheel.schedule(entry, fromMs)
      return
    }
    if (this.#parts.queue.isBusy(pathOf(entry))) {
      // Whoever changes it just now may be the instance itself.
      this.#again(entry, retryMs.write)
      return
    }
    if (entry.instance.expired && this.#heldBack.holds(entry, this.#clock.nowMs)) {
      this.#again(entry, retryMs.protection)
      return
    }
    this.#heldBack.forget(entry)
    entry.judging = 'writing'
    void this.#write(entry, { reason: 'expired', fenced: true })
  }

  async #write(
    entry: InstanceEntry,
    { reason, fenced }: { readonly reason: HealthReason; readonly fenced: boolean },
  ): Promise<void> {
    const { queue, environment } = this.#parts
    const decided = entry.instance
    try {
      const result = await queue.inOrder(pathOf(entry), async () => {
        // What came before it in the line has changed it: it is decided anew.
        if (entry.instance !== decided) return undefined
        return await queue.submitHealth({
          ...healthChangeOf(entry, reason, environment.clock.wallMs()),
          fenced,
        })
      })
      if (result?.type === 'done') return
    } catch (error) {
      environment.logger.warn('a change of health could not be written', { error, instance: pathOf(entry) })
    }
    this.#undecided(entry)
  }

  /** Nothing was written: it waits again, but not for its whole time. */
  #undecided(entry: InstanceEntry): void {
    if (entry.judging !== 'writing' && entry.judging !== 'beaten') return
    const isBeaten = entry.judging === 'beaten'
    entry.judging = 'here'
    if (isBeaten) this.#waitFor(entry)
    else this.#again(entry, retryMs.write)
  }
}
