/**
 * The process that is killed: opens a store, tells what it found, and writes until its end. Each line that it
 * prints has left the process before it goes on.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createRandom, hasCode, type Random } from '@orrery/environment'
import { systemClock, systemEnvironment } from '@orrery/environment/system'
import { openStore, type Store } from '@orrery/store'
import { type Operation, perform } from './operation.ts'
import { createOperationSource, type OperationSource } from './operation-source.ts'
import { printReport, type Report } from './report.ts'
import { digestOf, everything, linesOf, observe, type State, stateOf } from './state.ts'
import type { WriterOptions } from './writer-options.ts'

function report(told: Report): void {
  printReport(told)
}

/** Follows the store from a revision on; resolves once its present is reached. */
async function follow(store: Store, fromRevision: number): Promise<void> {
  const { revision: present, compactRevision } = store.status()
  const startRevision = Math.max(fromRevision, compactRevision + 1)
  const watch = store.watch({ ...everything, startRevision })
  let reached = (): void => {}
  const caughtUp = new Promise<void>((resolve) => (reached = resolve))
  if (startRevision > present) reached()
  const read = async (): Promise<void> => {
    for await (const batch of watch) {
      report({ type: 'watched', revision: batch.revision, digest: digestOf(linesOf(batch)) })
      if (batch.revision >= present) reached()
    }
  }
  read().catch((error: unknown) => {
    // What it throws for any other reason ends the process, and is seen.
    if (!hasCode(error, 'STORE_CLOSED')) throw error
  })
  await caughtUp
}

/** Keeps up to `depth` operations on their way. */
class Writer {
  readonly #store: Store
  readonly #random: Random
  readonly #source: OperationSource
  readonly #leases: Set<string>
  #issued = 0
  #waiting = 0
  #answered: () => void = () => {}

  constructor(
    store: Store,
    { leases }: State,
    { random, options }: { random: Random; options: WriterOptions },
  ) {
    this.#store = store
    this.#random = random
    this.#source = createOperationSource(options.name, random, options)
    this.#leases = new Set(leases.map((line) => line.slice(0, line.indexOf(':'))))
  }

  async write(operationsMax: number): Promise<void> {
    while (this.#issued < operationsMax) {
      const random = this.#random
      this.#issue(this.#choose(random.below(random.below(4) === 0 ? 60 : 6) + 1))
      const depth = random.below(3) === 0 ? 0 : random.below(100)
      if (random.below(20) === 0) void this.#store.flush()
      await this.#waitFor(depth)
      await nextTurn()
    }
    await this.#waitFor(0)
  }

  /** Leaves a compaction with much to do. */
  async hoard(puts: number): Promise<void> {
    const value = { text: 'hoarded', bytes: 10 }
    while (this.#issued < puts) {
      const put = (_: unknown, n: number): Operation => ({ type: 'put', key: `hoard/${n % 50}`, value })
      this.#issue(Array.from({ length: 1_000 }, put))
      await this.#waitFor(0)
    }
    this.#issue([{ type: 'compact', revision: this.#store.status().revision, physical: true }])
  }

  async #waitFor(depth: number): Promise<void> {
    while (this.#waiting > depth) await new Promise<void>((resolve) => (this.#answered = resolve))
  }

  #choose(count: number): Operation[] {
    const situation = { revision: this.#store.status().revision, leases: this.#leases }
    return Array.from({ length: count }, () => this.#source.next(situation))
  }

  #issue(operations: readonly Operation[]): void {
    report({ type: 'issued', operations })
    for (const operation of operations) void this.#perform(operation, ++this.#issued)
  }

  async #perform(operation: Operation, number: number): Promise<void> {
    this.#waiting++
    const answer = await perform(this.#store, operation)
    report({ type: 'answered', number, answer })
    if (operation.type === 'grant' && answer.startsWith('lease')) this.#leases.add(operation.lease)
    this.#waiting--
    this.#answered()
  }
}

const options = JSON.parse(process.argv[2] ?? '') as WriterOptions
const random = createRandom(options.seed)
for (const { operations, close } of options.sessions) {
  const clock = observe(systemClock)
  report({ type: 'opening' })
  const store = await openStore(
    { directory: options.directory, environment: systemEnvironment({ clock }) },
    { quotaBytes: 0 },
  )
  // A compaction that was interrupted comes to its end first.
  await clock.quiet()
  const state = await stateOf(store)
  report({ type: 'opened', state })
  await follow(store, options.watchFrom)
  const writer = new Writer(store, state, { random, options })
  if (options.hoard !== undefined) await writer.hoard(options.hoard)
  await writer.write(operations ?? Infinity)
  if (!close) process.kill(process.pid, 'SIGKILL')
  report({ type: 'closing' })
  await store.close()
  report({ type: 'closed' })
}
