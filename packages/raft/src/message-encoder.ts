import { invariant } from '@orrery/environment'
import { ByteWriter } from './byte-writer.ts'
import type { Snapshot } from './entry.ts'
import { membershipMaxBytes, writeMembership } from './membership-codec.ts'
import type { Append, AppendResponse, Message, Proposal } from './message.ts'
import { entryTypes, messageTypes, wireVersion } from './wire.ts'

/** Bounds type, envelope and all numbers of a message. */
const messageOverheadBytes = 80
/** Bounds what an entry or a proposal takes beside its payload. */
const payloadOverheadBytes = 24

/**
 * Turns messages into one buffer of which the result is a view. Payloads are copied once.
 *
 * ```text
 * batch    = version:1  count  message*
 * message  = type:1  from:8  to:8  term  fields      numbers are varints, ids 64 bits, little endian
 * append   = previousIndex  previousTerm  commitIndex  lastIndex  count  entry*
 * entry    = term - term before it  type:1  length  payload      its index follows from its place
 * ```
 */
export function encodeMessages(messages: readonly Message[]): Uint8Array {
  let maxBytes = 16
  for (const message of messages) maxBytes += messageMaxBytes(message)
  const writer = new ByteWriter(maxBytes)
  writer.byte(wireVersion)
  writer.varint(messages.length)
  for (const message of messages) {
    writer.byte(messageTypes.indexOf(message.type))
    writer.id(message.from)
    writer.id(message.to)
    writer.varint(message.term)
    writeFields(writer, message)
  }
  return writer.finish()
}

function messageMaxBytes(message: Message): number {
  switch (message.type) {
    case 'append':
      return messageOverheadBytes + payloadsMaxBytes(message.entries)
    case 'propose':
      return messageOverheadBytes + payloadsMaxBytes(message.proposals)
    case 'snapshot':
      return messageOverheadBytes + membershipMaxBytes(message.snapshot.membership)
    default:
      return messageOverheadBytes
  }
}

function payloadsMaxBytes(items: readonly { readonly payload: Uint8Array }[]): number {
  let bytes = items.length * payloadOverheadBytes
  for (const { payload } of items) bytes += payload.length
  return bytes
}

function writeFields(writer: ByteWriter, message: Message): void {
  switch (message.type) {
    case 'preVote':
    case 'vote':
      writer.varint(message.lastIndex)
      writer.varint(message.lastTerm)
      if (message.type === 'vote') writeBoolean(writer, message.isTransfer)
      return
    case 'preVoteResponse':
    case 'voteResponse':
      writeBoolean(writer, message.isGranted)
      writeBoolean(writer, message.isOnProbation)
      return
    case 'append':
      writeAppend(writer, message)
      return
    case 'appendResponse':
      writeAppendResponse(writer, message)
      return
    case 'heartbeat':
      writer.varint(message.commitIndex)
      writer.varint(message.round)
      return
    case 'heartbeatResponse':
      writer.varint(message.round)
      return
    case 'snapshot':
      writeSnapshot(writer, message.snapshot)
      return
    case 'timeoutNow':
      return
    case 'transferLeadership':
      writer.id(message.target)
      return
    case 'propose':
      writeProposals(writer, message.proposals)
      return
    case 'readIndex':
      writer.varint(message.context)
      return
    case 'readIndexResponse':
      writer.varint(message.context)
      writer.varint(message.index)
  }
}

function writeAppend(writer: ByteWriter, message: Append): void {
  const { previousIndex, previousTerm, commitIndex, lastIndex, entries } = message
  writer.varint(previousIndex)
  writer.varint(previousTerm)
  writer.varint(commitIndex)
  writer.varint(lastIndex)
  writer.varint(entries.length)
  let index = previousIndex
  let term = previousTerm
  for (const entry of entries) {
    index++
    invariant(entry.index === index && entry.term >= term, 'entries follow each other')
    writer.varint(entry.term - term)
    writer.byte(entryTypes.indexOf(entry.type))
    writer.payload(entry.payload)
    term = entry.term
  }
}

function writeAppendResponse(writer: ByteWriter, message: AppendResponse): void {
  writer.varint(message.index)
  writeBoolean(writer, message.isRejected)
  if (!message.isRejected) return
  writer.varint(message.hintIndex)
  writer.varint(message.hintTerm)
  writeBoolean(writer, message.isLogReset)
}

function writeSnapshot(writer: ByteWriter, { index, term, membership }: Snapshot): void {
  writer.varint(index)
  writer.varint(term)
  writeMembership(writer, membership)
}

function writeProposals(writer: ByteWriter, proposals: readonly Proposal[]): void {
  writer.varint(proposals.length)
  for (const { type, payload } of proposals) {
    writer.byte(entryTypes.indexOf(type))
    writer.payload(payload)
  }
}

function writeBoolean(writer: ByteWriter, value: boolean): void {
  writer.byte(value ? 1 : 0)
}
