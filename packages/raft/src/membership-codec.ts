import { invariant } from '@orrery/environment'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { MemberId } from './entry.ts'
import type { Membership, MembershipChange, MembershipStep } from './membership.ts'
import { membershipFlaw } from './membership.ts'

/** Bounds each list of a membership, and the steps of a change. */
export const membersMax = 1_024

const stepTypes = ['addVoter', 'addLearner', 'remove'] as const satisfies MembershipStep['type'][]
const transitions = ['auto', 'joint', 'jointUntilLeft'] as const satisfies MembershipChange['transition'][]

/** Turns a membership change into the payload of a `membership` entry. */
export function encodeMembershipChange({ steps, transition, context }: MembershipChange): Uint8Array {
  invariant(steps.length <= membersMax, 'a change has at most membersMax steps')
  const writer = new ByteWriter(16 + steps.length * 9 + context.length)
  writer.byte(transitions.indexOf(transition))
  writer.varint(steps.length)
  for (const { type, member } of steps) {
    writer.byte(stepTypes.indexOf(type))
    writer.id(member)
  }
  writer.payload(context)
  return writer.finish()
}

/**
 * Reads the payload of a `membership` entry. `context` is a view of it.
 *
 * @throws RaftError `RAFT_MEMBERSHIP_MALFORMED`
 */
export function decodeMembershipChange(bytes: Uint8Array): MembershipChange {
  const reader = new ByteReader(bytes, 'RAFT_MEMBERSHIP_MALFORMED')
  const transition = transitions[reader.byte()]
  if (transition === undefined) throw reader.malformed('an unknown transition')
  const count = reader.count(9)
  if (count > membersMax) throw reader.malformed('too many steps')
  const steps: MembershipStep[] = []
  for (let i = 0; i < count; i++) {
    const type = stepTypes[reader.byte()]
    if (type === undefined) throw reader.malformed('an unknown step')
    steps.push({ type, member: reader.id() })
  }
  const context = reader.payload()
  reader.finish()
  return { steps, transition, context }
}

/** Turns a membership into bytes, for a host that keeps it beside a snapshot. */
export function encodeMembership(membership: Membership): Uint8Array {
  const writer = new ByteWriter(membershipMaxBytes(membership))
  writeMembership(writer, membership)
  return writer.finish()
}

/**
 * Reads what {@link encodeMembership} wrote.
 *
 * @throws RaftError `RAFT_MEMBERSHIP_MALFORMED`
 */
export function decodeMembership(bytes: Uint8Array): Membership {
  const reader = new ByteReader(bytes, 'RAFT_MEMBERSHIP_MALFORMED')
  const membership = readMembership(reader)
  reader.finish()
  return membership
}

/** Bounds what {@link writeMembership} writes. */
export function membershipMaxBytes(membership: Membership): number {
  const { voters, outgoingVoters, learners, nextLearners } = membership
  return 16 + 8 * (voters.length + outgoingVoters.length + learners.length + nextLearners.length)
}

/** Writes a membership as a part of something larger. */
export function writeMembership(writer: ByteWriter, membership: Membership): void {
  invariant(membershipFlaw(membership) === undefined, 'a membership is sound')
  writeIds(writer, membership.voters)
  writeIds(writer, membership.outgoingVoters)
  writeIds(writer, membership.learners)
  writeIds(writer, membership.nextLearners)
  writer.byte(membership.leavesAutomatically ? 1 : 0)
}

/** Reads a membership as a part of something larger. */
export function readMembership(reader: ByteReader): Membership {
  const membership: Membership = {
    voters: readIds(reader),
    outgoingVoters: readIds(reader),
    learners: readIds(reader),
    nextLearners: readIds(reader),
    leavesAutomatically: reader.boolean(),
  }
  const flaw = membershipFlaw(membership)
  if (flaw !== undefined) throw reader.malformed(flaw)
  return membership
}

function writeIds(writer: ByteWriter, ids: readonly MemberId[]): void {
  invariant(ids.length <= membersMax, 'a list has at most membersMax members')
  writer.varint(ids.length)
  for (const id of ids) writer.id(id)
}

function readIds(reader: ByteReader): MemberId[] {
  const count = reader.count(8)
  if (count > membersMax) throw reader.malformed('too many members')
  const ids: MemberId[] = []
  for (let i = 0; i < count; i++) ids.push(reader.id())
  return ids
}
