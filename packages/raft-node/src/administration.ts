import type { MemberId } from '@orrery/raft'
import { hasCode } from '@orrery/environment'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { NodeError, nodeErrorCodes } from './errors.ts'
import { readMember, writeMember } from './member-codec.ts'
import type { Member } from './member-table.ts'
import type { MemberUpdate } from './member-entries.ts'
import { decodeUpdate, encodeUpdate } from './member-entries.ts'
import type { MemberChange } from './membership-rules.ts'

// What members, and those who want to become one, ask each other's node.

/** A question to a node. All but `members` are for the leader. */
export type NodeRequest =
  | { readonly type: 'members' }
  | { readonly type: 'change'; readonly change: MemberChange }
  | { readonly type: 'update'; readonly update: MemberUpdate }
  | { readonly type: 'transfer'; readonly target: MemberId }

/** Who is in the cluster, as the one who was asked knows it. */
export interface ClusterMembers {
  readonly clusterId: bigint
  readonly members: readonly Member[]
}

const requestKinds = { members: 0, change: 1, update: 2, transfer: 3 } as const
const changeKinds = { add: 0, addLearner: 1, remove: 2, promote: 3, move: 4 } as const

export function encodeRequest(request: NodeRequest): Uint8Array {
  const writer = new ByteWriter().byte(requestKinds[request.type])
  switch (request.type) {
    case 'members':
      return writer.finish()
    case 'update':
      return writer.bytes(encodeUpdate(request.update)).finish()
    case 'transfer':
      return writer.id(request.target).finish()
    case 'change':
      return writeChange(writer, request.change).finish()
  }
}

/** @throws NodeError `NODE_DAMAGED` */
export function decodeRequest(bytes: Uint8Array): NodeRequest {
  const reader = new ByteReader(bytes)
  const request = readRequest(reader)
  reader.end()
  return request
}

function readRequest(reader: ByteReader): NodeRequest {
  switch (reader.byte()) {
    case requestKinds.members:
      return { type: 'members' }
    case requestKinds.update:
      return { type: 'update', update: decodeUpdate(reader.bytes()) }
    case requestKinds.transfer:
      return { type: 'transfer', target: reader.id() }
    case requestKinds.change:
      return { type: 'change', change: readChange(reader) }
    default:
      throw new NodeError('NODE_DAMAGED', 'an unknown request')
  }
}

function writeChange(writer: ByteWriter, change: MemberChange): ByteWriter {
  const kind = change.type === 'add' && change.isLearner ? 'addLearner' : change.type
  writer.byte(changeKinds[kind]).id(change.id)
  const addresses = change.type === 'add' || change.type === 'move' ? change.peerAddresses : []
  return writer.texts(addresses)
}

function readChange(reader: ByteReader): MemberChange {
  const kind = reader.byte()
  const id = reader.id()
  const peerAddresses = reader.texts()
  switch (kind) {
    case changeKinds.add:
    case changeKinds.addLearner:
      return { type: 'add', id, peerAddresses, isLearner: kind === changeKinds.addLearner }
    case changeKinds.remove:
      return { type: 'remove', id }
    case changeKinds.promote:
      return { type: 'promote', id }
    case changeKinds.move:
      return { type: 'move', id, peerAddresses }
    default:
      throw new NodeError('NODE_DAMAGED', `an unknown change of members: ${kind}`)
  }
}

/** The answer of a node, or why there is none. */
export function encodeAnswer(answer: ClusterMembers | NodeError): Uint8Array {
  if (answer instanceof NodeError)
    return new ByteWriter().byte(1).text(answer.code).text(answer.message).finish()
  const writer = new ByteWriter().byte(0).id(answer.clusterId)
  writer.list(answer.members, (member) => {
    writeMember(writer, member).byte(member.isLearner ? 1 : 0)
  })
  return writer.finish()
}

/** @throws NodeError the one that was answered, or `NODE_DAMAGED` */
export function decodeAnswer(bytes: Uint8Array): ClusterMembers {
  const reader = new ByteReader(bytes)
  if (reader.byte() !== 0) {
    const code = reader.text()
    const message = reader.text().replace(`${code}: `, '')
    throw new NodeError(nodeErrorCodes.find((known) => known === code) ?? 'NODE_FAILED', message)
  }
  const clusterId = reader.id()
  const members = reader.list(() => ({ ...readMember(reader), isLearner: reader.byte() === 1 }))
  reader.end()
  return { clusterId, members }
}

/** What the other side is told of an error. */
export function toNodeError(error: unknown): NodeError {
  if (error instanceof NodeError) return error
  const message = error instanceof Error ? error.message : String(error)
  const code = hasCode(error, 'TRANSPORT_UNREACHABLE', 'TRANSPORT_REFUSED') ? 'NODE_NO_LEADER' : 'NODE_FAILED'
  return new NodeError(code, message, { cause: error })
}

const tags = { node: 0, host: 1 } as const

/** A request between members, and whom there it is for: the node itself, or its host. */
export function tagged(receiver: keyof typeof tags, content: Uint8Array): Uint8Array {
  const request = new Uint8Array(1 + content.length)
  request[0] = tags[receiver]
  request.set(content, 1)
  return request
}

/** Undoes {@link tagged}. The content is a view. */
export function untagged(request: Uint8Array): { receiver: keyof typeof tags; content: Uint8Array } {
  return { receiver: request[0] === tags.host ? 'host' : 'node', content: request.subarray(1) }
}
