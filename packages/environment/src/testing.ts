/**
 * An {@link Environment} that a test owns: time moves when the test says so, randomness comes from a seed,
 * and log lines are kept.
 *
 * @packageDocumentation
 */
import type { Clock, Timer } from './clock.ts'
import type { Environment } from './environment.ts'
import type { LogFields, Logger } from './logger.ts'
import { createRandom } from './random.ts'

/** A clock that stands still until it is advanced. */
export interface ManualClock extends Clock {
  /**
   * Moves time forward and runs every timer that becomes due, in the order of their times (ties: in the
   * order they were set), with the clock showing the time of each. Timers that these set run too when they
   * fall into the span. Callbacks of {@link Clock.defer} run before time moves and after each timer.
   *
   * @throws RangeError when `ms` is negative
   */
  advance(ms: number): void
  /** Runs what was deferred, and what that defers, without moving time. */
  runDeferred(): void
  /**
   * Time passes and nothing runs, as when the process is frozen: timers that became due run, late, with the next
   * {@link ManualClock.advance}.
   *
   * @throws RangeError when `ms` is negative
   */
  freeze(ms: number): void
  /** Moves the time of day alone, as an operator would: monotonic time and timers do not notice. */
  shiftWall(ms: number): void
  /** Timers and deferred callbacks that have not run yet: a closed component leaves none. */
  readonly pending: number
}

interface Scheduled {
  readonly atMs: number
  readonly order: number
  readonly callback: () => void
}

/**
 * Creates a manual clock.
 *
 * @param startMs where monotonic time and the time of day begin. Unit: ms.
 */
export function createManualClock(startMs = 0): ManualClock {
  let nowMs = startMs
  let wallShiftMs = 0
  let order = 0
  const timers = new Set<Scheduled>()
  let deferred = new Set<Scheduled>()

  const add = (set: Set<Scheduled>, atMs: number, callback: () => void): Timer => {
    const entry = { atMs, order: order++, callback }
    set.add(entry)
    return {
      cancel: () => {
        timers.delete(entry)
        deferred.delete(entry)
      },
    }
  }

  const runDeferred = (): void => {
    while (deferred.size > 0) {
      const due = deferred
      deferred = new Set()
      for (const entry of due) entry.callback()
    }
  }

  const earliest = (untilMs: number): Scheduled | undefined => {
    let next: Scheduled | undefined
    for (const timer of timers) {
      if (timer.atMs > untilMs) continue
      if (
        next === undefined ||
        timer.atMs < next.atMs ||
        (timer.atMs === next.atMs && timer.order < next.order)
      )
        next = timer
    }
    return next
  }

  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs + wallShiftMs,
    setTimer: (delayMs, callback) => add(timers, nowMs + Math.max(0, delayMs), callback),
    defer: (callback) => add(deferred, nowMs, callback),
    advance: (ms) => {
      if (!(ms >= 0)) throw new RangeError(`time does not go backwards, got ${String(ms)} ms`)
      const untilMs = nowMs + ms
      runDeferred()
      for (let next = earliest(untilMs); next !== undefined; next = earliest(untilMs)) {
        timers.delete(next)
        nowMs = Math.max(nowMs, next.atMs)
        next.callback()
        runDeferred()
      }
      nowMs = untilMs
    },
    runDeferred,
    freeze: (ms) => {
      if (!(ms >= 0)) throw new RangeError(`time does not go backwards, got ${String(ms)} ms`)
      nowMs += ms
    },
    shiftWall: (ms) => {
      wallShiftMs += ms
    },
    get pending() {
      return timers.size + deferred.size
    },
  }
}

/** One line that a component logged. */
export interface LogLine {
  readonly level: keyof Logger
  readonly message: string
  readonly fields: LogFields
}

/** A logger that keeps its lines. */
export interface RecordingLogger extends Logger {
  readonly lines: readonly LogLine[]
}

/** Creates a logger whose lines a test can look at. */
export function createRecordingLogger(): RecordingLogger {
  const lines: LogLine[] = []
  const at =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields })
    }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** An environment whose every part a test controls. */
export interface ManualEnvironment extends Environment {
  readonly clock: ManualClock
  readonly logger: RecordingLogger
}

/**
 * Creates an environment for a test.
 *
 * @param seed of its random stream
 */
export function createManualEnvironment(seed = 1): ManualEnvironment {
  return { clock: createManualClock(), random: createRandom(seed), logger: createRecordingLogger() }
}
