import { type Random, unreachable } from '@orrery/environment'
import {
  type MemberId,
  type Membership,
  type MembershipChange,
  type MembershipStep,
  encodeMembershipChange,
} from '@orrery/raft'
import { chance, pick } from '../time/draw.ts'
import type { SimulatedMember } from './simulated-member.ts'

/** What changes of membership need of a cluster. */
export interface MembershipField {
  readonly members: () => readonly SimulatedMember[]
  readonly leader: () => SimulatedMember | undefined
  /** Founds a member that has nothing. */
  readonly recruit: () => MemberId
  /** Ids that were removed. */
  readonly removed: () => readonly MemberId[]
}

const actions = [
  'addLearner',
  'addVoter',
  'promote',
  'promote',
  'demote',
  'remove',
  'removeLeader',
  'replace',
  'shuffle',
  'return',
  'invalid',
] as const

const membersMax = 7
const votersMin = 3

/** Draws changes of membership, sound and unsound, and proposes them anywhere. */
export class MembershipNemesis {
  readonly #field: MembershipField
  readonly #random: Random

  constructor(field: MembershipField, random: Random) {
    this.#field = field
    this.#random = random
  }

  strike(): void {
    const leader = this.#field.leader()
    const member =
      chance(this.#random, 0.8) && leader !== undefined ? leader : pick(this.#random, this.#field.members())
    const membership = member?.raft?.membership
    if (member === undefined || membership === undefined || membership.voters.length === 0) return
    const change = this.#draw(membership, leader)
    if (change === undefined) return
    member.changeMembership(encodeMembershipChange(change))
    // Two at once: the second has to wait or to fail.
    if (!chance(this.#random, 0.15)) return
    const second = this.#draw(membership, leader)
    if (second !== undefined) member.changeMembership(encodeMembershipChange(second))
  }

  #draw(membership: Membership, leader: SimulatedMember | undefined): MembershipChange | undefined {
    const context = new Uint8Array()
    if (membership.outgoingVoters.length > 0) return { steps: [], transition: 'auto', context }
    const steps = this.#drawSteps(membership, leader)
    if (steps.length === 0) return undefined
    const transition = pick(this.#random, ['auto', 'auto', 'joint', 'jointUntilLeft'] as const) ?? 'auto'
    return { steps, transition, context }
  }

  #drawSteps(membership: Membership, leader: SimulatedMember | undefined): MembershipStep[] {
    const { voters, learners } = membership
    const action = pick(this.#random, actions) ?? 'addLearner'
    const isFull = voters.length + learners.length >= membersMax
    const maySpare = voters.length > votersMin
    const one = (type: MembershipStep['type'], member: MemberId | undefined): MembershipStep[] =>
      member === undefined ? [] : [{ type, member }]
    switch (action) {
      case 'addLearner':
        return isFull ? [] : one('addLearner', this.#field.recruit())
      case 'addVoter':
        return isFull ? [] : one('addVoter', this.#field.recruit())
      case 'promote':
        return one('addVoter', pick(this.#random, learners))
      case 'demote':
        return maySpare ? one('addLearner', pick(this.#random, voters)) : []
      case 'remove':
        return one('remove', pick(this.#random, maySpare ? [...voters, ...learners] : learners))
      case 'removeLeader':
        return maySpare ? one('remove', leader?.id) : []
      case 'replace':
        return [
          ...one('remove', pick(this.#random, voters)),
          ...one('addVoter', pick(this.#random, learners) ?? this.#field.recruit()),
        ]
      case 'shuffle':
        return this.#shuffle(membership)
      case 'return':
        return one('addVoter', pick(this.#random, this.#field.removed()))
      case 'invalid':
        return voters.map((member) => ({ type: 'remove', member }))
      default:
        return unreachable(action)
    }
  }

  /** Several steps at once: some voters become learners, some learners voters. */
  #shuffle({ voters, learners }: Membership): MembershipStep[] {
    const promoted = learners.filter(() => chance(this.#random, 0.6))
    const spare = voters.length + promoted.length - votersMin
    const demoted = voters.filter(() => chance(this.#random, 0.3)).slice(0, Math.max(0, spare))
    return [
      ...promoted.map((member) => ({ type: 'addVoter', member }) as const),
      ...demoted.map((member) => ({ type: 'addLearner', member }) as const),
    ]
  }
}
