import type { Entry, MemberId, Membership, Message, Raft, Ready } from '@orrery/raft'
import { createElectionSafetyChecker } from '../checkers/election-safety.ts'
import { createLeaderCompletenessChecker } from '../checkers/leader-completeness.ts'
import { createLogMatchingChecker } from '../checkers/log-matching.ts'
import { createMonotonicityChecker } from '../checkers/monotonicity.ts'
import { createStateMachineSafetyChecker } from '../checkers/state-machine-safety.ts'
import type { RaftCounters } from './coverage.ts'
import type { MemberDisk, MemberState } from './member-disk.ts'
import { hashOf } from './registers.ts'

/** Something happened that must not. */
export class RaftViolation extends Error {
  override readonly name = 'RaftViolation'
}

/** A member, as the invariants see it. */
export interface ObservedMember {
  readonly id: MemberId
  readonly name: string
  readonly incarnation: number
  readonly disk: MemberDisk
}

/** What must hold after every event, whatever happened before. Raft, figure 3, and what disks promise. */
export class RaftInvariants {
  readonly #counters: RaftCounters
  readonly #disks: ReadonlyMap<MemberId, MemberDisk>
  readonly #elections = createElectionSafetyChecker()
  readonly #matching = createLogMatchingChecker()
  readonly #completeness = createLeaderCompletenessChecker()
  readonly #machines = createStateMachineSafetyChecker()
  readonly #monotonicity = createMonotonicityChecker()
  /** By index: the state after it. */
  readonly #stateHashes: (number | undefined)[] = []
  /** By member: the last term in which it was seen to lead. */
  readonly #ledTerms = new Map<MemberId, number>()
  /** By member: the last term in which it campaigned because its leader wanted it. */
  readonly #transferTerms = new Map<MemberId, number>()
  /** Whether promises are compared with disks at all. */
  readonly #trustsDisks: boolean
  /** A log was torn: disks do not hold all that they acknowledged. */
  hasTorn = false
  /** The highest entry that anybody knows to be committed. */
  committedIndex = 0

  constructor(
    counters: RaftCounters,
    disks: ReadonlyMap<MemberId, MemberDisk>,
    options: { readonly trustsDisks: boolean },
  ) {
    this.#counters = counters
    this.#disks = disks
    this.#trustsDisks = options.trustsDisks
  }

  /** A member did something. */
  observe(member: ObservedMember, raft: Raft): void {
    const { name: memberId, incarnation } = member
    const { term, commitIndex, appliedIndex, lastIndex } = raft
    const position = { memberId, incarnation, term, commitIndex, appliedIndex, lastIndex }
    require(this.#monotonicity.observe(position))
    if (raft.role === 'leader') this.#observeLeader(member, raft)
    else if (this.#ledTerms.get(member.id) === term) this.#observeStepDown(member)
    if (commitIndex > this.committedIndex) this.#observeCommit(raft)
  }

  /** A member handed out a batch. */
  handedOut(member: ObservedMember, raft: Raft, ready: Ready): void {
    for (const message of ready.messages) {
      if (!this.#trustsDisks) requireDurable(member, message)
      if (message.type === 'vote' && message.isTransfer) this.#transferTerms.set(member.id, message.term)
    }
    const [first] = ready.entries
    if (first === undefined) return
    let previousTerm = first.index === 1 ? 0 : raft.termAt(first.index - 1)
    for (const entry of ready.entries) {
      const { index, term } = entry
      require(this.#matching.observe({ index, term, hash: hashOf(entry), previousTerm }))
      previousTerm = term
    }
  }

  /** A member applied an entry. */
  applied({ name: memberId }: ObservedMember, entry: Entry, state: MemberState): void {
    const { index } = entry
    if (index > this.committedIndex)
      throw new RaftViolation(`${memberId} applied ${index}, which nobody committed`)
    const stateHash = state.registers.hash
    require(this.#machines.observe({ memberId, index, hash: hashOf(entry), stateHash }))
    this.#stateHashes[index] = stateHash
  }

  /** A member took over a state. */
  installed({ name }: ObservedMember, { index, registers }: MemberState): void {
    const known = this.#stateHashes[index]
    if (known === undefined || known === registers.hash) return
    throw new RaftViolation(`${name} installed another state than was applied at ${index}`)
  }

  /** A member put a change of membership in force. */
  changed({ name }: ObservedMember, expected: Membership, membership: Membership): void {
    if (textOf(expected) === textOf(membership)) return
    throw new RaftViolation(`${name} has members ${textOf(membership)} in place of ${textOf(expected)}`)
  }

  #observeLeader(member: ObservedMember, raft: Raft): void {
    const { term } = raft
    if (this.#ledTerms.get(member.id) === term) return
    this.#ledTerms.set(member.id, term)
    this.#counters.elections++
    if (this.#transferTerms.get(member.id) === term) this.#counters.transfers++
    require(this.#elections.observe({ term, leaderId: member.name }))
    const leader = {
      type: 'elected',
      leaderId: member.name,
      term,
      firstIndex: raft.firstIndex,
      termAt: (index: number) => raft.termAt(index),
    } as const
    require(this.#completeness.observe(leader))
  }

  #observeStepDown({ id }: ObservedMember): void {
    this.#ledTerms.set(id, -1)
    this.#counters.steppedDown++
  }

  #observeCommit(raft: Raft): void {
    for (let index = this.committedIndex + 1; index <= raft.commitIndex; index++) {
      const term = raft.termAt(index)
      if (term === undefined) throw new RaftViolation(`${index} is committed, compacted and new`)
      require(this.#completeness.observe({ type: 'committed', index, term, knownTerm: raft.term }))
      if (!this.hasTorn && !this.#trustsDisks) this.#requireQuorum(raft, index, term)
      this.#counters.commits++
    }
    this.committedIndex = raft.commitIndex
  }

  /** A majority, of each half of the membership, would not forget it. */
  #requireQuorum({ membership }: Raft, index: number, term: number): void {
    for (const voters of [membership.voters, membership.outgoingVoters]) {
      if (voters.length === 0) continue
      let holders = 0
      for (const id of voters) if (this.#disks.get(id)?.holds(index, term) === true) holders++
      if (holders * 2 > voters.length) continue
      throw new RaftViolation(
        `${index}/${term} was committed with ${holders} of ${voters.length} durable copies`,
      )
    }
  }
}

function textOf({ voters, outgoingVoters, learners, nextLearners }: Membership): string {
  return [voters, outgoingVoters, learners, nextLearners].map((ids) => ids.join()).join(' | ')
}

/** Nobody promises what a crash could make untrue. */
function requireDurable({ name, disk }: ObservedMember, message: Message): void {
  const { term, vote } = disk.hardState
  if (message.type === 'voteResponse' && message.isGranted) {
    if (term === message.term && vote === message.to) return
    throw new RaftViolation(`${name} granted a vote in term ${message.term} that is not durable`)
  }
  if (message.type === 'vote' && (term !== message.term || vote !== message.from)) {
    throw new RaftViolation(`${name} asked for votes in term ${message.term} before its own was durable`)
  }
  if (message.type === 'appendResponse' && !message.isRejected) {
    if (disk.lastIndex >= message.index && term === message.term) return
    throw new RaftViolation(
      `${name} acknowledged ${message.index} in term ${message.term}, durable are ${disk.lastIndex} and ${term}`,
    )
  }
}

function require(violation: string | undefined): void {
  if (violation !== undefined) throw new RaftViolation(violation)
}
