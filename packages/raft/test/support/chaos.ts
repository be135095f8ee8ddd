import type { Random } from '@orrery/environment'
import { invariant } from '@orrery/environment'
import type { MemberId, MembershipChange, MembershipStep, RaftOptions } from '@orrery/raft'
import {
  createMembership,
  decodeMessages,
  emptyMembership,
  encodeMembershipChange,
  encodeMessages,
  membersOf,
} from '@orrery/raft'
import { Checker } from './checker.ts'
import type { Disk, Sent } from './member.ts'
import { command, emptyDisk, TestMember } from './member.ts'

/** What a run draws from. */
export interface ChaosOptions {
  readonly random: Random
  readonly raft: RaftOptions
  readonly founders: number
  /** Members are added, promoted, demoted and removed, by one step or several. */
  readonly changesMembership: boolean
  /** Leaders are challenged all the time, and much of what they say gets lost: nobody leads for long. */
  readonly isRestless: boolean
  /** Crashes lose entries that were durable. A restarted member then gets no message that was sent to it before. */
  readonly tearsLogs: boolean
}

interface AskedRead {
  readonly context: number
  readonly committedIndex: number
}

const idMax = 7n

/** A cluster to which everything happens in any order, and that is checked after every step. */
export class Chaos {
  readonly members = new Map<MemberId, TestMember>()
  readonly #options: ChaosOptions
  readonly #random: Random
  readonly #checker: Checker
  readonly #disks = new Map<MemberId, Disk>()
  #network: Sent[] = []
  readonly #asked = new Map<MemberId, AskedRead[]>()
  /** Never used again. */
  readonly #removed = new Set<MemberId>()
  #cut: ReadonlySet<MemberId> = new Set()
  readonly #events: readonly (readonly [number, (member: TestMember) => void])[]
  readonly #lossPercent: number
  #contexts = 0
  #commands = 0

  constructor(options: ChaosOptions) {
    this.#options = options
    this.#random = options.random
    this.#checker = new Checker(options.tearsLogs ? undefined : this.#disks)
    this.#events = this.#drawEvents()
    this.#lossPercent = options.isRestless ? 15 : this.#pick([0, 2, 10])
    const ids = Array.from({ length: options.founders }, (_, at) => BigInt(at + 1))
    for (const id of ids) this.#found(id, emptyDisk(createMembership({ voters: ids })))
  }

  get committedIndex(): number {
    return this.#checker.committedIndex
  }

  /** One random event. */
  step(): void {
    const member = this.#pick([...this.members.values()])
    const total = this.#events.reduce((sum, [weight]) => sum + weight, 0)
    let dice = this.#random.below(total)
    for (const [weight, event] of this.#events) {
      dice -= weight
      if (dice >= 0) continue
      event(member)
      break
    }
    this.#observe(this.members.get(member.id) ?? member)
  }

  /** What may happen, by how often. Each run leaves out some faults, so that others get further. */
  #drawEvents(): (readonly [number, (member: TestMember) => void])[] {
    const fault = (weight: number): number => weight * this.#pick([0, 1, 1, 5])
    const anybody = (): MemberId => this.#pick([...this.members.keys()])
    return [
      [500, () => this.#deliverRandom()],
      [200, (member) => this.#handOut(member)],
      [100, (member) => member.persist(1 + this.#random.below(3))],
      [80, (member) => member.apply(1 + this.#random.below(5))],
      [40, ({ raft }) => raft.tick()],
      [30, (member) => this.#propose(member)],
      [20, (member) => this.#read(member)],
      [5, () => this.#changeMembership()],
      [fault(5), (member) => member.checkpoint(this.#random.below(member.state.index + 1))],
      [fault(3), (member) => this.#crash(member)],
      [fault(2), ({ raft }) => raft.transferLeadership(anybody())],
      [fault(2), ({ raft }) => raft.reportUnreachable(anybody())],
      [fault(1), ({ raft }) => raft.forgetLeader()],
      [this.#options.isRestless ? 10 : fault(4), ({ raft }) => raft.campaign()],
      [fault(2), () => this.#partition()],
      [3, () => (this.#cut = new Set())],
    ]
  }

  /** Faults end; all that is said arrives. Returns the ticks until all members have applied all the same. */
  heal(maxTicks: number): number {
    this.#cut = new Set()
    for (let ticks = 0; ticks < maxTicks; ticks++) {
      for (const member of this.members.values()) member.raft.tick()
      this.#settle()
      if (this.#isConverged()) return ticks
    }
    throw new Error(`no convergence: ${this.describe()}`)
  }

  describe(): string {
    return [...this.members.values()]
      .map(({ raft }) => {
        const { id, role, term, commitIndex, appliedIndex, lastIndex, isOnProbation } = raft.status()
        const phase = isOnProbation ? ' probation' : ''
        return `${String(id)} ${role}${phase} t${String(term)} ${String(appliedIndex)}/${String(commitIndex)}/${String(lastIndex)}`
      })
      .join(', ')
  }

  #settle(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false
      for (const member of this.members.values()) {
        while (this.#handOut(member)) {
          isBusy = true
          member.persist()
          this.#observe(member)
          member.apply()
          this.#observe(member)
        }
        if (member.writes.length + member.toApply.length > 0) {
          isBusy = true
          member.persist()
          member.apply()
        }
      }
      for (const sent of this.#network.splice(0)) {
        isBusy = true
        this.#deliver(sent)
      }
    }
  }

  #isConverged(): boolean {
    const leader = [...this.members.values()].find(({ raft }) => raft.role === 'leader')
    if (leader === undefined) return false
    const { outgoingVoters } = leader.raft.membership
    if (outgoingVoters.length > 0 && leader.raft.membership.leavesAutomatically) return false
    if (leader.state.index !== leader.raft.lastIndex) return false
    return membersOf(leader.raft.membership).every((id) => {
      const member = this.members.get(id)
      const status = member?.raft.status()
      if (status?.isOnProbation === true && leader.id !== id && membersOf(leader.raft.membership).length > 1)
        return false
      return member?.state.history.join() === leader.state.history.join()
    })
  }

  #found(id: MemberId, disk: Disk): TestMember {
    this.#disks.set(id, disk)
    const { random, raft } = this.#options
    const member = new TestMember({ id, disk, random: (bound) => random.below(bound), options: raft })
    this.members.set(id, member)
    return member
  }

  #handOut(member: TestMember): boolean {
    const ready = member.handOut()
    if (ready === undefined) return false
    this.#checker.handedOut(member, ready)
    for (const sent of member.sent.splice(0)) this.#network.push(sent)
    return true
  }

  #deliverRandom(): void {
    if (this.#network.length === 0) return
    // Mostly in order: a network that shuffles everything gets nothing done.
    const at = this.#random.below(4) === 0 ? this.#random.below(this.#network.length) : 0
    const sent = this.#network[at]
    invariant(sent !== undefined, 'a message is drawn')
    const dice = this.#random.below(100)
    if (dice >= this.#lossPercent) this.#network.splice(at, 1)
    // Lost, with or without notice; as many are delivered twice.
    if (dice >= 100 - this.#lossPercent) this.#lose(sent)
    else this.#deliver(sent)
  }

  #deliver(sent: Sent): void {
    const { from, to } = sent.message
    if (this.#cut.has(from) !== this.#cut.has(to)) {
      this.#lose(sent)
      return
    }
    const target = this.members.get(to)
    if (target === undefined) return
    // All that is said passes over the wire.
    const [message] = decodeMessages(encodeMessages([sent.message]))
    invariant(message !== undefined, 'a message is decoded')
    target.deliver({ ...sent, message })
    this.#observe(target)
    if (sent.state !== undefined) this.members.get(from)?.raft.reportSnapshot(to, 'sent')
  }

  #lose({ message, state }: Sent): void {
    const sender = this.members.get(message.from)?.raft
    if (state !== undefined) sender?.reportSnapshot(message.to, 'failed')
    else if (this.#random.below(2) === 0) sender?.reportUnreachable(message.to)
  }

  #observe(member: TestMember): void {
    this.#checker.observe(member)
    const asked = this.#asked.get(member.id) ?? []
    for (const { context, index } of member.reads.splice(0)) {
      const read = asked.find((one) => one.context === context)
      invariant(read !== undefined, 'a read that was asked for is answered, once')
      asked.splice(asked.indexOf(read), 1)
      invariant(
        index >= read.committedIndex,
        `stale read: ${String(index)} of ${String(read.committedIndex)}`,
      )
    }
    for (const context of member.droppedReads.splice(0)) {
      const at = asked.findIndex((one) => one.context === context)
      invariant(at >= 0, 'a read that was asked for is dropped, once')
      asked.splice(at, 1)
    }
  }

  #propose({ raft }: TestMember): void {
    const count = 1 + this.#random.below(3)
    raft.propose(Array.from({ length: count }, () => command(`c${String(++this.#commands)}`)))
  }

  #read({ id, raft }: TestMember): void {
    const context = ++this.#contexts
    const read = { context, committedIndex: this.#checker.committedIndex }
    if (!raft.readIndex(context).ok) return
    const asked = this.#asked.get(id) ?? []
    this.#asked.set(id, asked)
    asked.push(read)
  }

  #crash(member: TestMember): void {
    member.loseUnwritten(this.#random.below(member.writes.length + 1))
    this.#asked.delete(member.id)
    for (const other of this.members.values()) {
      // Who streams a state to it notices.
      if (this.#network.some((sent) => sent.state !== undefined && sent.message.to === member.id)) {
        other.raft.reportSnapshot(member.id, 'failed')
      }
    }
    if (this.#options.tearsLogs) {
      this.#network = this.#network.filter(({ message }) => message.to !== member.id)
      if (this.#mayTear(member)) this.#tear(member.disk)
    }
    const disk = this.#disks.get(member.id)
    invariant(disk !== undefined, 'a member has a disk')
    this.#found(member.id, disk)
  }

  /** As long as a majority remembers all it said, somebody can lead. */
  #mayTear({ id }: TestMember): boolean {
    const torn = [...this.members.values()].filter(
      (member) => member.id === id || member.disk.hardState.isOnProbation,
    ).length
    return torn * 2 < this.members.size && this.#random.below(2) === 0
  }

  #tear(disk: Disk): void {
    const kept = Math.max(disk.state.index - disk.previousIndex, 0)
    const lost = Math.min(this.#random.below(4), disk.entries.length - kept)
    disk.entries.length -= lost
    disk.hardState = { ...disk.hardState, isOnProbation: true }
  }

  #partition(): void {
    const ids = [...this.members.keys()]
    this.#cut = new Set(ids.filter(() => this.#random.below(3) === 0))
  }

  #changeMembership(): void {
    if (!this.#options.changesMembership) return
    const leader = [...this.members.values()].find(({ raft }) => raft.role === 'leader')
    if (leader === undefined) return
    const change = this.#drawChange(leader)
    leader.raft.propose([{ type: 'membership', payload: encodeMembershipChange(change) }])
    for (const { member } of change.steps) {
      if (!this.members.has(member)) this.#found(member, emptyDisk(emptyMembership))
    }
  }

  #drawChange({ raft }: TestMember): MembershipChange {
    const context = new Uint8Array()
    if (raft.membership.outgoingVoters.length > 0 && this.#random.below(2) === 0) {
      return { steps: [], transition: 'auto', context }
    }
    const steps: MembershipStep[] = []
    for (let count = 1 + this.#random.below(3); count > 0; count--) {
      const member = BigInt(1 + this.#random.below(Number(idMax)))
      const type = this.#pick(['addVoter', 'addVoter', 'addLearner', 'remove'] as const)
      if (type !== 'remove' && this.#removed.has(member)) continue
      if (type === 'remove') this.#removed.add(member)
      if (steps.every((step) => step.member !== member)) steps.push({ type, member })
    }
    return { steps, transition: this.#pick(['auto', 'auto', 'joint', 'jointUntilLeft'] as const), context }
  }

  #pick<Item>(items: readonly Item[]): Item {
    const item = items[this.#random.below(items.length)]
    invariant(item !== undefined, 'there is something to pick')
    return item
  }
}
