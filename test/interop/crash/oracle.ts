import { systemClock } from '@orrery/environment/system'
import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store, type WatchBatch } from '@orrery/store'
import { type Operation, perform } from './operation.ts'
import { everything, linesOf, observe, type State, stateOf } from './state.ts'

/**
 * Knows what a store must hold that has a given number of operations in its log: a store in memory goes
 * through the same ones, without ever crashing.
 */
export class Oracle implements AsyncDisposable {
  /** One by one, from the entry with index 1 on. */
  readonly answers: string[] = []
  readonly #clock = observe(systemClock)
  readonly #store: Store
  readonly #batches: AsyncIterator<WatchBatch, unknown>
  readonly #lines = new Map<number, string[]>()
  #revision = 1

  constructor() {
    const environment = createManualEnvironment()
    // Time stands still, sliced work goes on.
    const clock = { ...environment.clock, defer: (callback: () => void) => this.#clock.defer(callback) }
    this.#store = createMemoryStore({ environment: { ...environment, clock } }, { quotaBytes: 0 })
    this.#batches = this.#store.watch({ ...everything, startRevision: 2 })[Symbol.asyncIterator]()
  }

  /** Entries that it has gone through. */
  get index(): number {
    return this.answers.length
  }

  get revision(): number {
    return this.#revision
  }

  async advance(operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) {
      this.answers.push(await perform(this.#store, operation))
      while (this.#revision < this.#store.status().revision) await this.#readWatch()
    }
    await this.#clock.quiet()
  }

  /** What a store holds that has gone as far. */
  state(): Promise<State> {
    return stateOf(this.#store)
  }

  /** What a watcher is told about the revisions from `from` up to `to`. */
  lines(from: number, to: number): readonly string[] {
    const told: string[] = []
    for (let revision = from; revision <= to; revision++) told.push(...(this.#lines.get(revision) ?? []))
    return told
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store.close()
  }

  async #readWatch(): Promise<void> {
    const turn = await this.#batches.next()
    if (turn.done === true) throw new Error('the watch of the oracle has ended')
    this.#revision = turn.value.revision
    for (const line of linesOf(turn.value)) {
      const revision = Number.parseInt(line)
      const lines = this.#lines.get(revision) ?? []
      lines.push(line)
      this.#lines.set(revision, lines)
    }
  }
}
