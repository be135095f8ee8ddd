import type { Random, Timer } from '@orrery/environment'
import type { Store, WatchStream } from '@orrery/store'
import type { StoreCluster } from './store-cluster.ts'
import type { StoreMachine } from './store-machine.ts'
import { between, pick } from '../time/draw.ts'
import { recurring } from '../time/recurring.ts'
import { altered } from './altered.ts'

/** Between two compactions, and between two failures of watches, on average; less where more is compacted. Unit: ms. */
const pauseMeanMs = { compaction: 20, failure: 40 } as const
/** How long a member gets no watches. Unit: ms. */
const failureMs = { min: 100, max: 3_000 } as const
/** How long an answer is waited for. Unit: ms. */
const patienceMs = 5_000

/**
 * Lets watches end, and old revisions be forgotten: what a registry missed meanwhile it has to read anew. Its view is
 * behind then, while it has its place among those who judge.
 */
export class WatchNemesis {
  readonly #cluster: StoreCluster
  readonly #random: Random
  readonly #timers: Timer[] = []
  readonly #streams = new Map<StoreMachine, Set<WatchStream>>()
  readonly #failing = new Set<StoreMachine>()
  /** How often revisions were forgotten. */
  compactions = 0

  constructor(cluster: StoreCluster) {
    this.#cluster = cluster
    this.#random = cluster.simulation.random.fork('watch nemesis')
  }

  /** The store of a machine, with watches that may end. */
  store(machine: StoreMachine, store: Store): Store {
    return altered(store, {
      openWatchStream: () => {
        const stream = store.openWatchStream()
        this.#streamsOf(machine).add(stream)
        // Whoever opens it has begun to read then.
        if (this.#failing.has(machine)) queueMicrotask(() => stream.close())
        return stream
      },
    })
  }

  start(): void {
    if (this.#cluster.faults.compactRatio === 0) return
    this.#often('compaction', (random) => this.#compact(random))
    this.#often('failure', (random) => this.#fail(random))
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel()
  }

  #often(name: keyof typeof pauseMeanMs, happen: (random: Random) => void): void {
    const random = this.#random.fork(name)
    const { simulation, faults } = this.#cluster
    const recurrence = { pauseMeanMs: pauseMeanMs[name] / faults.compactRatio }
    this.#timers.push(recurring(simulation, random, recurrence, () => happen(random)))
  }

  #compact(random: Random): void {
    const machine = pick(random, this.#cluster.running)
    const revision = (machine?.store?.status().revision ?? 0) - random.below(3)
    if (machine === undefined || revision < 1) return
    // Whoever is refused, or hears nothing, tries again another time.
    void machine
      .ask(patienceMs, (store) => store.compact({ revision }))
      .then((answer) => {
        if (answer.type === 'answered') this.compactions++
      })
  }

  #fail(random: Random): void {
    const machine = pick(random, this.#cluster.running)
    if (machine === undefined) return
    this.#failing.add(machine)
    machine.node.schedule(0, () => this.#endAll(machine))
    const forMs = between(random, failureMs.min, failureMs.max)
    this.#cluster.simulation.schedule(forMs, () => this.#failing.delete(machine))
  }

  #endAll(machine: StoreMachine): void {
    const streams = this.#streamsOf(machine)
    for (const stream of streams) stream.close()
    streams.clear()
  }

  #streamsOf(machine: StoreMachine): Set<WatchStream> {
    let streams = this.#streams.get(machine)
    if (streams === undefined) this.#streams.set(machine, (streams = new Set()))
    return streams
  }
}
