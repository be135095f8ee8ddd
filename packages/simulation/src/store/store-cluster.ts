import type { Random } from '@orrery/environment'
import type { ClusterMember } from '@orrery/store'
import { reliableDisk } from '../disk/node-disk.ts'
import { reliableLink } from '../network/link-faults.ts'
import { createSimulatedNetwork, type SimulatedNetwork } from '../network/simulated-network.ts'
import { createSimulatedTransports, type SimulatedTransports } from '../network/simulated-transports.ts'
import { between, pick } from '../time/draw.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import type { Simulation } from '../time/simulation.ts'
import { emptyStoreCoverage, type StoreCounters } from './store-coverage.ts'
import type { StoreFaults } from './store-faults.ts'
import { StoreMachine } from './store-machine.ts'
import type { StoreSabotage } from './store-sabotage.ts'
import type { StoreWorld } from './store-world.ts'

/** What a cluster of stores is made of. */
export interface StoreClusterParts {
  readonly simulation: Simulation
  readonly faults: StoreFaults
  readonly sabotage: StoreSabotage
}

/** How often it is looked where members stand. Unit: ms. */
const lookMs = 50
/** How long it takes at most until a member has its place, or will never have it. Unit: ms. */
const admissionMaxMs = 20_000

/** The machines of one cluster, those that were retired included, and the ways between them. */
export class StoreCluster implements StoreWorld {
  readonly simulation: Simulation
  readonly faults: StoreFaults
  readonly sabotage: StoreSabotage
  readonly counters: StoreCounters = emptyStoreCoverage()
  readonly network: SimulatedNetwork
  readonly transports: SimulatedTransports
  readonly machines: StoreMachine[] = []
  /** All nodes, for who disturbs the network. */
  readonly nodes: SimulatedNode[] = []
  isOver = false
  failure: string | undefined
  /** When a revision was first seen anywhere: points of time by revision. Unit: ms. */
  readonly #seen: { readonly revision: number; readonly atMs: number }[] = []
  readonly #ledTerms = new Set<number>()
  #highestIndex = 0

  constructor({ simulation, faults, sabotage }: StoreClusterParts) {
    this.simulation = simulation
    this.faults = faults
    this.sabotage = sabotage
    // Transports are streams: nothing comes twice or early.
    this.network = createSimulatedNetwork(simulation, { ...faults.link, duplicateRatio: 0, reorders: false })
    this.transports = createSimulatedTransports(simulation, this.network)
    this.network.onChange(({ isCut }) => {
      if (isCut) this.counters.partitions++
    })
  }

  get running(): StoreMachine[] {
    return this.machines.filter(({ isRunning }) => isRunning)
  }

  /** Who leads in the latest term. */
  get leader(): StoreMachine | undefined {
    const termOf = ({ store }: StoreMachine): number => store?.status().term ?? 0
    return this.running.filter(({ leads }) => leads).sort((a, b) => termOf(b) - termOf(a))[0]
  }

  /** The first members, who know each other. */
  found(count: number): void {
    const names = Array.from({ length: count }, (_, n) => `m${n + 1}`)
    const members = names.map((name) => [name])
    for (const name of names) this.#add(name, { type: 'new', members })
    for (const machine of this.machines) machine.start()
    this.#look()
  }

  nextName(): string {
    return `m${this.machines.length + 1}`
  }

  /** A new machine, whose member joins as soon as it has a place. */
  recruit(name: string): void {
    const contacts = this.machines.filter(({ state }) => state === 'serving').map((machine) => machine.name)
    this.#add(name, { type: 'join', contacts }).start()
  }

  /**
   * Machines whose members were removed are retired.
   *
   * @param members a linearizable list, asked for after all earlier ones
   */
  reconcile(members: readonly ClusterMember[]): void {
    for (const machine of this.machines) {
      const isListed = members.some(({ peerAddresses }) => peerAddresses.includes(machine.name))
      // The place of a new one may still be on its way.
      const isYoung = this.simulation.nowMs - machine.createdAtMs < admissionMaxMs
      if (!isListed && (machine.wasListed || !isYoung)) machine.retire()
      machine.wasListed ||= isListed
    }
  }

  machineOf({ peerAddresses }: ClusterMember): StoreMachine | undefined {
    return this.machines.find(({ name }) => peerAddresses.includes(name))
  }

  /** Somebody who can be asked. */
  anybody(random: Random): StoreMachine | undefined {
    return pick(random, this.running)
  }

  /**
   * Whether the cluster could still elect a leader if this machine lost the end of its log to a loss of power. When most
   * have, all are needed: so nobody may be away for ever, damaged or replaced.
   */
  mayLosePower(machine: StoreMachine): boolean {
    const { rotPauseMeanMs, membershipPauseMeanMs } = this.faults
    return (rotPauseMeanMs === 0 && membershipPauseMeanMs === 0) || this.maySuffer(machine)
  }

  /** Whether a majority would still have all that it promised if this machine lost something of its log. */
  maySuffer(machine: StoreMachine): boolean {
    const voters = this.machines.filter(({ state, isLearner }) => state !== 'retired' && !isLearner)
    const unsound = voters.filter((other) => other !== machine && !other.isSound)
    // Where members come and go, it is not known at each moment who votes.
    const sufferersMax = Math.floor((voters.length - 1) / 2)
    return unsound.length < (this.faults.membershipPauseMeanMs > 0 ? Math.min(1, sufferersMax) : sufferersMax)
  }

  highestIndex(): number {
    return this.#highestIndex
  }

  /** When this revision, or a later one, was seen first. Unit: ms. */
  seenAtMs(revision: number): number {
    let [low, high] = [0, this.#seen.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#seen[middle]?.revision ?? 0) >= revision) high = middle
      else low = middle + 1
    }
    return this.#seen[low]?.atMs ?? Infinity
  }

  fail(violation: string): void {
    this.failure ??= violation
  }

  /** Faults end: everything works, and everybody who belongs to the cluster runs. */
  heal(): void {
    this.isOver = true
    this.network.heal()
    this.network.setFaults(reliableLink)
    for (const machine of this.machines) {
      machine.disk.setFaults(reliableDisk)
      machine.setFreeBytes(undefined)
      machine.node.resume()
      machine.start()
    }
  }

  describe(): string {
    return this.machines
      .filter(({ state }) => state !== 'retired')
      .map(({ name, state, node, store }) => {
        const status = store?.status()
        if (status === undefined) return `${name} ${state} ${node.state}`
        const leads =
          status.leaderId === status.memberId ? 'leads' : `follows ${status.leaderId.toString(16)}`
        return `${name} ${node.state} ${status.state} ${leads} t${status.term} ${status.appliedIndex}/${status.commitIndex} revision ${status.revision}`
      })
      .join('; ')
  }

  #add(name: string, origin: ConstructorParameters<typeof StoreMachine>[1]['origin']): StoreMachine {
    const { driftMax } = this.faults
    const random = this.simulation.random.fork(`clock ${name}`)
    const clock = { offsetMs: between(random, 0, 1e6), drift: between(random, -driftMax, driftMax) }
    const node = this.simulation.createNode(name, clock)
    const machine = new StoreMachine(this, { name, node, origin })
    machine.wasListed = origin.type === 'new'
    this.machines.push(machine)
    this.nodes.push(node)
    return machine
  }

  /** Notes where everybody stands, and begins processes anew that have failed. */
  #look(): void {
    for (const machine of this.machines) {
      const { store } = machine
      if (store === undefined) continue
      const { state, revision, commitIndex, term, isLearner } = store.status()
      machine.isLearner = isLearner
      this.#highestIndex = Math.max(this.#highestIndex, commitIndex)
      if (revision > (this.#seen.at(-1)?.revision ?? 0))
        this.#seen.push({ revision, atMs: this.simulation.nowMs })
      if (machine.leads && !this.#ledTerms.has(term)) {
        this.#ledTerms.add(term)
        this.counters.elections++
      }
      if (state === 'failed' && machine.isRunning) this.#restart(machine)
    }
    this.simulation.schedule(lookMs, () => this.#look())
  }

  /** A removed member, or one whose disk has failed: a new process finds out. */
  #restart(machine: StoreMachine): void {
    this.counters.failedDisks++
    machine.crash('kill')
    this.simulation.schedule(500, () => machine.start())
  }
}
