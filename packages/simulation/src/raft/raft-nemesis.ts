import type { Random, Timer } from '@orrery/environment'
import { disturbNetwork } from '../network/network-nemesis.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import { recurring } from '../time/recurring.ts'
import { MembershipNemesis } from './membership-nemesis.ts'
import type { RaftCluster } from './raft-cluster.ts'
import type { SimulatedMember } from './simulated-member.ts'

/** Lets happen to a cluster what its faults say, until it is stopped. */
export class RaftNemesis {
  readonly #cluster: RaftCluster
  readonly #random: Random
  readonly #timers: Timer[] = []
  #isStopped = false

  constructor(cluster: RaftCluster) {
    this.#cluster = cluster
    this.#random = cluster.simulation.random.fork('nemesis')
  }

  start(): void {
    const { simulation, network, faults, nodes, counters } = this.#cluster
    this.#often('crash', faults.crashPauseMeanMs, (random) => this.#crash(random))
    this.#often('pause', faults.pausePauseMeanMs, (random) => this.#pause(random))
    this.#often('transfer', faults.transferPauseMeanMs, (random) => this.#transfer(random))
    this.#often('oddity', faults.oddityPauseMeanMs, (random) => this.#oddity(random))
    this.#often('drift', faults.driftMax * 1e7, (random) => {
      pick(random, nodes)?.setDrift(between(random, -faults.driftMax, faults.driftMax))
    })
    this.#crashAfterWrites()
    const cluster = this.#cluster
    const membership = new MembershipNemesis(
      {
        members: () => cluster.running,
        leader: () => cluster.leader,
        recruit: () => cluster.recruit(),
        removed: () => cluster.removed,
      },
      this.#random.fork('membership'),
    )
    this.#often('membershipPause', faults.membershipPauseMeanMs, () => membership.strike())
    if (faults.network === undefined) return
    network.onChange(({ isCut }) => {
      if (isCut) counters.partitions++
    })
    this.#timers.push(disturbNetwork(simulation, network, nodes, faults.network, () => cluster.leader?.node))
  }

  stop(): void {
    this.#isStopped = true
    this.#cluster.onWritten = () => {}
    for (const timer of this.#timers) timer.cancel()
  }

  #often(label: string, pauseMeanMs: number, happen: (random: Random) => void): void {
    if (pauseMeanMs <= 0) return
    const random = this.#random.fork(label)
    this.#timers.push(recurring(this.#cluster.simulation, random, { pauseMeanMs }, () => happen(random)))
  }

  /** Leaders suffer more often than others. */
  #victim(random: Random): SimulatedMember | undefined {
    const { leader, running } = this.#cluster
    return chance(random, 0.4) && leader !== undefined ? leader : pick(random, running)
  }

  #crash(random: Random): void {
    const { faults, running } = this.#cluster
    if (chance(random, faults.blackoutRatio)) {
      for (const member of running) this.#crashOne(member, random)
      return
    }
    const victim = this.#victim(random)
    if (victim !== undefined) this.#crashOne(victim, random)
  }

  /** What was just promised is what a process that comes back may have forgotten. */
  #crashAfterWrites(): void {
    const { crashAfterWriteRatio } = this.#cluster.faults
    if (crashAfterWriteRatio === 0) return
    const random = this.#random.fork('afterWrites')
    this.#cluster.onWritten = (member) => {
      if (!chance(random, crashAfterWriteRatio)) return
      member.node.schedule(exponential(random, 3), () => {
        if (!this.#isStopped) this.#crashOne(member, random)
      })
    }
  }

  #crashOne(member: SimulatedMember, random: Random): void {
    const { simulation, faults } = this.#cluster
    member.crash()
    if (chance(random, faults.tornLogRatio)) this.#tear(member, random)
    simulation.schedule(exponential(random, faults.downMeanMs), () => {
      if (this.#isStopped || this.#cluster.isRetired(member.id)) return
      if (member.node.state === 'stopped') member.start()
    })
  }

  /** While a majority remembers all that it said, somebody can lead. */
  #tear({ id, disk }: SimulatedMember, random: Random): void {
    const { members, invariants, counters } = this.#cluster
    const torn = [...members.values()].filter(
      (other) => other.id === id || other.disk.hardState.isOnProbation,
    )
    if (torn.length * 2 >= members.size) return
    disk.tear(random)
    invariants.hasTorn = true
    counters.tornLogs++
  }

  #pause(random: Random): void {
    const { simulation, faults, counters } = this.#cluster
    const victim = this.#victim(random)
    if (victim === undefined) return
    victim.node.pause()
    counters.pauses++
    simulation.schedule(exponential(random, faults.pausedMeanMs), () => victim.node.resume())
  }

  #transfer(random: Random): void {
    const { running } = this.#cluster
    const member = chance(random, 0.7)
      ? (this.#cluster.leader ?? pick(random, running))
      : pick(random, running)
    const target = pick(random, member?.raft?.membership.voters ?? [])
    if (target === undefined) return
    member?.input((raft) => raft.transferLeadership(target))
  }

  #oddity(random: Random): void {
    const member = pick(random, this.#cluster.running)
    const other = pick(random, [...this.#cluster.members.keys()])
    if (member === undefined || other === undefined) return
    const dice = random.below(5)
    member.input((raft) => {
      if (dice === 0) raft.campaign()
      else if (dice === 1) raft.forgetLeader()
      else if (dice === 2) raft.reportUnreachable(other)
      else if (dice === 3) raft.reportSnapshot(other, 'failed')
      else raft.reportSnapshot(other, 'sent')
    })
  }
}
