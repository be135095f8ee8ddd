import { checkLinearizability } from '../checkers/linearizability.ts'
import { registerModel } from '../checkers/models.ts'
import { type Simulation, createSimulation } from '../time/simulation.ts'
import { failureOf, type SimulationFailure } from '../time/simulation-failure.ts'
import { type RaftCounters, type RaftCoverage, emptyCoverage } from './coverage.ts'
import { RaftClients } from './raft-clients.ts'
import { RaftCluster } from './raft-cluster.ts'
import { type RaftFaultClass, type RaftFaults, drawRaftFaults } from './raft-faults.ts'
import { RaftViolation } from './raft-invariants.ts'
import { RaftNemesis } from './raft-nemesis.ts'
import { type Sabotage, noSabotage } from './sabotage.ts'
import type { SimulatedMember } from './simulated-member.ts'

/** What to simulate. */
export interface RaftSimulationOptions {
  /** Decides everything that the other options leave open. An integer. */
  readonly seed: number
  /** Members that found the cluster. @defaultValue `5` */
  readonly members?: number
  /** How long there are faults. Unit: ms of virtual time. @defaultValue `60_000` */
  readonly durationMs?: number
  /** How long the cluster may then take until all agree. Unit: ms of virtual time. @defaultValue `60_000` */
  readonly healingMaxMs?: number
  /** Faults that are left out, to find out which of them a failure needs. */
  readonly without?: readonly RaftFaultClass[]
  /** Replaces parts of what the seed draws. */
  readonly faults?: Partial<RaftFaults>
  /** Lines of the trace in the report of a failure. @defaultValue `200` */
  readonly traceMaxLines?: number
  /** Creates a bug to plant, anew for each run. @defaultValue none */
  readonly sabotage?: () => Partial<Sabotage>
}

/** What came of it. */
export interface RaftSimulationReport {
  readonly seed: number
  readonly faults: RaftFaults
  /** Of all that happened: equal for equal options, on every machine. */
  readonly hash: string
  readonly events: number
  /** Unit: ms of virtual time. */
  readonly simulatedMs: number
  readonly coverage: RaftCoverage
  /** Undefined: nothing was wrong. */
  readonly failure: SimulationFailure | undefined
}

/**
 * Runs one cluster of consensus cores in virtual time, in this turn of the event loop: clients write and read
 * registers while members crash, pause, are cut off, replaced and lied to by their network, as the seed draws
 * it; then faults end, and the cluster has to come to rest.
 *
 * After every event the laws of Raft are checked, and at the end that all answers fit into one order. A run
 * that fails is repeated, to record what led to the failure.
 */
export function simulateRaft(options: RaftSimulationOptions): RaftSimulationReport {
  const report = new Run(options, 0).run()
  if (report.failure === undefined) return report
  const repeated = new Run(options, options.traceMaxLines ?? 200).run()
  if (repeated.hash === report.hash) return repeated
  const violation = `${report.failure.violation}; and a second run went another way: something is not deterministic`
  return { ...repeated, failure: { ...(repeated.failure ?? report.failure), violation } }
}

class Run {
  readonly #options: RaftSimulationOptions
  readonly #simulation: Simulation
  readonly #faults: RaftFaults
  readonly #counters: RaftCounters = emptyCoverage()
  readonly #clients: RaftClients
  readonly #cluster: RaftCluster

  constructor(options: RaftSimulationOptions, traceMaxLines: number) {
    this.#options = options
    this.#simulation = createSimulation({ seed: options.seed, traceMaxLines })
    const drawn = drawRaftFaults(this.#simulation.random.fork('faults'), options.without)
    this.#faults = { ...drawn, ...options.faults }
    const members = (): readonly SimulatedMember[] => this.#cluster.running
    const service = { simulation: this.#simulation, counters: this.#counters, members }
    this.#clients = new RaftClients(service, this.#faults.load)
    this.#cluster = new RaftCluster({
      simulation: this.#simulation,
      counters: this.#counters,
      faults: this.#faults,
      sabotage: { ...noSabotage, ...options.sabotage?.() },
      onEffect: (result) => this.#clients.onEffect(result),
    })
  }

  run(): RaftSimulationReport {
    let violation: string | undefined
    try {
      this.#disturb()
      this.#heal()
      this.#judgeHistory()
    } catch (error) {
      violation = error instanceof RaftViolation ? error.message : describeError(error)
    }
    this.#countNetwork()
    return {
      seed: this.#options.seed,
      faults: this.#faults,
      hash: this.#simulation.trace.hash,
      events: this.#simulation.eventCount,
      simulatedMs: this.#simulation.nowMs,
      coverage: this.#counters,
      failure: violation === undefined ? undefined : this.#failure(violation),
    }
  }

  #disturb(): void {
    this.#cluster.found(this.#options.members ?? 5)
    this.#clients.start()
    const nemesis = new RaftNemesis(this.#cluster)
    nemesis.start()
    this.#simulation.runSync(this.#options.durationMs ?? 60_000)
    nemesis.stop()
  }

  /** A cluster that never does anything is safe, too. */
  #heal(): void {
    const simulation = this.#simulation
    const untilMs = simulation.nowMs + (this.#options.healingMaxMs ?? 60_000)
    this.#clients.stop()
    this.#cluster.heal()
    simulation.runSync(untilMs, () => this.#cluster.leader !== undefined)
    const waiting = new Set(this.#cluster.serving)
    for (const member of waiting) {
      this.#clients.probe(
        () => this.#cluster.leader,
        member,
        () => waiting.delete(member),
      )
    }
    // A change that was under way may still remove somebody.
    const isServed = (): boolean => [...waiting].every(({ id }) => this.#cluster.isRetired(id))
    const isAtRest = (): boolean => isServed() && this.#cluster.unrest === undefined
    simulation.runSync(untilMs, () => simulation.eventCount % 50 === 0 && isAtRest())
    if (isAtRest()) return
    throw new RaftViolation(`no rest after the faults: ${this.#cluster.unrest ?? 'not all members serve'}`)
  }

  #judgeHistory(): void {
    const verdict = checkLinearizability(registerModel, this.#clients.history())
    if (verdict.type === 'illegal') throw new RaftViolation(verdict.violation)
    if (verdict.type === 'unknown') throw new RaftViolation(`the history was not judged: ${verdict.reason}`)
  }

  #countNetwork(): void {
    const { lost, duplicated } = this.#cluster.network.counts
    this.#counters.lostMessages += lost
    this.#counters.duplicatedMessages += duplicated
  }

  #failure(violation: string): SimulationFailure {
    const { members = 5 } = this.#options
    const run = { simulation: this.#simulation, cluster: this.#cluster, options: this.#options }
    return failureOf({ ...run, flag: undefined, members }, violation)
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const [, ...frames] = (error.stack ?? '').split('\n')
  return [`${error.name}: ${error.message}`, ...frames.slice(0, 8)].join('\n')
}
