import type { MemberId, Membership } from '@orrery/raft'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { NodeError } from './errors.ts'
import { readMember, readMembership, writeMember, writeMembership } from './member-codec.ts'

/** What the cluster knows of one of its members. */
export interface Member {
  readonly id: MemberId
  /** Empty until the member has started for the first time. */
  readonly name: string
  /** Where its peers reach it. */
  readonly peerAddresses: readonly string[]
  /** Where its clients reach it; empty until it has started. */
  readonly clientUrls: readonly string[]
  /** Receives the log, and is not counted. */
  readonly isLearner: boolean
  /** The data directory that speaks for it; 0: not known yet. */
  readonly directoryId: bigint
}

/** What a member tells of itself when it starts. */
export type MemberAttributes = Pick<Member, 'name' | 'clientUrls' | 'directoryId'>

/** Of {@link MemberTable.encode}: part of the format of the data directory, and of snapshots. */
const formatVersion = 1

type Stored = Omit<Member, 'isLearner'>

/**
 * Who is in the cluster, as of the last entry that was applied: which of them are counted, where they are, and
 * who was removed and may never come back.
 */
export class MemberTable {
  #membership: Membership
  readonly #members = new Map<MemberId, Stored>()
  readonly #removed = new Set<MemberId>()

  constructor(membership: Membership) {
    this.#membership = membership
  }

  get membership(): Membership {
    return this.#membership
  }

  /** In order of id. */
  list(): Member[] {
    return this.#sorted().map((member) => this.#describe(member))
  }

  get(id: MemberId): Member | undefined {
    const member = this.#members.get(id)
    return member === undefined ? undefined : this.#describe(member)
  }

  wasRemoved(id: MemberId): boolean {
    return this.#removed.has(id)
  }

  /** Adds a member that a membership entry names. */
  add(id: MemberId, peerAddresses: readonly string[]): void {
    const { name = '', clientUrls = [], directoryId = 0n } = this.#members.get(id) ?? {}
    this.#members.set(id, { id, name, peerAddresses, clientUrls, directoryId })
  }

  /** Changes what is known of a member. Does nothing when it is gone. */
  update(id: MemberId, change: Partial<Pick<Member, 'peerAddresses'> & MemberAttributes>): void {
    const member = this.#members.get(id)
    if (member !== undefined) this.#members.set(id, { ...member, ...change })
  }

  /** Puts a membership in force. Members that it no longer names are removed for ever. */
  setMembership(membership: Membership): void {
    this.#membership = membership
    const { voters, outgoingVoters, learners, nextLearners } = membership
    const present = new Set([...voters, ...outgoingVoters, ...learners, ...nextLearners])
    for (const id of this.#members.keys()) {
      if (present.has(id)) continue
      this.#members.delete(id)
      this.#removed.add(id)
    }
  }

  encode(): Uint8Array {
    const writer = new ByteWriter().byte(formatVersion)
    writeMembership(writer, this.#membership)
    writer.list(this.#sorted(), (member) => writeMember(writer, member))
    const removed = [...this.#removed].sort((a, b) => (a < b ? -1 : 1))
    return writer.list(removed, (id) => writer.id(id)).finish()
  }

  /** @throws NodeError `NODE_DAMAGED` */
  static decode(bytes: Uint8Array): MemberTable {
    const reader = new ByteReader(bytes)
    const version = reader.byte()
    if (version !== formatVersion)
      throw new NodeError('NODE_DAMAGED', `members in the unknown format ${version}`)
    const table = new MemberTable(readMembership(reader))
    for (const member of reader.list(() => readMember(reader))) table.#members.set(member.id, member)
    for (const id of reader.list(() => reader.id())) table.#removed.add(id)
    reader.end()
    return table
  }

  #sorted(): Stored[] {
    return [...this.#members.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  #describe(member: Stored): Member {
    const { learners, nextLearners } = this.#membership
    return { ...member, isLearner: learners.includes(member.id) || nextLearners.includes(member.id) }
  }
}
