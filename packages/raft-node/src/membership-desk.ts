import type { Environment } from '@orrery/environment'
import {
  decodeMembershipChange,
  encodeMembershipChange,
  type Entry,
  type MemberId,
  type MembershipChange,
  type Proposal,
  type Raft,
} from '@orrery/raft'
import { type ClusterMembers, type NodeRequest, toNodeError } from './administration.ts'
import { Acquaintances } from './acquaintances.ts'
import { Changes } from './changes.ts'
import { NodeError } from './errors.ts'
import type { Committed } from './host.ts'
import { LeadershipTransfers } from './leadership-transfers.ts'
import {
  decodeUpdate,
  encodeUpdate,
  fromMembershipChange,
  type MemberUpdate,
  toMembershipChange,
} from './member-entries.ts'
import type { Member, MemberTable } from './member-table.ts'
import { type MemberChange, requireConsistent, requireSafe } from './membership-rules.ts'
import type { NodeOptions } from './options.ts'
import type { Peer, PeerIdentity, Transport } from './ports.ts'
import { contentOf, memberPayload } from './proposal.ts'
import type { WaitOptions } from './raft-node.ts'
import { identityReasons, removedReason } from './removal-watch.ts'
import { withSignal } from './with-signal.ts'

export interface MembershipParts {
  readonly environment: Environment
  readonly identity: PeerIdentity
  readonly raft: Raft
  readonly transport: Transport
  readonly table: MemberTable
  /** Where a member that joins reaches the others, until the log tells. */
  readonly contacts: readonly Pick<Member, 'id' | 'peerAddresses'>[]
  readonly options: Required<NodeOptions>
  /** The core was told something. */
  readonly onChange: () => void
  /** Resolves when everything that was committed before is applied here. */
  readonly barrier: () => Promise<void>
}

/** Who is in the cluster: what the log says of it, who may talk to this member, and changes that the leader makes. */
export class MembershipDesk {
  readonly #parts: MembershipParts
  readonly #changes = new Changes()
  readonly #transfers = new LeadershipTransfers()
  readonly #acquaintances: Acquaintances
  #table: MemberTable

  constructor(parts: MembershipParts) {
    this.#parts = parts
    this.#table = parts.table
    this.#acquaintances = new Acquaintances({
      clock: parts.environment.clock,
      transport: parts.transport,
      clusterId: parts.identity.clusterId,
      timeoutMs: parts.options.requestTimeoutMs,
      onChange: () => this.connect(),
    })
  }

  get table(): MemberTable {
    return this.#table
  }

  /** Where the other members are. */
  get peers(): Peer[] {
    const members = this.#table.list()
    // A member that has just joined knows nobody but those it was told of, until the leader's snapshot comes.
    const known = members.length === 0 ? this.#parts.contacts : members
    return [...known, ...this.#acquaintances.beyond(this.#table)]
      .filter(({ id }) => id !== this.#parts.identity.memberId)
      .map(({ id, peerAddresses }) => ({ id, addresses: peerAddresses }))
  }

  /** Tells the transport whom to reach. */
  connect(): void {
    this.#parts.transport.setPeers(this.peers)
  }

  /** A membership entry is applied. */
  takeMembership(entry: Entry): Committed<never> {
    const change = decodeMembershipChange(entry.payload)
    const wish = this.#wishOf(change)
    const refusal = wish === undefined ? undefined : this.#refusalOfChange(wish)
    const membership = this.#parts.raft.applyMembership(refusal === undefined ? change : undefined)
    if (refusal === undefined) {
      if (wish?.type === 'add') this.#table.add(wish.id, wish.peerAddresses)
      this.#table.setMembership(membership)
    }
    return this.#taken(entry, refusal)
  }

  /** An entry that tells of a member is applied. */
  takeUpdate(entry: Entry): Committed<never> {
    const { id, change } = decodeUpdate(contentOf(entry.payload))
    this.#table.update(id, change)
    return this.#taken(entry)
  }

  /** An entry of another kind took the place that a change may have waited for. */
  settle(entry: Entry): void {
    this.#changes.settle(entry)
  }

  /** The state was replaced by a snapshot. */
  installed(table: MemberTable): void {
    this.#table = table
    this.#changes.rejectAll(new NodeError('NODE_OUTCOME_UNKNOWN', 'the member caught up by a snapshot'))
  }

  expire(nowMs: number): void {
    this.#changes.expire(nowMs)
    this.#transfers.expire(nowMs)
  }

  /** Somebody leads. */
  led(leaderId: MemberId): void {
    this.#transfers.led(leaderId)
  }

  /** Answers everybody who waits for a change that this leader made. */
  rejectChanges(error: Error): void {
    this.#changes.rejectAll(error)
  }

  /** Answers everybody. */
  close(error: Error): void {
    this.#acquaintances.close()
    this.#changes.rejectAll(error)
    this.#transfers.rejectAll(error)
  }

  /** Why somebody may not talk to this member; undefined: welcome. */
  refusalOf(peer: PeerIdentity): string | undefined {
    const { clusterId } = this.#parts.identity
    // Somebody who wants to join asks who is there, and need not know the cluster.
    const mayBeUnaware = peer.memberId === 0n && peer.clusterId === 0n
    if (peer.clusterId !== clusterId && !mayBeUnaware) return identityReasons.cluster
    if (peer.memberId === 0n) return undefined
    if (this.#table.wasRemoved(peer.memberId)) return removedReason
    const known = this.#table.get(peer.memberId)
    if (known === undefined) return this.#refusalOfStranger(peer)
    if (known.directoryId !== 0n && peer.directoryId !== known.directoryId) return identityReasons.directory
    return undefined
  }

  #refusalOfStranger({ memberId }: PeerIdentity): string | undefined {
    // Before the leader's snapshot has come, it knows nobody.
    if (this.#table.list().length === 0) return undefined
    if (this.#acquaintances.beyond(this.#table).some(({ id }) => id === memberId)) return undefined
    this.#acquaintances.askFor(this.peers)
    return 'not a member'
  }

  /** Carries out a request, as the leader unless it only asks. */
  async carryOut(request: NodeRequest): Promise<ClusterMembers> {
    switch (request.type) {
      case 'members':
        break
      case 'transfer':
        await this.transferLeadership(request.target)
        break
      case 'update':
        await this.#propose(toUpdateEntry(request.update))
        break
      case 'change':
        await this.#change(request.change)
        break
    }
    return { clusterId: this.#parts.identity.clusterId, members: this.#table.list() }
  }

  /** @throws NodeError `NODE_NOT_LEADER`, `NODE_BAD_TRANSFEREE`, `NODE_TRANSFER_TIMED_OUT` */
  async transferLeadership(to: MemberId | 'any', { signal }: WaitOptions = {}): Promise<void> {
    const { raft, identity, options, environment, onChange } = this.#parts
    this.#requireLeading()
    const target = to === 'any' ? this.#successor() : to
    if (target === identity.memberId) return
    const member = this.#table.get(target)
    if (member === undefined || member.isLearner) {
      throw new NodeError('NODE_BAD_TRANSFEREE', 'leadership goes to another voter only')
    }
    const expiresMs = environment.clock.nowMs() + options.electionTimeoutMs * 2
    await withSignal<unknown>(signal, (resolve, reject) => {
      this.#transfers.add({ target, expiresMs, resolve, reject })
      raft.transferLeadership(target)
      onChange()
    })
  }

  async #change(change: MemberChange): Promise<void> {
    const { identity, raft, transport, options, barrier } = this.#parts
    this.#requireLeading()
    // A new leader does not know yet which changes its predecessor has left in the log.
    await barrier()
    this.#requireLeading()
    requireConsistent(change, this.#table, options.learnersMax)
    requireSafe(change, {
      memberId: identity.memberId,
      table: this.#table,
      progress: raft.progress(),
      connectedMs: (member) => transport.connectedMs(member),
      learnersMax: options.learnersMax,
      isStrict: options.strictReconfiguration,
    })
    if (change.type === 'move') {
      await this.#propose(toUpdateEntry({ id: change.id, change: { peerAddresses: change.peerAddresses } }))
    } else {
      await this.#propose({ type: 'membership', payload: encodeMembershipChange(toMembershipChange(change)) })
    }
  }

  async #propose(proposal: Proposal): Promise<void> {
    const { raft, environment, options, onChange } = this.#parts
    this.#requireLeading()
    const result = raft.propose([proposal])
    if (!result.ok)
      throw new NodeError('NODE_NO_LEADER', `the leader takes no proposals now: ${result.reason}`)
    onChange()
    await this.#changes.wait(result, environment.clock.nowMs() + options.requestTimeoutMs)
  }

  #taken(entry: Entry, refusal?: NodeError): Committed<never> {
    this.connect()
    this.#changes.settle(entry, refusal)
    return { type: 'members', index: entry.index, term: entry.term, members: this.#table.encode() }
  }

  /** The voter that has most of the log, among those that answer. */
  #successor(): MemberId {
    const { raft, identity } = this.#parts
    const [first] = raft
      .progress()
      .filter(({ id, isLearner, isActive }) => id !== identity.memberId && !isLearner && isActive)
      .sort((a, b) => b.matchIndex - a.matchIndex)
    if (first === undefined) throw new NodeError('NODE_BAD_TRANSFEREE', 'no other voter answers')
    return first.id
  }

  #requireLeading(): void {
    if (this.#parts.raft.role === 'leader') return
    throw new NodeError('NODE_NOT_LEADER', 'this member does not lead')
  }

  #wishOf(change: MembershipChange): MemberChange | undefined {
    const [step] = change.steps
    return fromMembershipChange(change, step !== undefined && this.#table.get(step.member) !== undefined)
  }

  /** The same on every member: it depends on nothing but the log. */
  #refusalOfChange(wish: MemberChange): NodeError | undefined {
    try {
      requireConsistent(wish, this.#table, Infinity)
      return undefined
    } catch (error) {
      return toNodeError(error)
    }
  }
}

function toUpdateEntry(update: MemberUpdate): Proposal {
  return { type: 'command', payload: memberPayload(encodeUpdate(update)) }
}
