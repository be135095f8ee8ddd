import { createSimulation, type Simulation } from '../time/simulation.ts'
import { failureOf, type SimulationFailure } from '../time/simulation-failure.ts'
import { LeaseHolders } from './lease-holders.ts'
import { StoreClients } from './store-clients.ts'
import { StoreCluster } from './store-cluster.ts'
import type { StoreCoverage } from './store-coverage.ts'
import { drawStoreFaults, type StoreFaultClass, type StoreFaults } from './store-faults.ts'
import { StoreHistory } from './store-history.ts'
import { judgeHistory } from './store-judge.ts'
import { StoreNemesis } from './store-nemesis.ts'
import { StoreOperator } from './store-operator.ts'
import { StoreRecovery } from './store-recovery.ts'
import { noStoreSabotage, type StoreSabotage } from './store-sabotage.ts'
import { StoreWatchers } from './store-watchers.ts'

/** How a cluster of stores is simulated. */
export interface StoreSimulationOptions {
  /** Decides everything that the other options leave open. An integer. */
  readonly seed: number
  /** Members that found the cluster. @defaultValue `5` */
  readonly members?: number
  /** How long faults and clients go on. Unit: ms of virtual time. @defaultValue `60_000` */
  readonly durationMs?: number
  /** Faults that are left out, to find out which of them a failure needs. */
  readonly without?: readonly StoreFaultClass[]
  /** Replaces parts of what the seed draws. */
  readonly faults?: Partial<StoreFaults>
  /** Lines of the trace that are kept. @defaultValue `0` */
  readonly traceMaxLines?: number
  /** Creates a bug to plant. @defaultValue none */
  readonly sabotage?: () => Partial<StoreSabotage>
}

/** What came of a simulation. */
export interface StoreSimulationReport {
  readonly seed: number
  readonly faults: StoreFaults
  /** Of all that happened: equal for equal options, on every machine. */
  readonly hash: string
  readonly events: number
  /** Unit: ms of virtual time. */
  readonly simulatedMs: number
  readonly coverage: StoreCoverage
  /** Operations of clients that were answered. */
  readonly answered: number
  readonly revision: number
  /** Undefined: nothing was wrong. */
  readonly failure: SimulationFailure | undefined
}

/** How long clients may wait for what they have begun when the faults end. Unit: ms. */
const drainMs = 8_000

/**
 * Runs the production code of members (store, consensus, log) on simulated disks and wires: clients read, write,
 * compare, watch and hold leases while members crash, pause, lose each other, run out of space, rot and are replaced,
 * as the seed draws it. Then the faults end, the cluster has to agree, and everything that was answered has to fit.
 */
export async function simulateStore(options: StoreSimulationOptions): Promise<StoreSimulationReport> {
  return await new StoreRun(options).run()
}

class StoreRun {
  readonly #options: StoreSimulationOptions
  readonly #simulation: Simulation
  readonly #cluster: StoreCluster
  readonly #history = new StoreHistory()

  constructor(options: StoreSimulationOptions) {
    const { seed, traceMaxLines = 0, without = [], faults = {}, sabotage } = options
    this.#options = options
    this.#simulation = createSimulation({ seed, traceMaxLines })
    this.#cluster = new StoreCluster({
      simulation: this.#simulation,
      faults: { ...drawStoreFaults(this.#simulation.random.fork('faults'), without), ...faults },
      sabotage: { ...noStoreSabotage, ...sabotage?.() },
    })
  }

  async run(): Promise<StoreSimulationReport> {
    try {
      await this.#disturb()
    } catch (error) {
      this.#cluster.fail(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    return this.#report()
  }

  async #disturb(): Promise<void> {
    const { members = 5, durationMs = 60_000 } = this.#options
    const cluster = this.#cluster
    const history = this.#history
    const isWrong = (): boolean => cluster.failure !== undefined
    cluster.found(members)
    new StoreClients(cluster, history).start()
    new LeaseHolders(cluster, history).start()
    new StoreWatchers(cluster, history).start()
    const operator = new StoreOperator(cluster, members)
    operator.start()
    const nemesis = new StoreNemesis(cluster)
    nemesis.start()
    await this.#simulation.run(durationMs, isWrong)
    nemesis.stop()
    cluster.heal()
    await this.#simulation.run(this.#simulation.nowMs + drainMs, isWrong)
    await new StoreRecovery(cluster, history, operator).run()
    if (isWrong()) return
    const violation = judgeHistory(cluster, history)
    if (violation !== undefined) cluster.fail(violation)
  }

  #report(): StoreSimulationReport {
    const { seed } = this.#options
    const { faults, counters, network, failure } = this.#cluster
    counters.lostMessages += network.counts.lost
    return {
      seed,
      faults,
      hash: this.#simulation.trace.hash,
      events: this.#simulation.eventCount,
      simulatedMs: this.#simulation.nowMs,
      coverage: counters,
      answered: this.#history.operations.length,
      revision: this.#history.nextRevision - 1,
      failure: failure === undefined ? undefined : this.#failure(failure),
    }
  }

  #failure(violation: string): SimulationFailure {
    const { members = 5 } = this.#options
    const run = { simulation: this.#simulation, cluster: this.#cluster, options: this.#options }
    return failureOf({ ...run, flag: '--stores', members }, violation)
  }
}
