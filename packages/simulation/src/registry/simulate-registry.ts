import type { RegistryOptions } from '@orrery/registry'
import { StoreCluster } from '../store/store-cluster.ts'
import { drawStoreFaults, type StoreFaultClass, type StoreFaults } from '../store/store-faults.ts'
import { StoreNemesis } from '../store/store-nemesis.ts'
import { noStoreSabotage } from '../store/store-sabotage.ts'
import { createSimulation, type Simulation } from '../time/simulation.ts'
import { failureOf, type SimulationFailure } from '../time/simulation-failure.ts'
import { RegistryClients } from './registry-clients.ts'
import { RegistryDemands } from './registry-demands.ts'
import { RegistryHost } from './registry-host.ts'
import { RegistryLedger } from './registry-ledger.ts'
import { noRegistrySabotage, type RegistrySabotage } from './registry-sabotage.ts'
import { WatchNemesis } from '../store/watch-nemesis.ts'

/** How registries are simulated. */
export interface RegistrySimulationOptions {
  /** Decides everything that the other options leave open. An integer. */
  readonly seed: number
  /** @defaultValue `3` */
  readonly members?: number
  /** Instances that send heartbeats. @defaultValue `12` */
  readonly instances?: number
  /** How long there are faults. Unit: ms of virtual time. @defaultValue `60_000` */
  readonly durationMs?: number
  /** Faults that are left out, to find out which of them a failure needs. */
  readonly without?: readonly StoreFaultClass[]
  /** Replaces parts of what the seed draws. */
  readonly faults?: Partial<StoreFaults>
  /** Lines of the trace that are kept. @defaultValue `0` */
  readonly traceMaxLines?: number
  readonly registry?: RegistryOptions
  /** Creates a bug to plant. @defaultValue none */
  readonly sabotage?: () => Partial<RegistrySabotage>
}

/** What came of a simulation. */
export interface RegistrySimulationReport {
  readonly seed: number
  readonly faults: StoreFaults
  /** Of all that happened: equal for equal options, on every machine. */
  readonly hash: string
  readonly events: number
  /** Unit: ms of virtual time. */
  readonly simulatedMs: number
  /** What was seen of instances, and what happened to the members meanwhile. */
  readonly counts: Readonly<
    Record<
      | 'expired'
      | 'evicted'
      | 'revived'
      | 'left'
      | 'batches'
      | 'resyncs'
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

/** Of the instances. Unit: ms. */
const ttlMs = 8_000
const evictMs = 10_000
/** How long members have to come to rest: places among the checkers run out, all get their grace. Unit: ms. */
const restMs = 40_000
/** How late a dead instance may be found when nothing is wrong, besides its time to live. Unit: ms. */
const latenessMaxMs = 1_000

/** Faults that registries do not see, or write too little for, or that their stores are tried with elsewhere. */
const foreignFaults = [
  'rot',
  'fullDisk',
  'membership',
  'shortLog',
] as const satisfies readonly StoreFaultClass[]

/**
 * Runs registries on members of a cluster, all of it production code: instances beat, die, leave and come back while
 * members crash, pause and lose each other and clocks drift, as the seed draws it. No instance that beats may ever be
 * expired or evicted, and no notification be lost or out of order. Then the faults end, and every dead instance has to
 * be found in time by all.
 */
export async function simulateRegistry(
  options: RegistrySimulationOptions,
): Promise<RegistrySimulationReport> {
  return await new RegistryRun(options).run()
}

class RegistryRun {
  readonly #options: RegistrySimulationOptions
  readonly #simulation: Simulation
  readonly #cluster: StoreCluster
  readonly #ledger: RegistryLedger
  readonly #host: RegistryHost
  readonly #clients: RegistryClients
  readonly #watches: WatchNemesis
  readonly #demands: RegistryDemands

  constructor(options: RegistrySimulationOptions) {
    const { seed, traceMaxLines = 0, members = 3, instances = 12, sabotage } = options
    this.#options = options
    const simulation = createSimulation({ seed, traceMaxLines })
    this.#simulation = simulation
    const cluster = new StoreCluster({
      simulation,
      faults: drawFaults(simulation, options),
      sabotage: noStoreSabotage,
    })
    this.#cluster = cluster
    const fail = (violation: string): void => cluster.fail(violation)
    const enabled = simulation.random.fork('protection').below(2) === 1
    const registry = { evictAfterMs: evictMs, protection: { enabled, instancesMin: 5 }, ...options.registry }
    const { evictAfterMs = evictMs } = registry
    const ledger = new RegistryLedger(simulation, { ttlMs, evictAfterMs }, fail)
    this.#ledger = ledger
    const bugs = { ...noRegistrySabotage, ...sabotage?.() }
    const watches = new WatchNemesis(cluster)
    this.#watches = watches
    const host = new RegistryHost({ cluster, ledger, sabotage: bugs, options: registry, watches })
    this.#host = host
    this.#clients = new RegistryClients({ cluster, host, ledger, ttlMs, count: instances })
    this.#demands = new RegistryDemands({ cluster, host, members })
  }

  async run(): Promise<RegistrySimulationReport> {
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
    await this.#runFor(5_000)
    nemesis.start()
    this.#watches.start()
    await this.#runFor(durationMs)
    nemesis.stop()
    this.#watches.stop()
    this.#cluster.heal()
  }

  /** Everything works again: the living are healthy, the dead are found, in time and by all. */
  async #demand(): Promise<void> {
    this.#clients.calm()
    await this.#runFor(restMs)
    this.#demands.requireHealthy(this.#clients.living)
    const dead = this.#clients.stopSome(3)
    await this.#runFor(ttlMs + latenessMaxMs)
    this.#demands.requireExpired(dead)
    this.#demands.requireStored()
    await this.#runFor(2_000)
    this.#demands.requireTold()
  }

  async #runFor(ms: number): Promise<void> {
    await this.#simulation.run(this.#simulation.nowMs + ms, () => this.#isWrong())
  }

  #isWrong(): boolean {
    return this.#cluster.failure !== undefined
  }

  #report(): RegistrySimulationReport {
    const { seed } = this.#options
    const { faults, counters, failure } = this.#cluster
    const { kills, pauses, partitions } = counters
    const { compactions } = this.#watches
    return {
      seed,
      faults,
      hash: this.#simulation.trace.hash,
      events: this.#simulation.eventCount,
      simulatedMs: this.#simulation.nowMs,
      counts: { ...this.#ledger.counts, kills, pauses, partitions, compactions },
      failure: failure === undefined ? undefined : this.#failure(failure),
    }
  }

  #failure(violation: string): SimulationFailure {
    const { members = 3 } = this.#options
    const run = { simulation: this.#simulation, cluster: this.#cluster, options: this.#options }
    return failureOf({ ...run, flag: '--registries', members }, violation)
  }
}

function drawFaults(
  simulation: Simulation,
  { without = [], faults }: RegistrySimulationOptions,
): StoreFaults {
  const drawn = drawStoreFaults(simulation.random.fork('faults'), [...without, ...foreignFaults])
  return { ...drawn, ...faults }
}
