import { decodeMembership, encodeMembership, type Membership } from '@orrery/raft'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import { NodeError } from './errors.ts'
import type { Member } from './member-table.ts'

// What the log, the state and the answers to other members say of members, in one form.

export function writeMembership(writer: ByteWriter, membership: Membership): ByteWriter {
  return writer.bytes(encodeMembership(membership))
}

/** @throws NodeError `NODE_DAMAGED` */
export function readMembership(reader: ByteReader): Membership {
  const bytes = reader.bytes()
  try {
    return decodeMembership(bytes)
  } catch (error) {
    throw new NodeError('NODE_DAMAGED', 'a membership has no meaning', { cause: error })
  }
}

/** All but whether it is a learner: the membership tells. */
export function writeMember(writer: ByteWriter, member: Omit<Member, 'isLearner'>): ByteWriter {
  const { id, name, directoryId, peerAddresses, clientUrls } = member
  return writer.id(id).text(name).id(directoryId).texts(peerAddresses).texts(clientUrls)
}

/** @throws NodeError `NODE_DAMAGED` */
export function readMember(reader: ByteReader): Omit<Member, 'isLearner'> {
  return {
    id: reader.id(),
    name: reader.text(),
    directoryId: reader.id(),
    peerAddresses: reader.texts(),
    clientUrls: reader.texts(),
  }
}
