import type { MemberId, MembershipChange } from '@orrery/raft'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { NodeError } from './errors.ts'
import type { Member, MemberAttributes } from './member-table.ts'
import type { MemberChange } from './membership-rules.ts'

// What entries say of members: membership entries who is counted, and entries of the kind `member` the rest.

/** The membership entry that carries out a change. */
export function toMembershipChange(change: Exclude<MemberChange, { type: 'move' }>): MembershipChange {
  const isLearner = change.type === 'add' && change.isLearner
  const type = change.type === 'remove' ? 'remove' : isLearner ? 'addLearner' : 'addVoter'
  const addresses = change.type === 'add' ? change.peerAddresses : []
  return { steps: [{ type, member: change.id }], transition: 'auto', context: encodeAddresses(addresses) }
}

/** Which change a membership entry carries out; undefined: one that names no member, or several. */
export function fromMembershipChange(
  { steps, context }: MembershipChange,
  isMember: boolean,
): MemberChange | undefined {
  const [step, second] = steps
  if (step === undefined || second !== undefined) return undefined
  if (step.type === 'remove') return { type: 'remove', id: step.member }
  if (step.type === 'addVoter' && isMember) return { type: 'promote', id: step.member }
  const peerAddresses = decodeAddresses(context)
  return { type: 'add', id: step.member, peerAddresses, isLearner: step.type === 'addLearner' }
}

/** What a member tells of itself, or where it moved. */
export interface MemberUpdate {
  readonly id: MemberId
  readonly change: Partial<MemberAttributes & Pick<Member, 'peerAddresses'>>
}

const updateKinds = { attributes: 0, addresses: 1 } as const

export function encodeUpdate({ id, change }: MemberUpdate): Uint8Array {
  const writer = new ByteWriter().id(id)
  if (change.peerAddresses !== undefined) {
    return writer.byte(updateKinds.addresses).texts(change.peerAddresses).finish()
  }
  writer
    .byte(updateKinds.attributes)
    .text(change.name ?? '')
    .id(change.directoryId ?? 0n)
  return writer.texts(change.clientUrls ?? []).finish()
}

/** @throws NodeError `NODE_DAMAGED` */
export function decodeUpdate(bytes: Uint8Array): MemberUpdate {
  const reader = new ByteReader(bytes)
  const update = readUpdate(reader)
  reader.end()
  return update
}

function readUpdate(reader: ByteReader): MemberUpdate {
  const id = reader.id()
  const kind = reader.byte()
  if (kind === updateKinds.addresses) return { id, change: { peerAddresses: reader.texts() } }
  if (kind !== updateKinds.attributes)
    throw new NodeError('NODE_DAMAGED', `an update of the unknown kind ${kind}`)
  const name = reader.text()
  const directoryId = reader.id()
  return { id, change: { name, directoryId, clientUrls: reader.texts() } }
}

function encodeAddresses(addresses: readonly string[]): Uint8Array {
  return new ByteWriter().texts(addresses).finish()
}

function decodeAddresses(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return []
  return new ByteReader(bytes).texts()
}
