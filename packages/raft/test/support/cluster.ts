import { invariant } from '@orrery/environment'
import type { MemberId, Membership, Message, RaftOptions } from '@orrery/raft'
import { createMembership, decodeMessages, emptyMembership, encodeMessages } from '@orrery/raft'
import { Checker } from './checker.ts'
import type { Disk, Sent } from './member.ts'
import { emptyDisk, TestMember } from './member.ts'

/** Decides about a message on its way. */
export type MessageFilter = (message: Message) => boolean

export interface ClusterOptions {
  readonly voters: readonly number[]
  readonly learners?: readonly number[]
  readonly raft?: RaftOptions
  /** Entries that all members have compacted, and applied. */
  readonly compacted?: number
}

/**
 * Members and a network in which nothing moves by itself. Election timeouts are not random: that of member n
 * is n - 1 ticks longer than the shortest.
 */
export class Cluster {
  readonly members = new Map<MemberId, TestMember>()
  /** What was sent and has not arrived, oldest first. */
  network: Sent[] = []
  readonly #raft: RaftOptions
  readonly #disks = new Map<MemberId, Disk>()
  readonly #checker: Checker

  constructor({ voters, learners = [], raft = {}, compacted = 0 }: ClusterOptions) {
    this.#raft = raft
    this.#checker = new Checker(this.#disks, compacted)
    const membership = createMembership({ voters: voters.map(BigInt), learners: learners.map(BigInt) })
    for (const id of [...voters, ...learners]) this.start(id, compactedDisk(membership, compacted))
  }

  /** A member that joins, with nothing. */
  join(id: number, options?: RaftOptions): TestMember {
    return this.start(id, emptyDisk(emptyMembership), options)
  }

  start(id: number, disk: Disk, options = this.#raft): TestMember {
    const memberId = BigInt(id)
    this.#disks.set(memberId, disk)
    const random = (bound: number): number => (id - 1) % bound
    const member = new TestMember({ id: memberId, disk, random, options })
    this.members.set(memberId, member)
    return member
  }

  /** The member loses what is not durable, and starts again. */
  restart(id: number, change: (disk: Disk) => void = () => undefined): TestMember {
    const { disk } = this.member(id)
    change(disk)
    return this.start(id, disk)
  }

  member(id: number | MemberId): TestMember {
    const member = this.members.get(BigInt(id))
    invariant(member !== undefined, `there is a member ${String(id)}`)
    return member
  }

  get leader(): TestMember | undefined {
    const leaders = [...this.members.values()].filter(({ raft }) => raft.role === 'leader')
    return leaders.sort((a, b) => b.raft.term - a.raft.term)[0]
  }

  tick(id: number, ticks = 1): void {
    for (let count = 0; count < ticks; count++) this.member(id).raft.tick()
    this.#checker.observe(this.member(id))
  }

  /** Takes one batch, and puts its messages on the network. */
  handOut(id: number | MemberId): ReturnType<TestMember['handOut']> {
    const member = this.member(id)
    const ready = member.handOut()
    if (ready !== undefined) this.#checker.handedOut(member, ready)
    this.network.push(...member.sent.splice(0))
    this.#checker.observe(member)
    return ready
  }

  persist(id: number | MemberId, count?: number): void {
    this.member(id).persist(count)
    this.#checker.observe(this.member(id))
  }

  apply(id: number | MemberId, count?: number): void {
    this.member(id).apply(count)
    this.#checker.observe(this.member(id))
  }

  /** Messages that `filter` lets pass arrive, in order; returned are those that did. */
  deliver(filter: MessageFilter = () => true): Message[] {
    const passing = this.#take(filter)
    for (const sent of passing) this.arrive(sent)
    return passing.map(({ message }) => message)
  }

  /** Messages that `filter` matches are lost. */
  drop(filter: MessageFilter = () => true): Message[] {
    return this.#take(filter).map(({ message }) => message)
  }

  /** `filter` may count: it is asked once for each message. */
  #take(filter: MessageFilter): Sent[] {
    const taken: Sent[] = []
    const left: Sent[] = []
    for (const sent of this.network) (filter(sent.message) ? taken : left).push(sent)
    this.network = left
    return taken
  }

  arrive({ message, state }: Sent): void {
    const member = this.members.get(message.to)
    if (member === undefined) return
    const [decoded] = decodeMessages(encodeMessages([message]))
    invariant(decoded !== undefined, 'a message passes over the wire')
    member.deliver({ message: decoded, state })
    this.#checker.observe(member)
    if (state !== undefined) this.members.get(message.from)?.raft.reportSnapshot(message.to, 'sent')
  }

  /** Until nobody has anything to do: everything is written, applied, sent, and arrives unless it is lost. */
  settle(isLost: MessageFilter = () => false): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false
      for (const { id, writes, toApply } of this.members.values()) {
        for (;;) {
          const ready = this.handOut(id)
          if (ready === undefined && writes.length + toApply.length === 0) break
          isBusy = true
          this.persist(id)
          this.apply(id)
        }
      }
      this.drop(isLost)
      if (this.deliver().length > 0) isBusy = true
    }
  }

  /** Makes a member the leader. */
  elect(id: number): TestMember {
    this.member(id).raft.campaign()
    this.settle()
    const member = this.member(id)
    invariant(member.raft.role === 'leader', `${String(id)} is elected`)
    return member
  }
}

function compactedDisk(membership: Membership, index: number): Disk {
  const disk = emptyDisk(membership)
  if (index === 0) return disk
  const history = Array.from({ length: index }, () => 'founded')
  return {
    ...disk,
    hardState: { term: 1, vote: 0n, commitIndex: index, isOnProbation: false },
    previousIndex: index,
    previousTerm: 1,
    state: { index, term: 1, membership, history },
  }
}

/** Messages between these members, in both directions, and no others. */
export function between(a: number, b: number): MessageFilter {
  return ({ from, to }) =>
    (from === BigInt(a) && to === BigInt(b)) || (from === BigInt(b) && to === BigInt(a))
}

/** Messages from and to a member. */
export function around(id: number): MessageFilter {
  return ({ from, to }) => from === BigInt(id) || to === BigInt(id)
}
