import { hasCode, type Random } from '@orrery/environment'
import type { ClusterMember, Store } from '@orrery/store'
import { chance, exponential, pick } from '../time/draw.ts'
import type { StoreCluster } from './store-cluster.ts'

/** How long the operator waits for an answer. Unit: ms. */
const patienceMs = 8_000
const votersMin = 3

/** Answers that an operator has to live with. */
const expectedCodes = [
  'STORE_TIMED_OUT',
  'STORE_OUTCOME_UNKNOWN',
  'STORE_CLOSED',
  'STORE_FAILED',
  'STORE_REMOVED',
  'STORE_NO_LEADER',
  'STORE_NOT_LEADER',
  'STORE_LEADER_CHANGED',
  'STORE_UNHEALTHY_CLUSTER',
  'STORE_NOT_ENOUGH_STARTED_MEMBERS',
  'STORE_TOO_MANY_LEARNERS',
  'STORE_LEARNER_NOT_READY',
  'STORE_MEMBER_NOT_LEARNER',
  'STORE_MEMBER_NOT_FOUND',
  'STORE_PEER_ADDRESS_IN_USE',
  'STORE_BAD_TRANSFEREE',
  'STORE_TRANSFER_TIMED_OUT',
] as const

/** Who adds, promotes, removes and replaces members, one step after the other, as a person would. */
export class StoreOperator {
  readonly #cluster: StoreCluster
  readonly #random: Random
  readonly #membersMax: number

  /** @param founders how many members the cluster is to have, more or less */
  constructor(cluster: StoreCluster, founders: number) {
    this.#cluster = cluster
    this.#random = cluster.simulation.random.fork('operator')
    this.#membersMax = founders + 1
  }

  start(): void {
    const { simulation, faults } = this.#cluster
    if (faults.membershipPauseMeanMs === 0) return
    simulation.schedule(exponential(this.#random, faults.membershipPauseMeanMs), () => {
      if (this.#cluster.isOver) return
      void this.#change().then(() => this.start())
    })
  }

  /** Removes members that will never run again, once. Resolves to the members that are left; undefined: nobody told. */
  async tidy(): Promise<readonly ClusterMember[] | undefined> {
    const members = await this.#list()
    const dead = members?.find((member) => this.#cluster.machineOf(member)?.state !== 'serving')
    if (members === undefined || dead === undefined) return members
    await this.#remove(dead.id)
    return undefined
  }

  async #change(): Promise<void> {
    const members = await this.#list()
    if (members === undefined) return
    const random = this.#random
    const dead = members.find((member) => this.#cluster.machineOf(member)?.state !== 'serving')
    const learner = members.find(({ isLearner }) => isLearner)
    if (dead !== undefined) await this.#remove(dead.id)
    else if (learner !== undefined && chance(random, 0.9)) await this.#promote(learner.id)
    else if (learner !== undefined) await this.#remove(learner.id)
    else if (chance(random, 0.2)) await this.#transfer(members)
    else if (members.length < this.#membersMax) await this.#add(chance(random, 0.6))
    else await this.#removeAny(members)
  }

  async #removeAny(members: readonly ClusterMember[]): Promise<void> {
    if (members.length <= votersMin) return
    const leaderId = this.#cluster.leader?.store?.status().memberId
    const leader = members.find(({ id }) => id === leaderId)
    const victim = chance(this.#random, 0.4) ? leader : pick(this.#random, members)
    if (victim !== undefined) await this.#remove(victim.id)
  }

  async #list(): Promise<readonly ClusterMember[] | undefined> {
    const members = await this.#ask((store) => store.cluster.members())
    if (members !== undefined) this.#cluster.reconcile(members)
    return members
  }

  async #add(isLearner: boolean): Promise<void> {
    const name = this.#cluster.nextName()
    const added = await this.#ask((store) => store.cluster.add({ peerAddresses: [name], isLearner }))
    const { counters } = this.#cluster
    // It may have a place although nobody said so, and nobody may be able to lead without it.
    this.#cluster.recruit(name)
    if (added === undefined) return
    if (isLearner) counters.addedLearners++
    else counters.addedVoters++
  }

  async #promote(id: bigint): Promise<void> {
    const promoted = await this.#ask((store) => store.cluster.promote(id))
    if (promoted !== undefined) this.#cluster.counters.promotedLearners++
  }

  async #remove(id: bigint): Promise<void> {
    const removed = await this.#ask((store) => store.cluster.remove(id))
    if (removed === undefined) return
    this.#cluster.counters.removedMembers++
    await this.#list()
  }

  async #transfer(members: readonly ClusterMember[]): Promise<void> {
    const { leader, counters } = this.#cluster
    const target = pick(this.#random, members)
    if (leader === undefined || target === undefined) return
    const answer = await leader.ask(patienceMs, async (store) => {
      await store.cluster.transferLeadership(target.id)
      return true
    })
    if (answer.type === 'answered') counters.transfers++
    else if (answer.type === 'refused') this.#refused(answer.error)
  }

  async #ask<T>(call: (store: Store) => Promise<T>): Promise<T | undefined> {
    const answer = await this.#cluster.anybody(this.#random)?.ask(patienceMs, call)
    if (answer?.type === 'answered') return answer.value
    if (answer?.type === 'refused') this.#refused(answer.error)
    return undefined
  }

  #refused(error: unknown): void {
    this.#cluster.counters.refusedChanges++
    if (!hasCode(error, ...expectedCodes))
      this.#cluster.fail(`a change of the members failed: ${String(error)}`)
  }
}
