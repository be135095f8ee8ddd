import { type Random, type Timer, createRandom } from '@orrery/environment'
import { SimulationError } from '../errors.ts'
import { EventHeap, ScheduledEvent } from './event-heap.ts'
import { poisonGlobals } from './poisoned-globals.ts'
import {
  HostedNode,
  type NodeClockOptions,
  type NodeHost,
  type SimulatedNode,
  toUs,
} from './simulated-node.ts'
import { RecordedTrace, type Trace } from './trace.ts'

/** How a simulation runs. */
export interface SimulationOptions {
  /** Decides everything: the same seed gives the same run. An integer. */
  readonly seed: number
  /** Lines of the trace that are kept. @defaultValue `0`: none, which is fastest */
  readonly traceMaxLines?: number
  /**
   * Lets `Date.now`, `Math.random`, `setTimeout` and their like throw `SIMULATION_HOST_GLOBAL` while events
   * run. @defaultValue `true`
   */
  readonly poisonsGlobals?: boolean
  /** Events that may happen without time advancing. @defaultValue `1_000_000` */
  readonly stallMaxEvents?: number
}

/** Virtual time: events happen one after the other, and time jumps from each to the next. */
export interface Simulation {
  readonly seed: number
  /** Fork it by label, so that a new draw in one part does not shift the others. */
  readonly random: Random
  /** Unit: ms, from 0, whole microseconds. */
  readonly nowMs: number
  /** Events that have happened. */
  readonly eventCount: number
  /** Hash and last lines of what has happened. */
  readonly trace: Trace
  /** Adds a machine, stopped. */
  createNode(name: string, clock?: NodeClockOptions): SimulatedNode
  /** Something that the harness does, `delayMs` from now. */
  schedule(delayMs: number, run: () => void): Timer
  /**
   * Runs all events up to a time, and all promise jobs of each event before the next one. Real I/O and real
   * timers must not be pending: their callbacks would come in between.
   *
   * @param isDone ends the run early; asked after each event and its promise jobs
   * @throws SimulationError `SIMULATION_STALLED`, and whatever an event throws
   */
  run(untilMs: number, isDone?: () => boolean): Promise<void>
  /** The same for code without promises, in this turn of the event loop, and faster. */
  runSync(untilMs: number, isDone?: () => boolean): void
  /** Runs one event without its promise jobs. False: there was none. */
  step(): boolean
}

/** Events per turn of the real event loop: Node drains promise jobs after each of several immediates. */
const batchEvents = 64
/** The harness keeps its own, as it poisons the global one. */
const hostImmediate = setImmediate
const harness = -1

class SeededSimulation implements Simulation, NodeHost {
  readonly seed: number
  readonly random: Random
  readonly trace: RecordedTrace
  nowUs = 0
  eventCount = 0
  readonly #heap = new EventHeap()
  readonly #nodes: HostedNode[] = []
  readonly #poison: () => () => void
  readonly #stallMaxEvents: number
  #sequence = 0
  #eventsNow = 0

  constructor(options: SimulationOptions) {
    if (!Number.isSafeInteger(options.seed)) {
      throw new SimulationError(
        'SIMULATION_INVALID_OPTION',
        `the seed must be an integer, not ${options.seed}`,
      )
    }
    this.seed = options.seed
    this.random = createRandom(options.seed)
    this.trace = new RecordedTrace(options.traceMaxLines ?? 0, () => this.nowMs)
    this.#poison = options.poisonsGlobals === false ? () => () => {} : poisonGlobals
    this.#stallMaxEvents = options.stallMaxEvents ?? 1_000_000
  }

  get nowMs(): number {
    return this.nowUs / 1000
  }

  createNode(name: string, clock: NodeClockOptions = {}): SimulatedNode {
    const node = new HostedNode(this, { name, number: this.#nodes.length }, clock)
    this.#nodes.push(node)
    return node
  }

  schedule(delayMs: number, run: () => void): Timer {
    return this.push({ delayUs: toUs(delayMs), owner: harness, incarnation: 0, run })
  }

  push(event: { delayUs: number; owner: number; incarnation: number; run: () => void }): ScheduledEvent {
    const when = { atUs: this.nowUs + event.delayUs, sequence: this.#sequence++ }
    const scheduled = new ScheduledEvent(when, event.owner, event.incarnation, event.run)
    this.#heap.push(scheduled)
    return scheduled
  }

  requeue(event: ScheduledEvent): void {
    event.atUs = this.nowUs
    event.sequence = this.#sequence++
    this.#heap.push(event)
  }

  step(): boolean {
    return this.#next(Number.MAX_SAFE_INTEGER)
  }

  runSync(untilMs: number, isDone: () => boolean = () => false): void {
    const untilUs = toUs(untilMs)
    const cure = this.#poison()
    try {
      while (!isDone() && this.#next(untilUs));
    } finally {
      cure()
    }
    if (!isDone()) this.#advance(untilUs)
  }

  async run(untilMs: number, isDone: () => boolean = () => false): Promise<void> {
    const untilUs = toUs(untilMs)
    // Promise jobs that wait already may schedule something, too.
    do await this.#runBatch(untilUs, isDone)
    while (!isDone() && this.#isDue(untilUs))
    if (!isDone()) this.#advance(untilUs)
  }

  /** One event per immediate, in one turn of the event loop: promise jobs run after each. */
  #runBatch(untilUs: number, isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let cure = (): void => {}
      let failure: { readonly error: unknown } | undefined
      const turn = (): void => {
        if (failure !== undefined) return
        try {
          if (!isDone()) this.#next(untilUs)
        } catch (error) {
          failure = { error }
        }
      }
      hostImmediate(() => {
        cure = this.#poison()
      })
      for (let i = 0; i < batchEvents; i++) hostImmediate(turn)
      hostImmediate(() => {
        cure()
        if (failure === undefined) resolve()
        // What an event threw is not always an error.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        else reject(failure.error)
      })
    })
  }

  #isDue(untilUs: number): boolean {
    const next = this.#heap.peek()
    return next !== undefined && next.atUs <= untilUs
  }

  /** Runs the next event that happens at all. */
  #next(untilUs: number): boolean {
    for (;;) {
      if (!this.#isDue(untilUs)) return false
      const event = this.#heap.pop()
      if (event?.run === undefined) continue
      this.#advance(event.atUs)
      if (event.owner !== harness && this.#nodes[event.owner]?.admits(event) !== true) continue
      const { run } = event
      event.run = undefined
      this.eventCount++
      this.#requireProgress()
      this.trace.mix(event.atUs)
      this.trace.mix(event.owner)
      run()
      return true
    }
  }

  #advance(us: number): void {
    if (us <= this.nowUs) return
    this.nowUs = us
    this.#eventsNow = 0
  }

  #requireProgress(): void {
    if (++this.#eventsNow <= this.#stallMaxEvents) return
    throw new SimulationError('SIMULATION_STALLED', `${this.#eventsNow} events at ${this.nowMs} ms`)
  }
}

/**
 * Creates an empty world at time 0.
 *
 * @throws SimulationError `SIMULATION_INVALID_OPTION`
 */
export function createSimulation(options: SimulationOptions): Simulation {
  return new SeededSimulation(options)
}
