import type { Clock } from '@orrery/environment'
import type { Command } from './command.ts'
import type { Committed, CommitLog } from './ports.ts'
import { Refusal, type StateMachine } from './state-machine.ts'

/** What an {@link ApplyLoop} works on. */
export interface ApplyLoopParts {
  readonly clock: Clock
  readonly log: Pick<CommitLog, 'take' | 'applied' | 'waiting' | 'rejectAll' | 'onIdle'>
  /** The state may be replaced by another between two entries. */
  readonly state: () => StateMachine
  /** How long one turn of the event loop may take. Unit: ms. */
  readonly turnMaxMs: number
  /** Whether what is applied now would only wait in memory. The host calls {@link ApplyLoop.resume} then. */
  readonly isCongested: () => boolean
  /** After each command that was applied. */
  readonly onApplied: (command: Command) => void
  /** After each slice: watchers may have something to read. */
  readonly onSlice: () => void
}

/**
 * Entries that are applied in a row. In between, whoever was answered goes on, and the log writes what they
 * append: processor and disk work at the same time, although all callers wait for the same sync.
 */
const sliceEntries = 64

/** Applies committed entries in the order of the log, and answers those who wait for them. */
export class ApplyLoop {
  readonly #parts: ApplyLoopParts
  /** A slice is scheduled, or waits for the backend. */
  #scheduled = false
  /** When the present turn of the event loop is used up. */
  #turnEndMs = 0
  #idleWaiters: (() => void)[] = []
  #stopped = false

  constructor(parts: ApplyLoopParts) {
    this.#parts = parts
    parts.log.onIdle = () => this.#wakeIdle()
  }

  /** There are entries to be applied. */
  commit(): void {
    if (this.#scheduled) return
    this.#beginTurn()
    this.#slice()
  }

  /** The backend is not congested any more. */
  resume(): void {
    if (this.#scheduled) this.#nextTurn()
  }

  /** Resolves when nobody waits for an answer. */
  async idle(): Promise<void> {
    if (this.#parts.log.waiting === 0) return
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  /** Applies nothing more, and answers everybody with `error`. */
  stop(error: Error): void {
    this.#stopped = true
    this.#parts.log.rejectAll(error)
    this.#wakeIdle()
  }

  #slice(): void {
    this.#scheduled = false
    if (this.#stopped) return
    const { clock, onSlice, isCongested } = this.#parts
    const more = this.#applySome()
    onSlice()
    if (this.#idleWaiters.length > 0 && this.#parts.log.waiting === 0) this.#wakeIdle()
    if (!more) return
    this.#scheduled = true
    if (isCongested()) return
    if (clock.nowMs() < this.#turnEndMs) queueMicrotask(() => this.#slice())
    else this.#nextTurn()
  }

  /** Applies the next entries and tells whether there may be more. */
  #applySome(): boolean {
    const { clock, log } = this.#parts
    const nowMs = clock.nowMs()
    let last = 0
    let more = true
    for (let left = sliceEntries; left > 0; left--) {
      const entry = log.take()
      if (entry === undefined) {
        more = false
        break
      }
      this.#apply(entry, nowMs)
      last = entry.index
      // A put is short. Any other command may take as long as many of them.
      if (entry.command?.type !== 'put' && clock.nowMs() >= this.#turnEndMs) break
    }
    if (last > 0) log.applied(last)
    return more
  }

  #apply({ index, term, command, members, proposal }: Committed, nowMs: number): void {
    const state = this.#parts.state()
    if (command === undefined) {
      state.skip({ index, term }, members)
      return
    }
    const result = state.apply(command, { index, term }, nowMs)
    if (proposal !== undefined) {
      if (result instanceof Refusal) proposal.reject(result.error)
      else proposal.resolve(result)
    }
    this.#parts.onApplied(command)
  }

  #nextTurn(): void {
    this.#parts.clock.defer(() => {
      this.#beginTurn()
      this.#slice()
    })
  }

  #beginTurn(): void {
    this.#turnEndMs = this.#parts.clock.nowMs() + this.#parts.turnMaxMs
  }

  #wakeIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }
}
