import type { ConfigHubOptions } from '@orrery/config-hub'
import { configHubDefaults } from '@orrery/config-hub'
import type { Random } from '@orrery/environment'
import { altered } from '../store/altered.ts'
import { WatchNemesis } from '../store/watch-nemesis.ts'
import { StoreCluster } from '../store/store-cluster.ts'
import { drawStoreFaults, type StoreFaultClass, type StoreFaults } from '../store/store-faults.ts'
import { StoreNemesis } from '../store/store-nemesis.ts'
import { noStoreSabotage, type StoreSabotage } from '../store/store-sabotage.ts'
import { pick } from '../time/draw.ts'
import { createSimulation, type Simulation } from '../time/simulation.ts'
import { failureOf, type SimulationFailure } from '../time/simulation-failure.ts'
import { type ConfigClientCounts, ConfigClients } from './config-clients.ts'
import { ConfigDemands } from './config-demands.ts'
import { ConfigHistory } from './config-history.ts'
import { ConfigHost } from './config-host.ts'
import { ConfigLedger } from './config-ledger.ts'
import { type ConfigSabotage, noConfigSabotage } from './config-sabotage.ts'
import { LagNemesis } from './lag-nemesis.ts'

/** How configuration hubs are simulated. */
export interface ConfigSimulationOptions {
  /** Decides everything that the other options leave open. An integer. */
  readonly seed: number
  /** @defaultValue `3` */
  readonly members?: number
  /** Who writes, watches and polls. @defaultValue 4 writers, 10 watchers, 6 pollers */
  readonly clients?: Partial<ConfigClientCounts>
  /** How long there are faults. Unit: ms of virtual time. @defaultValue `60_000` */
  readonly durationMs?: number
  /** Faults that are left out, to find out which of them a failure needs. */
  readonly without?: readonly StoreFaultClass[]
  /** Replaces parts of what the seed draws. */
  readonly faults?: Partial<StoreFaults>
  /** Lines of the trace that are kept. @defaultValue `0` */
  readonly traceMaxLines?: number
  /** Replaces parts of what the seed draws. */
  readonly hub?: ConfigHubOptions
  /** Creates a bug to plant. @defaultValue none */
  readonly sabotage?: () => Partial<ConfigSabotage>
}

/** What came of a simulation. */
export interface ConfigSimulationReport {
  readonly seed: number
  readonly faults: StoreFaults
  /** Of all that happened: equal for equal options, on every machine. */
  readonly hash: string
  readonly events: number
  /** Unit: ms of virtual time. */
  readonly simulatedMs: number
  /** What came of writes, what clients did and were told, and what happened to the members meanwhile. */
  readonly counts: Readonly<
    Record<
      | 'acknowledged'
      | 'refused'
      | 'unknown'
      | 'told'
      | 'unchanged'
      | 'sessions'
      | 'lagging'
      | 'skipped'
      | 'polls'
      | 'closes'
      | 'kills'
      | 'pauses'
      | 'partitions'
      | 'compactions',
      number
    >
  >
  /** Undefined: nothing was wrong. */
  readonly failure: SimulationFailure | undefined
}

/** Faults that hubs do not see, or that their stores are tried with elsewhere. */
const foreignFaults = ['rot', 'fullDisk', 'membership'] as const satisfies readonly StoreFaultClass[]
const defaultClients: ConfigClientCounts = { writers: 4, watchers: 10, pollers: 6 }
/** How long members have to come to rest, and how long their hubs have to say something when they have. Unit: ms. */
const restMs = 8_000
const answerMs = 5_000

/**
 * Runs configuration hubs on members of a cluster, all of it production code: writers write files and groups, watchers and pollers come
 * to one hub after the other with what they know, while members crash, pause and lose each other, as the seed draws it. Everything that
 * anybody is told is held against what the store held at that revision.
 */
export async function simulateConfig(options: ConfigSimulationOptions): Promise<ConfigSimulationReport> {
  return await new ConfigRun(options).run()
}

class ConfigRun {
  readonly #options: ConfigSimulationOptions
  readonly #simulation: Simulation
  readonly #cluster: StoreCluster
  readonly #ledger: ConfigLedger
  readonly #host: ConfigHost
  readonly #clients: ConfigClients
  readonly #watches: WatchNemesis
  readonly #lags: LagNemesis
  readonly #demands: ConfigDemands

  constructor(options: ConfigSimulationOptions) {
    const { seed, traceMaxLines = 0, clients, sabotage } = options
    this.#options = options
    const simulation = createSimulation({ seed, traceMaxLines })
    this.#simulation = simulation
    const hubOptions = { ...drawHub(simulation.random.fork('hub')), ...options.hub }
    const { releasesMaxItems = configHubDefaults.releasesMaxItems } = hubOptions
    const fail = (violation: string): void => this.#cluster.fail(violation)
    const history = new ConfigHistory(fail, simulation.trace, releasesMaxItems)
    const faults = drawFaults(simulation, options)
    const cluster = new StoreCluster({ simulation, faults, sabotage: keptUntilKnown(history) })
    this.#cluster = cluster
    const watches = new WatchNemesis(cluster)
    this.#watches = watches
    const lags = new LagNemesis(cluster)
    this.#lags = lags
    const bugs = { ...noConfigSabotage, ...sabotage?.() }
    const host = new ConfigHost({ cluster, history, options: hubOptions, sabotage: bugs, watches, lags })
    this.#host = host
    const ledger = new ConfigLedger(history)
    this.#ledger = ledger
    const world = { cluster, host, history, ledger }
    this.#clients = new ConfigClients(world, { ...defaultClients, ...clients })
    this.#demands = new ConfigDemands(world)
  }

  async run(): Promise<ConfigSimulationReport> {
    try {
      await this.#disturb()
      if (!this.#isWrong()) await this.#demand()
    } catch (error) {
      this.#cluster.fail(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    return this.#report()
  }

  async #disturb(): Promise<void> {
    const { members = 3, durationMs = 60_000 } = this.#options
    this.#cluster.found(members)
    this.#host.start()
    this.#clients.start()
    const nemesis = new StoreNemesis(this.#cluster)
    await this.#runFor(3_000)
    nemesis.start()
    this.#watches.start()
    this.#lags.start()
    this.#host.disturb()
    await this.#runFor(durationMs)
    nemesis.stop()
    this.#watches.stop()
    this.#lags.stop()
    this.#host.calm()
    this.#cluster.heal()
  }

  /** Everything works again: everybody is told everything, and all members show the same. */
  async #demand(): Promise<void> {
    this.#clients.calm()
    await this.#runFor(restMs)
    this.#clients.requireWrites()
    await this.#runFor(answerMs)
    this.#demands.require(this.#options.members ?? 3)
    await this.#runFor(answerMs)
    this.#clients.requireTold()
    this.#clients.leave()
    await this.#runFor(answerMs)
    this.#clients.requireAlone()
    const violation = this.#isWrong() ? undefined : this.#ledger.violation()
    if (violation !== undefined) this.#cluster.fail(violation)
  }

  async #runFor(ms: number): Promise<void> {
    await this.#simulation.run(this.#simulation.nowMs + ms, () => this.#isWrong())
  }

  #isWrong(): boolean {
    return this.#cluster.failure !== undefined
  }

  #report(): ConfigSimulationReport {
    const { seed } = this.#options
    const { faults, counters, failure } = this.#cluster
    const { kills, pauses, partitions } = counters
    const happened = { closes: this.#host.closes, kills, pauses, partitions }
    return {
      seed,
      faults,
      hash: this.#simulation.trace.hash,
      events: this.#simulation.eventCount,
      simulatedMs: this.#simulation.nowMs,
      counts: {
        ...this.#ledger.counts,
        ...this.#clients.counts,
        ...happened,
        compactions: this.#watches.compactions,
      },
      failure: failure === undefined ? undefined : this.#failure(failure),
    }
  }

  #failure(violation: string): SimulationFailure {
    const { members = 3 } = this.#options
    const run = { simulation: this.#simulation, cluster: this.#cluster, options: this.#options }
    return failureOf({ ...run, flag: '--configs', members }, violation)
  }
}

/** Nothing is compacted before the history has it: without it nobody could be judged. */
function keptUntilKnown(history: ConfigHistory): StoreSabotage {
  return {
    ...noStoreSabotage,
    store: (store) =>
      altered(store, {
        compact: ({ revision, ...request }, options) =>
          store.compact({ ...request, revision: Math.min(revision, history.revision) }, options),
      }),
  }
}

function drawFaults(simulation: Simulation, { without = [], faults }: ConfigSimulationOptions): StoreFaults {
  const drawn = drawStoreFaults(simulation.random.fork('faults'), [...without, ...foreignFaults])
  return { ...drawn, ...faults }
}

/** Few releases are kept in some runs, and few contents in memory: what is told has to be read, or is gone. */
function drawHub(random: Random): ConfigHubOptions {
  return {
    releasesMaxItems: pick(random, [2, 3, 5, 100]),
    cacheMaxBytes: pick(random, [0, 3_000, 1_000_000]),
    cacheMaxIdleMs: pick(random, [1_000, Infinity]),
  }
}
