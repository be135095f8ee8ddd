import { type ConfigHub, type ConfigHubOptions, createConfigHub } from '@orrery/config-hub'
import type { Random, Timer } from '@orrery/environment'
import type { WatchNemesis } from '../store/watch-nemesis.ts'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { StoreMachine } from '../store/store-machine.ts'
import { pick } from '../time/draw.ts'
import { recurring } from '../time/recurring.ts'
import type { ConfigHistory } from './config-history.ts'
import type { ConfigSabotage } from './config-sabotage.ts'
import type { LagNemesis } from './lag-nemesis.ts'

/** What lets the hubs of a cluster run. */
export interface ConfigHostParts {
  readonly cluster: StoreCluster
  readonly history: ConfigHistory
  readonly options: ConfigHubOptions
  readonly sabotage: ConfigSabotage
  readonly watches: WatchNemesis
  readonly lags: LagNemesis
}

/** A hub, and the process that it is in. */
interface HostedHub {
  readonly hub: ConfigHub
  readonly store: unknown
}

/** How often it is looked whether a machine has a new process. Unit: ms. */
const lookMs = 20
/** How long it takes until a hub is tried again that did not start. Unit: ms. */
const againMs = 500
/** Between two hubs that are closed while their process goes on, on average. Unit: ms. */
const closePauseMeanMs = 12_000

/** Gives every process of a cluster of stores a hub, and follows what its store holds. */
export class ConfigHost {
  readonly #parts: ConfigHostParts
  readonly #random: Random
  readonly #hosted = new Map<StoreMachine, HostedHub>()
  readonly #followed = new Set<unknown>()
  #timer: Timer | undefined
  /** How often hubs were closed. */
  closes = 0

  constructor(parts: ConfigHostParts) {
    this.#parts = parts
    this.#random = parts.cluster.simulation.random.fork('config host')
  }

  start(): void {
    this.#look()
  }

  /** From now on hubs are closed now and then. */
  disturb(): void {
    const { simulation } = this.#parts.cluster
    this.#timer = recurring(simulation, this.#random, { pauseMeanMs: closePauseMeanMs }, () => {
      const machine = pick(this.#random, this.#parts.cluster.running)
      if (machine !== undefined) this.#close(machine)
    })
  }

  calm(): void {
    this.#timer?.cancel()
  }

  /** The hub that serves on a machine. */
  at(machine: StoreMachine | undefined): ConfigHub | undefined {
    if (machine?.isRunning !== true) return undefined
    const hosted = this.#hosted.get(machine)
    return hosted?.store === machine.store && hosted?.hub.state === 'ready' ? hosted.hub : undefined
  }

  /** Hubs that serve, each with its machine. */
  get running(): readonly { readonly machine: StoreMachine; readonly hub: ConfigHub }[] {
    return this.#parts.cluster.running.flatMap((machine) => {
      const hub = this.at(machine)
      return hub === undefined ? [] : [{ machine, hub }]
    })
  }

  #look(): void {
    const { cluster } = this.#parts
    for (const machine of cluster.running) {
      const { store } = machine
      if (store === undefined) continue
      if (this.#hosted.get(machine)?.store !== store) this.#begin(machine)
      if (this.#followed.has(store)) continue
      this.#followed.add(store)
      void this.#parts.history.follow(store)
    }
    cluster.simulation.schedule(lookMs, () => this.#look())
  }

  #begin(machine: StoreMachine): void {
    const { cluster, options, sabotage, watches, lags } = this.#parts
    const { store, node } = machine
    if (store === undefined) return
    const { environment } = node
    const created = createConfigHub(
      {
        store: sabotage.store(lags.store(machine, watches.store(machine, store)), environment),
        environment: sabotage.environment(environment),
      },
      sabotage.options(options),
    )
    const hub = sabotage.hub(created, environment)
    this.#hosted.set(machine, { hub, store })
    hub.start().catch((error: unknown) => {
      // A process that has no leader to ask, or loses its store, does not get far: it tries again.
      if (machine.store !== store) return
      cluster.simulation.schedule(againMs, () => this.#forget(machine, hub))
      if (!(error instanceof Error && 'code' in error)) cluster.fail(`a hub did not start: ${String(error)}`)
    })
  }

  /** Closes a hub; another one begins on the same store. */
  #close(machine: StoreMachine): void {
    const hub = this.at(machine)
    if (hub === undefined) return
    this.closes++
    const { cluster } = this.#parts
    hub.close().then(
      () => {
        const { watchers, polls } = hub.stats()
        if (watchers > 0 || polls > 0)
          cluster.fail(`${watchers} watchers and ${polls} polls are left of a hub that is closed`)
        this.#forget(machine, hub)
      },
      (error: unknown) => cluster.fail(`a hub did not close: ${String(error)}`),
    )
  }

  #forget(machine: StoreMachine, hub: ConfigHub): void {
    if (this.#hosted.get(machine)?.hub === hub) this.#hosted.delete(machine)
  }
}
