import { createSimulation, type Simulation } from '../time/simulation.ts'
import { failureOf, type SimulationFailure } from '../time/simulation-failure.ts'
import { StoreCluster } from './store-cluster.ts'
import { drawStoreFaults, type StoreFaultClass, type StoreFaults } from './store-faults.ts'
import { StoreNemesis } from './store-nemesis.ts'
import { noStoreSabotage, type StoreSabotage } from './store-sabotage.ts'

/** How a cluster of stores is simulated, whatever runs on it. */
export interface ClusterSimulationOptions {
  /** Decides everything that the other options leave open. An integer. */
  readonly seed: number
  /** Members that found the cluster. @defaultValue `5`; `3` with registries or hubs */
  readonly members?: number
  /** How long there are faults. Unit: ms of virtual time. @defaultValue `60_000` */
  readonly durationMs?: number
  /** Faults that are left out, to find out which of them a failure needs. */
  readonly without?: readonly StoreFaultClass[]
  /** Replaces parts of what the seed draws. */
  readonly faults?: Partial<StoreFaults>
  /** Lines of the trace that are kept. @defaultValue `0` */
  readonly traceMaxLines?: number
}

/** What came of a simulation of a cluster of stores, whatever ran on it. */
export interface ClusterSimulationReport {
  readonly seed: number
  readonly faults: StoreFaults
  /** Of all that happened: equal for equal options, on every machine. */
  readonly hash: string
  readonly events: number
  /** Unit: ms of virtual time. */
  readonly simulatedMs: number
  /** Undefined: nothing was wrong. */
  readonly failure: SimulationFailure | undefined
}

/** How runs of one kind differ from others. */
export interface ClusterRunKind {
  /** Of `npm run simulate`. */
  readonly flag: string
  readonly membersDefault: number
  /** Faults that never happen. @defaultValue none */
  readonly foreignFaults?: readonly StoreFaultClass[]
  /** @defaultValue no bug */
  readonly sabotage?: StoreSabotage
}

/** Lets something go wrong, from its start until it is stopped. */
export interface Nemesis {
  start(): void
  stop(): void
}

/**
 * One run of a cluster of stores, as all have it. What is simulated on the cluster is created around it, and lets its time pass: some
 * of it without faults, then `disturb`, then what shows that everything works again. All of that is the course of a `report`.
 */
export class ClusterRun {
  readonly simulation: Simulation
  readonly cluster: StoreCluster
  /** How many there are. */
  readonly members: number
  readonly #options: ClusterSimulationOptions
  readonly #flag: string

  constructor(options: ClusterSimulationOptions, kind: ClusterRunKind) {
    const { seed, traceMaxLines = 0, without = [], faults } = options
    const { flag, membersDefault, foreignFaults = [], sabotage = noStoreSabotage } = kind
    this.#options = options
    this.#flag = flag
    this.members = options.members ?? membersDefault
    this.simulation = createSimulation({ seed, traceMaxLines })
    const drawn = drawStoreFaults(this.simulation.random.fork('faults'), [...without, ...foreignFaults])
    this.cluster = new StoreCluster({
      simulation: this.simulation,
      faults: { ...drawn, ...faults },
      sabotage,
    })
  }

  /** Whether something was found wrong: time stands still from then on. */
  get isWrong(): boolean {
    return this.cluster.failure !== undefined
  }

  /** Lets virtual time pass. Unit: ms. */
  async runFor(ms: number): Promise<void> {
    await this.simulation.run(this.simulation.nowMs + ms, () => this.isWrong)
  }

  /** Lets time pass with faults, those of the cluster and others, and heals the cluster. */
  async disturb(others: readonly Nemesis[] = []): Promise<void> {
    const nemeses = [new StoreNemesis(this.cluster), ...others]
    for (const nemesis of nemeses) nemesis.start()
    await this.runFor(this.#options.durationMs ?? 60_000)
    for (const nemesis of nemeses) nemesis.stop()
    this.cluster.heal()
  }

  /** Tells what came of a course, which may throw: that is a failure as well. */
  async report(course: () => Promise<void>): Promise<ClusterSimulationReport> {
    const { simulation, cluster } = this
    try {
      await course()
    } catch (error) {
      cluster.fail(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    return {
      seed: this.#options.seed,
      faults: cluster.faults,
      hash: simulation.trace.hash,
      events: simulation.eventCount,
      simulatedMs: simulation.nowMs,
      failure: this.#failure(),
    }
  }

  #failure(): SimulationFailure | undefined {
    const { simulation, cluster, members } = this
    if (cluster.failure === undefined) return undefined
    const run = { simulation, cluster, members, flag: this.#flag, options: this.#options }
    return failureOf(run, cluster.failure)
  }
}
