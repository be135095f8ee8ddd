import type { Clock } from '@orrery/environment'
import type { Command } from './command.ts'
import { type Proposal, ProposalQueue } from './proposals.ts'
import { Refusal, type StateMachine } from './state-machine.ts'

/** What an {@link ApplyLoop} works on. */
export interface ApplyLoopParts {
  readonly clock: Clock
  readonly state: StateMachine
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
  readonly #proposals = new ProposalQueue()
  /** Entries up to here may be applied. */
  #committed: number
  /** A slice is scheduled, or waits for the backend. */
  #scheduled = false
  /** When the present turn of the event loop is used up. */
  #turnEndMs = 0
  #idleWaiters: (() => void)[] = []
  #stopped = false

  constructor(parts: ApplyLoopParts) {
    this.#parts = parts
    this.#committed = parts.state.appliedIndex
  }

  push(proposal: Proposal): void {
    this.#proposals.push(proposal)
  }

  /** Entries up to `index` may be applied. */
  commit(index: number): void {
    this.#committed = index
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
    if (this.#proposals.size === 0) return
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
  }

  /** Applies nothing more, and answers everybody with `error`. */
  stop(error: Error): void {
    this.#stopped = true
    this.#proposals.rejectAll(error)
    this.#wakeIdle()
  }

  #slice(): void {
    this.#scheduled = false
    if (this.#stopped) return
    const { clock, onSlice, isCongested } = this.#parts
    const more = this.#applySome()
    onSlice()
    if (this.#proposals.size === 0) this.#wakeIdle()
    if (!more) return
    this.#scheduled = true
    if (isCongested()) return
    if (clock.nowMs() < this.#turnEndMs) queueMicrotask(() => this.#slice())
    else this.#nextTurn()
  }

  /** Applies the next entries and tells whether there may be more. */
  #applySome(): boolean {
    const { clock, state, onApplied } = this.#parts
    const nowMs = clock.nowMs()
    for (let left = sliceEntries; left > 0; left--) {
      const proposal = this.#proposals.take(this.#committed)
      if (proposal === undefined) return false
      const { command } = proposal
      const result = state.apply(command, proposal.index, nowMs)
      if (result instanceof Refusal) proposal.reject(result.error)
      else proposal.resolve(result)
      onApplied(command)
      // A put is short. Any other command may take as long as many of them.
      if (command.type !== 'put' && clock.nowMs() >= this.#turnEndMs) return true
    }
    return true
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
