import type { Random, Timer } from '@orrery/environment'
import type { Store, WatchStream } from '@orrery/store'
import { altered } from '../store/altered.ts'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { StoreMachine } from '../store/store-machine.ts'
import { between, chance, pick } from '../time/draw.ts'
import { recurring } from '../time/recurring.ts'

/** Between two times, on average, and how long one lasts. Unit: ms. */
const pauseMeanMs = 1_500
const lagMs = { min: 20, max: 2_500 } as const
/** Which reads take a while, and how long. Unit: ms. */
const slowReads = { ratio: 0.3, min: 1, max: 150 } as const

/**
 * Holds back what a store tells its watchers, for a while: a hub lags, and whoever comes from another one has seen more than it has. And
 * it lets reads take a while: what a hub reads to tell a change may be old when it is there. It does so in runs where members pause or
 * watches end.
 */
export class LagNemesis {
  readonly #cluster: StoreCluster
  readonly #random: Random
  readonly #lagging = new Map<StoreMachine, Promise<void>>()
  #timer: Timer | undefined
  #isOn = false

  constructor(cluster: StoreCluster) {
    this.#cluster = cluster
    this.#random = cluster.simulation.random.fork('lag nemesis')
  }

  /** The store of a machine, with watches that may lag, and reads of single keys that may be slow. */
  store(machine: StoreMachine, store: Store): Store {
    return altered(store, {
      openWatchStream: () => this.#late(machine, store.openWatchStream()),
      get: async (key, options) => {
        await this.#slow(machine)
        return await store.get(key, options)
      },
    })
  }

  start(): void {
    const { simulation, faults } = this.#cluster
    if (faults.compactRatio === 0 && faults.pausePauseMeanMs === 0) return
    this.#isOn = true
    this.#timer = recurring(simulation, this.#random, { pauseMeanMs }, () => this.#lag())
  }

  stop(): void {
    this.#isOn = false
    this.#timer?.cancel()
  }

  #lag(): void {
    const machine = pick(this.#random, this.#cluster.running)
    if (machine === undefined || this.#lagging.has(machine)) return
    const forMs = between(this.#random, lagMs.min, lagMs.max)
    const isOver = new Promise<void>((resolve) => {
      this.#cluster.simulation.schedule(forMs, resolve)
    })
    this.#lagging.set(machine, isOver)
    void isOver.then(() => this.#lagging.delete(machine))
  }

  /** What a hub needs to tell a change may come when the next one is there. */
  async #slow({ node }: StoreMachine): Promise<void> {
    if (!this.#isOn || !chance(this.#random, slowReads.ratio)) return
    const forMs = between(this.#random, slowReads.min, slowReads.max)
    await new Promise<void>((resolve) => node.schedule(forMs, resolve))
  }

  #late(machine: StoreMachine, stream: WatchStream): WatchStream {
    const responses = stream[Symbol.asyncIterator]()
    const next = async (): ReturnType<typeof responses.next> => {
      const step = await responses.next()
      if (step.done !== true && this.#isOn) await this.#lagging.get(machine)
      return step
    }
    return altered(stream, {
      [Symbol.asyncIterator]: () => ({
        next,
        return: async () => (await responses.return?.()) ?? { done: true, value: undefined },
      }),
    })
  }
}
