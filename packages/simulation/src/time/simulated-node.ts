import { type Clock, type Environment, type Logger, type Random, type Timer } from '@orrery/environment'
import { SimulationError } from '../errors.ts'
import type { ScheduledEvent } from './event-heap.ts'
import type { Trace } from './trace.ts'

/** How a process ends: with its memory, or with what it had not synced, too. */
export type CrashCause = 'kill' | 'powerLoss'

/**
 * A machine with at most one process at a time.
 *
 * - `stopped`: no process. Whatever is sent to it is lost.
 * - `running`
 * - `paused`: the process gets no turn; its clock goes on, and what happens to it waits.
 */
export type NodeState = 'stopped' | 'running' | 'paused'

/** How the clock of a node differs from the simulation's time. */
export interface NodeClockOptions {
  /** Where its monotonic time begins. Unit: ms. @defaultValue `0` */
  readonly offsetMs?: number
  /** How much faster it goes: `0.001` gains 1 ms per second. At least -0.5. @defaultValue `0` */
  readonly drift?: number
}

/** A machine of a simulated cluster. */
export interface SimulatedNode {
  readonly name: string
  /** Counts nodes from 0, in the order of their creation. */
  readonly number: number
  readonly state: NodeState
  /** Counts the processes that this node has had; 0: none yet. */
  readonly incarnation: number
  /**
   * What the running process may ask of its host. Each process has its own: the timers of one that crashed
   * are gone, and it can set no more.
   *
   * @throws SimulationError `SIMULATION_NODE_STATE` when there is no process
   */
  readonly environment: Environment
  /**
   * Begins a new process and returns its environment.
   *
   * @throws SimulationError `SIMULATION_NODE_STATE` when there is one
   */
  start(): Environment
  /** Gives the process no more turns. Does nothing unless it runs. */
  pause(): void
  /** Lets what waited happen, in order. Does nothing unless paused. */
  resume(): void
  /** Ends the process where it stands: nothing it waited for ever happens. Does nothing when there is none. */
  crash(cause?: CrashCause): void
  /** Calls back right after each crash. */
  onCrash(listener: (cause: CrashCause) => void): void
  /**
   * Something happens to the running process, from outside, `delayMs` of the simulation's time from now. Lost
   * when that process is gone by then, and at once when there is none.
   */
  schedule(delayMs: number, run: () => void): Timer
  /** Changes the speed of the clock from now on. */
  setDrift(drift: number): void
  /** Moves the time of day, which nothing may depend on. */
  shiftWall(ms: number): void
}

/** What a node needs of its simulation. */
export interface NodeHost {
  readonly nowUs: number
  readonly trace: Trace
  readonly random: Random
  push(event: {
    readonly delayUs: number
    readonly owner: number
    readonly incarnation: number
    readonly run: () => void
  }): ScheduledEvent
  /** Schedules again what waited for a paused node, for now. */
  requeue(event: ScheduledEvent): void
}

/** Wall clocks begin here: 2026-01-01. Unit: ms. */
const wallStartMs = 1_767_225_600_000
/** A turn of the event loop takes time, or code that defers until time has passed would never end. Unit: µs. */
const deferUs = 1
/** As `setTimeout`. Unit: ms. */
const timerMaxMs = 2 ** 31 - 1
const nothing: Timer = { cancel: () => {} }

export class HostedNode implements SimulatedNode {
  readonly name: string
  readonly number: number
  readonly #host: NodeHost
  readonly #backlog: ScheduledEvent[] = []
  readonly #listeners: ((cause: CrashCause) => void)[] = []
  #state: NodeState = 'stopped'
  #incarnation = 0
  #environment: Environment | undefined
  /** The clock: local time at a point of the simulation's time, and its speed since. */
  #baseLocalMs: number
  #baseUs: number
  #rate: number
  #shownMs = 0
  #wallShiftMs = 0

  constructor(
    host: NodeHost,
    identity: { readonly name: string; readonly number: number },
    clock: NodeClockOptions,
  ) {
    this.#host = host
    this.name = identity.name
    this.number = identity.number
    this.#baseLocalMs = clock.offsetMs ?? 0
    this.#baseUs = host.nowUs
    this.#rate = toRate(clock.drift ?? 0)
  }

  get state(): NodeState {
    return this.#state
  }

  get incarnation(): number {
    return this.#incarnation
  }

  get environment(): Environment {
    if (this.#environment === undefined) throw this.#wrongState('has no process')
    return this.#environment
  }

  start(): Environment {
    if (this.#state !== 'stopped') throw this.#wrongState('has a process already')
    this.#state = 'running'
    this.#incarnation++
    this.#trace('starts')
    this.#environment = {
      clock: this.#clock(this.#incarnation),
      random: this.#host.random.fork(`node ${this.name} ${this.#incarnation}`),
      logger: this.#logger(),
    }
    return this.#environment
  }

  pause(): void {
    if (this.#state !== 'running') return
    this.#state = 'paused'
    this.#trace('pauses')
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    this.#trace('resumes')
    for (const event of this.#backlog.splice(0)) this.#host.requeue(event)
  }

  crash(cause: CrashCause = 'powerLoss'): void {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#environment = undefined
    this.#backlog.length = 0
    this.#trace(cause === 'kill' ? 'is killed' : 'loses power')
    for (const listener of this.#listeners) listener(cause)
  }

  onCrash(listener: (cause: CrashCause) => void): void {
    this.#listeners.push(listener)
  }

  schedule(delayMs: number, run: () => void): Timer {
    if (this.#state === 'stopped') return nothing
    return this.#push(toUs(delayMs), this.#incarnation, run)
  }

  setDrift(drift: number): void {
    this.#baseLocalMs = this.#nowMs()
    this.#baseUs = this.#host.nowUs
    this.#rate = toRate(drift)
  }

  shiftWall(ms: number): void {
    this.#wallShiftMs += ms
  }

  /** Whether an event may happen now; if not, it is kept or forgotten. */
  admits(event: ScheduledEvent): boolean {
    if (this.#state === 'stopped' || event.incarnation !== this.#incarnation) return false
    if (this.#state === 'running') return true
    this.#backlog.push(event)
    return false
  }

  #push(delayUs: number, incarnation: number, run: () => void): ScheduledEvent {
    return this.#host.push({ delayUs, owner: this.number, incarnation, run })
  }

  #nowMs(): number {
    const ms = this.#baseLocalMs + ((this.#host.nowUs - this.#baseUs) * this.#rate) / 1000
    // Rounding must not let a clock step back, or a timer fire before its time.
    return (this.#shownMs = Math.max(this.#shownMs, ms))
  }

  #clock(incarnation: number): Clock {
    const isGone = (): boolean => this.#incarnation !== incarnation || this.#state === 'stopped'
    return {
      nowMs: () => this.#nowMs(),
      wallMs: () => Math.floor(wallStartMs + this.#wallShiftMs + this.#nowMs()),
      defer: (callback) => (isGone() ? nothing : this.#push(deferUs, incarnation, callback)),
      setTimer: (delayMs, callback) => (isGone() ? nothing : this.#timer(delayMs, incarnation, callback)),
    }
  }

  #timer(delayMs: number, incarnation: number, callback: () => void): Timer {
    const dueMs = this.#nowMs() + Math.min(Math.max(0, delayMs), timerMaxMs)
    const toDueUs = (): number => Math.ceil(((dueMs - this.#nowMs()) * 1000) / this.#rate)
    const fire = (): void => {
      const missingUs = toDueUs()
      // The clock was slowed down meanwhile.
      if (missingUs > 1) timer = this.#push(missingUs, incarnation, fire)
      else {
        this.#shownMs = Math.max(this.#shownMs, dueMs)
        callback()
      }
    }
    let timer = this.#push(Math.max(deferUs, toDueUs()), incarnation, fire)
    return { cancel: () => timer.cancel() }
  }

  #logger(): Logger {
    const at =
      (level: string): Logger['info'] =>
      (message, fields) => {
        if (!this.#host.trace.isRecording) return
        const text = fields === undefined ? '' : ` ${describeFields(fields)}`
        this.#trace(`${level}: ${message}${text}`)
      }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  }

  #trace(line: string): void {
    if (this.#host.trace.isRecording) this.#host.trace.add(`${this.name} ${line}`)
  }

  #wrongState(what: string): SimulationError {
    return new SimulationError('SIMULATION_NODE_STATE', `node ${this.name} ${what}`)
  }
}

/** Delays are whole microseconds, rounded up. */
export function toUs(ms: number): number {
  if (!(ms >= 0 && ms < 1e12)) throw new RangeError(`a delay must be within [0, 1e12) ms, not ${ms}`)
  return Math.ceil(ms * 1000)
}

function toRate(drift: number): number {
  if (!(drift >= -0.5 && drift <= 1)) {
    throw new SimulationError('SIMULATION_INVALID_OPTION', `drift must be within [-0.5, 1], not ${drift}`)
  }
  return 1 + drift
}

function describeFields(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(fields, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
}
