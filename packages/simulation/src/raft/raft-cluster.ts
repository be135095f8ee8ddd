import { type MemberId, type Membership, createMembership } from '@orrery/raft'
import { reliableLink } from '../network/link-faults.ts'
import { type SimulatedNetwork, createSimulatedNetwork } from '../network/simulated-network.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import type { Simulation } from '../time/simulation.ts'
import { between } from '../time/draw.ts'
import type { RaftCounters } from './coverage.ts'
import { MemberDisk, emptyState } from './member-disk.ts'
import type { RaftFaults } from './raft-faults.ts'
import { RaftInvariants } from './raft-invariants.ts'
import type { CommandResult } from './registers.ts'
import type { Sabotage } from './sabotage.ts'
import { allOf } from './memberships.ts'
import type { RaftWorld } from './raft-world.ts'
import { SimulatedMember } from './simulated-member.ts'

/** What a cluster is made of. */
export interface RaftClusterParts {
  readonly simulation: Simulation
  readonly counters: RaftCounters
  readonly faults: RaftFaults
  readonly sabotage: Sabotage
  readonly onEffect: (result: CommandResult) => void
}

/** The members of one cluster, those that were removed included. */
export class RaftCluster implements RaftWorld {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly counters: RaftCounters
  readonly invariants: RaftInvariants
  readonly sabotage: Sabotage
  readonly members = new Map<MemberId, SimulatedMember>()
  /** All nodes, for who disturbs the network. */
  readonly nodes: SimulatedNode[] = []
  readonly onEffect: (result: CommandResult) => void
  faults: RaftFaults
  /** Replaced by who lets members crash. */
  onWritten: (member: SimulatedMember) => void = () => {}
  readonly #disks = new Map<MemberId, MemberDisk>()
  /** Removed: their processes do not start again. */
  readonly #retired = new Set<MemberId>()
  #contexts = 0
  #lastChangeIndex = 0

  constructor(parts: RaftClusterParts) {
    this.simulation = parts.simulation
    this.counters = parts.counters
    this.faults = parts.faults
    this.sabotage = parts.sabotage
    this.onEffect = parts.onEffect
    this.network = createSimulatedNetwork(parts.simulation, parts.faults.link)
    this.invariants = new RaftInvariants(parts.counters, this.#disks, parts.sabotage)
  }

  /** Who has a process that gets turns. */
  get running(): SimulatedMember[] {
    return [...this.members.values()].filter(({ node }) => node.state === 'running')
  }

  /** The leader of the latest term, if somebody leads. */
  get leader(): SimulatedMember | undefined {
    let leader: SimulatedMember | undefined
    for (const member of this.running) {
      if (member.raft?.role === 'leader' && member.raft.term > (leader?.raft?.term ?? 0)) leader = member
    }
    return leader
  }

  /** Who belongs to the cluster, as its leader sees it. */
  get serving(): SimulatedMember[] {
    const ids = allOf(this.leader?.raft?.membership ?? emptyState.membership)
    return [...this.members.values()].filter(({ id }) => ids.includes(id))
  }

  get removed(): readonly MemberId[] {
    return [...this.#retired]
  }

  /** The first members, who know each other. */
  found(count: number): void {
    const ids = Array.from({ length: count }, (_, n) => BigInt(n + 1))
    const membership = createMembership({ voters: ids })
    for (const id of ids) this.#add(id, membership).start()
  }

  /** A new member that knows nobody. */
  recruit(): MemberId {
    const id = BigInt(this.members.size + 1)
    this.#add(id, emptyState.membership).start()
    return id
  }

  isRetired(id: MemberId): boolean {
    return this.#retired.has(id)
  }

  nextContext(): number {
    return ++this.#contexts
  }

  onMembership(member: SimulatedMember, before: Membership, after: Membership): void {
    this.#count(member, before, after)
    for (const id of allOf(before)) {
      if (allOf(after).includes(id) || this.#retired.has(id)) continue
      this.#retired.add(id)
      // For a while it may still believe that it belongs to the cluster.
      this.simulation.schedule(between(this.simulation.random.fork(`retire ${id}`), 100, 5_000), () => {
        this.members.get(id)?.crash()
      })
    }
  }

  /** Faults end: everything works, and everybody who belongs to the cluster runs. */
  heal(): void {
    const { faults } = this
    this.faults = {
      ...faults,
      writeMeanMs: 0.2,
      stallRatio: 0,
      applyMeanMs: 0,
      turnMeanMs: 0,
      snapshotMeanMs: 5,
      tornLogRatio: 0,
    }
    this.network.heal()
    this.network.setFaults(reliableLink)
    for (const member of this.members.values()) {
      member.node.resume()
      if (this.#retired.has(member.id)) member.crash()
      else if (member.node.state === 'stopped') member.start()
    }
  }

  /** What is missing until all agree and nobody waits; undefined: nothing. */
  get unrest(): string | undefined {
    const { leader } = this
    const raft = leader?.raft
    if (leader === undefined || raft === undefined) return 'nobody leads'
    const { membership } = raft
    if (membership.outgoingVoters.length > 0 && membership.leavesAutomatically)
      return 'joint consensus is not left'
    for (const id of allOf(membership)) {
      const member = this.members.get(id)
      if (member?.state === undefined) return `member ${id} does not run`
      if (member.state.index !== raft.lastIndex)
        return `${member.name} is at ${member.state.index} of ${raft.lastIndex}`
      if (member.state.registers.hash !== leader.state?.registers.hash)
        return `${member.name} has another state`
      if (member.hasReads) return `reads at ${member.name} are not answered`
      if (member.raft?.status().isOnProbation === true) return `${member.name} is on probation`
    }
    return undefined
  }

  describe(): string {
    return [...this.members.values()]
      .filter(({ id }) => !this.#retired.has(id))
      .map(({ name, raft, node }) => {
        if (raft === undefined) return `${name} ${node.state}`
        const { role, term, leaderId, appliedIndex, commitIndex, lastIndex, isOnProbation } = raft.status()
        const probation = isOnProbation ? ' on probation' : ''
        return `${name} ${node.state} ${role}${probation} t${term} leader ${leaderId} ${appliedIndex}/${commitIndex}/${lastIndex}`
      })
      .join('; ')
  }

  #add(id: MemberId, membership: Membership): SimulatedMember {
    const { driftMax } = this.faults
    const random = this.simulation.random.fork(`clock ${id}`)
    const clock = { offsetMs: between(random, 0, 1e6), drift: between(random, -driftMax, driftMax) }
    const node = this.simulation.createNode(`m${id}`, clock)
    const disk = new MemberDisk({ ...emptyState, membership })
    const member = new SimulatedMember(this, { id, node }, disk)
    this.nodes.push(node)
    this.#disks.set(id, disk)
    this.members.set(id, member)
    return member
  }

  /** Counts a change once, where it is applied first. */
  #count(member: SimulatedMember, before: Membership, after: Membership): void {
    const index = member.state?.index ?? 0
    if (index <= this.#lastChangeIndex || before === after) return
    this.#lastChangeIndex = index
    const { counters } = this
    counters.membershipChanges++
    if (after.outgoingVoters.length > 0) {
      counters[after.leavesAutomatically ? 'jointMemberships' : 'explicitJointMemberships']++
    }
    for (const id of allOf(after)) {
      const wasVoter = before.voters.includes(id)
      const isVoter = after.voters.includes(id)
      if (isVoter && !wasVoter && before.learners.includes(id)) counters.promotions++
      if (!isVoter && wasVoter) counters.demotions++
      if (!allOf(before).includes(id) && after.learners.includes(id)) counters.addedLearners++
    }
    for (const id of allOf(before)) {
      if (allOf(after).includes(id)) continue
      counters.removals++
      if (this.members.get(id)?.raft?.role === 'leader' || member.id === id) counters.removedLeaders++
    }
  }
}
