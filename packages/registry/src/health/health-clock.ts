/** Why judging stands still. */
export const pauseCauses = ['stall', 'silentMember', 'heartbeatsUnavailable', 'noPlace'] as const

/** One of {@link pauseCauses}. */
export type PauseCause = (typeof pauseCauses)[number]

/**
 * A clock that goes only while whoever judges by it knows what happens. Time in which heartbeats may have come unseen
 * does not pass: not for the process that was frozen or busy, whose heartbeats still wait in its sockets, nor while
 * those that others take do not arrive.
 */
export class HealthClock {
  readonly #stallMinMs: number
  readonly #graceMaxMs: number
  #lastMs: number
  #resumeMs = -Infinity
  #paused: PauseCause | undefined
  /** How often it stopped, by cause. */
  readonly pauses: Record<PauseCause, number> = {
    stall: 0,
    silentMember: 0,
    heartbeatsUnavailable: 0,
    noPlace: 0,
  }
  /** What it shows. Unit: ms. */
  nowMs = 0

  /**
   * @param options `stallMinMs`: ticks that are further apart are a stall. After one, for as long as it took but no
   * longer than `graceMaxMs`, what waits in sockets has time to be read. Unit: ms.
   */
  constructor(options: {
    readonly startMs: number
    readonly stallMinMs: number
    readonly graceMaxMs: number
  }) {
    this.#lastMs = options.startMs
    this.#stallMinMs = options.stallMinMs
    this.#graceMaxMs = options.graceMaxMs
  }

  /** Why it does not go. Undefined: it does. */
  get paused(): PauseCause | undefined {
    return this.#paused
  }

  /** It begins, or goes on after nobody has judged: what was before does not count. */
  begin(nowMs: number): void {
    this.#lastMs = nowMs
  }

  /**
   * Moves it.
   *
   * @param nowMs by the host's monotonic clock
   * @param hindrance why not to move it now, other than a stall
   */
  tick(nowMs: number, hindrance: PauseCause | undefined): void {
    const gapMs = nowMs - this.#lastMs
    this.#lastMs = nowMs
    if (gapMs > this.#stallMinMs) this.#resumeMs = nowMs + Math.min(gapMs, this.#graceMaxMs)
    const cause = nowMs < this.#resumeMs ? 'stall' : hindrance
    if (cause !== undefined && cause !== this.#paused) this.pauses[cause]++
    this.#paused = cause
    if (cause === undefined) this.nowMs += gapMs
  }
}
