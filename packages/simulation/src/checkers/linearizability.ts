import { type Verdict, illegal, legal } from './checker.ts'

/** Something that a client did. */
export interface Operation<Input, Output> {
  readonly input: Input
  /** When it was called and when it returned, on one clock: only the order counts. */
  readonly calledAt: number
  /** Undefined: nobody knows whether it happened, or whether it will. */
  readonly returnedAt: number | undefined
  /** Undefined when the outcome is unknown. */
  readonly output: Output | undefined
}

/** What an object does, one operation after the other. States are values: never changed, made anew. */
export interface Model<State, Input, Output> {
  readonly initial: State
  /**
   * The state after an operation; undefined when the operation cannot have had this output.
   *
   * @param output undefined: any
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined
  /** Equal for equal states. */
  keyOf(state: State): string | number
  /** Whether an operation whose outcome is unknown may have changed anything. */
  changes(input: Input): boolean
  /** Operations with different keys do not touch each other, and are checked apart. @defaultValue one part */
  partOf?(input: Input): string
  /** For reports. */
  describe(input: Input, output: Output | undefined): string
}

/** How long to search. */
export interface LinearizabilityOptions {
  /** Configurations that are remembered, in each part; more give the verdict `unknown`. @defaultValue `1_000_000` */
  readonly maxConfigurations?: number
}

/**
 * Whether there is an order of all operations that a single object could have seen, and in which each takes
 * place between its call and its return. An operation of unknown outcome took place after its call, or never.
 *
 * Keep histories small: at most about 8 clients and 2 000 operations per part, and few unknown outcomes, as
 * each of these stays concurrent with all that follows.
 *
 * Source: J. Wing and C. Gong, Testing and Verifying Concurrent Objects, 1993; G. Lowe, Testing for
 * Linearizability, 2017 (remembered configurations); A. Horn and D. Kroening, Faster Linearizability Checking
 * via P-Compositionality, 2015 (parts).
 */
export function checkLinearizability<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  options: LinearizabilityOptions = {},
): Verdict {
  const parts = new Map<string, Operation<Input, Output>[]>()
  for (const operation of history) {
    if (operation.returnedAt === undefined && !model.changes(operation.input)) continue
    const name = model.partOf?.(operation.input) ?? ''
    const part = parts.get(name)
    if (part === undefined) parts.set(name, [operation])
    else part.push(operation)
  }
  let unknown: Verdict | undefined
  for (const [name, part] of parts) {
    const verdict = new Search(model, part, options.maxConfigurations ?? 1_000_000).run()
    if (verdict.type === 'illegal') return name === '' ? verdict : illegal(`${name}: ${verdict.violation}`)
    if (verdict.type === 'unknown') unknown = verdict
  }
  return unknown ?? legal
}

const none = -1

/** The calls and returns of one part as a list, from which what is linearized is taken out. */
class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>
  readonly #operations: readonly Operation<Input, Output>[]
  readonly #maxConfigurations: number
  /** Events in order; operation `n` is called by event `n` and returns by event `size + n`. */
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #head: number
  /** How many operations, in order of their calls and without unknown outcomes, are linearized without a gap. */
  #low = 0
  readonly #linearized: Uint8Array
  /** Linearized operations from `low` on, and those of unknown outcome. */
  readonly #beyond = new Set<number>()

  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    maxConfigurations: number,
  ) {
    this.#model = model
    this.#operations = [...operations].sort((a, b) => a.calledAt - b.calledAt)
    this.#maxConfigurations = maxConfigurations
    const size = this.#operations.length
    this.#linearized = new Uint8Array(size)
    this.#head = 2 * size
    this.#next = new Int32Array(2 * size + 1).fill(none)
    this.#previous = new Int32Array(2 * size + 1).fill(none)
    let last = this.#head
    for (const event of this.#sortEvents()) {
      this.#next[last] = event
      this.#previous[event] = last
      last = event
    }
  }

  run(): Verdict {
    const size = this.#operations.length
    const seen = new Set<string>()
    const taken: { readonly operation: number; readonly before: State }[] = []
    let state = this.#model.initial
    let deepest = { depth: -1, stuckAt: none, state }
    let event = this.#after(this.#head)
    while (event !== none) {
      if (event < size) {
        const after = this.#step(state, event)
        if (after !== undefined && this.#isNew(seen, event, after)) {
          if (seen.size > this.#maxConfigurations) return tooMany(this.#maxConfigurations)
          taken.push({ operation: event, before: state })
          this.#take(event)
          state = after
          event = this.#after(this.#head)
        } else event = this.#after(event)
        continue
      }
      // Somebody returned whose operation fits nowhere.
      if (taken.length > deepest.depth) deepest = { depth: taken.length, stuckAt: event - size, state }
      const last = taken.pop()
      if (last === undefined) return this.#explain(deepest)
      this.#giveBack(last.operation)
      state = last.before
      event = this.#after(last.operation)
    }
    return legal
  }

  #step(state: State, operation: number): State | undefined {
    const { input, output } = this.#at(operation)
    return this.#model.step(state, input, output)
  }

  /** Remembers the configuration after an operation. False: it was there before, and led nowhere. */
  #isNew(seen: Set<string>, operation: number, state: State): boolean {
    const before = this.#low
    this.#mark(operation)
    const beyond = [...this.#beyond].sort((a, b) => a - b).join()
    const configuration = `${this.#low} ${beyond} ${this.#model.keyOf(state)}`
    this.#unmark(operation, before)
    const size = seen.size
    return seen.add(configuration).size > size
  }

  /** Invariant: `beyond` holds exactly what is linearized at or after `low`, and all of unknown outcome. */
  #mark(operation: number): void {
    this.#linearized[operation] = 1
    this.#beyond.add(operation)
    while (this.#low < this.#operations.length) {
      const isUnknown = this.#at(this.#low).returnedAt === undefined
      if (this.#linearized[this.#low] === 0 && !isUnknown) return
      if (!isUnknown) this.#beyond.delete(this.#low)
      this.#low++
    }
  }

  #unmark(operation: number, low: number): void {
    this.#linearized[operation] = 0
    for (let at = low; at < this.#low; at++) if (this.#linearized[at] === 1) this.#beyond.add(at)
    this.#low = low
    this.#beyond.delete(operation)
  }

  /** Where `low` was before each operation that is taken. */
  readonly #lows: number[] = []

  #take(operation: number): void {
    this.#lows.push(this.#low)
    this.#mark(operation)
    this.#unlink(operation)
    this.#unlink(operation + this.#operations.length)
  }

  #giveBack(operation: number): void {
    this.#relink(operation + this.#operations.length)
    this.#relink(operation)
    this.#unmark(operation, this.#lows.pop() ?? 0)
  }

  #unlink(event: number): void {
    const previous = this.#previous[event] ?? none
    if (previous === none) return
    const next = this.#after(event)
    this.#next[previous] = next
    if (next !== none) this.#previous[next] = previous
  }

  #relink(event: number): void {
    const previous = this.#previous[event] ?? none
    if (previous === none) return
    this.#next[previous] = event
    const next = this.#after(event)
    if (next !== none) this.#previous[next] = event
  }

  #after(event: number): number {
    return this.#next[event] ?? none
  }

  #at(operation: number): Operation<Input, Output> {
    const found = this.#operations[operation]
    if (found === undefined) throw new RangeError(`there is no operation ${operation}`)
    return found
  }

  /** Calls come before returns of the same time: those operations overlap. */
  #sortEvents(): number[] {
    const size = this.#operations.length
    const events: { readonly event: number; readonly at: number }[] = []
    for (const [n, { calledAt, returnedAt }] of this.#operations.entries()) {
      events.push({ event: n, at: calledAt })
      if (returnedAt !== undefined) events.push({ event: size + n, at: returnedAt })
    }
    const isReturn = (event: number): number => (event >= size ? 1 : 0)
    return events
      .sort((a, b) => a.at - b.at || isReturn(a.event) - isReturn(b.event))
      .map(({ event }) => event)
  }

  #explain({ depth, stuckAt, state }: { depth: number; stuckAt: number; state: State }): Verdict {
    const { input, output, calledAt, returnedAt } = this.#at(stuckAt)
    return illegal(
      `not linearizable: after ${depth} of ${this.#operations.length} operations nothing allows ` +
        `${this.#model.describe(input, output)} (called at ${calledAt}, returned at ${String(returnedAt)}) ` +
        `in state ${this.#model.keyOf(state)}`,
    )
  }
}

function tooMany(maxConfigurations: number): Verdict {
  return { type: 'unknown', reason: `more than ${maxConfigurations} configurations` }
}
