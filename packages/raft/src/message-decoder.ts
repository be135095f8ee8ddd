import { ByteReader } from './byte-reader.ts'
import type { Entry, Snapshot } from './entry.ts'
import { readMembership } from './membership-codec.ts'
import type { Append, AppendResponse, Message, Proposal, Vote } from './message.ts'
import {
  entryMinBytes,
  entryTypes,
  messageMinBytes,
  messageTypes,
  proposalMinBytes,
  wireVersion,
} from './wire.ts'

type Envelope = Pick<Message, 'from' | 'to' | 'term'>

/**
 * Reads what `encodeMessages` wrote. Payloads are views of `bytes`, which must not change afterwards; copy a
 * payload that is to outlive the others.
 *
 * The work and the memory that it takes are bounded by the length of `bytes`: limit the frames of the wire.
 *
 * @throws RaftError `RAFT_MESSAGE_MALFORMED` for everything that no member sends
 */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const reader = new ByteReader(bytes, 'RAFT_MESSAGE_MALFORMED')
  if (reader.byte() !== wireVersion) throw reader.malformed('an unknown version')
  const messages: Message[] = []
  for (let count = reader.count(messageMinBytes); count > 0; count--) messages.push(readMessage(reader))
  reader.finish()
  return messages
}

function readMessage(reader: ByteReader): Message {
  const type = messageTypes[reader.byte()]
  if (type === undefined) throw reader.malformed('an unknown type of message')
  const from = reader.id()
  const to = reader.id()
  const term = reader.varint()
  const carriesNoTerm = type === 'readIndex' || type === 'transferLeadership'
  // A member that joins refuses its first pre-vote in term 0; a host may bind what it forwards to a term.
  const mayCarryTerm = type === 'preVoteResponse' || type === 'propose'
  if (!mayCarryTerm && carriesNoTerm !== (term === 0)) {
    throw reader.malformed('a message has the wrong term')
  }
  const envelope: Envelope = { from, to, term }
  switch (type) {
    case 'preVote':
      return { type, from, to, term, ...readLog(reader, term) }
    case 'vote':
      return { type, from, to, term, ...readLog(reader, term), isTransfer: reader.boolean() }
    case 'preVoteResponse':
    case 'voteResponse':
      return { type, from, to, term, isGranted: reader.boolean(), isOnProbation: reader.boolean() }
    case 'append':
      return readAppend(reader, envelope)
    case 'appendResponse':
      return readAppendResponse(reader, envelope)
    case 'heartbeat':
      return { type, from, to, term, commitIndex: reader.varint(), round: reader.varint() }
    case 'heartbeatResponse':
      return { type, from, to, term, round: reader.varint() }
    case 'snapshot':
      return { type, from, to, term, snapshot: readSnapshot(reader, term) }
    case 'timeoutNow':
      return { type, from, to, term }
    case 'transferLeadership':
      return { type, from, to, term, target: reader.id() }
    case 'propose':
      return { type, from, to, term, proposals: readProposals(reader) }
    case 'readIndex':
      return { type, from, to, term, context: reader.varint() }
    case 'readIndexResponse':
      return { type, from, to, term, context: reader.varint(), index: reader.varint() }
  }
}

function readLog(reader: ByteReader, term: number): Pick<Vote, 'lastIndex' | 'lastTerm'> {
  const lastIndex = reader.varint()
  const lastTerm = reader.varint()
  checkPosition(reader, { index: lastIndex, term: lastTerm, maxTerm: term })
  return { lastIndex, lastTerm }
}

function readAppend(reader: ByteReader, envelope: Envelope): Append {
  const previousIndex = reader.varint()
  const previousTerm = reader.varint()
  checkPosition(reader, { index: previousIndex, term: previousTerm, maxTerm: envelope.term })
  const commitIndex = reader.varint()
  const lastIndex = reader.varint()
  const entries: Entry[] = []
  let term = previousTerm
  for (let count = reader.count(entryMinBytes); count > 0; count--) {
    term += reader.varint()
    const index = previousIndex + entries.length + 1
    checkPosition(reader, { index, term, maxTerm: envelope.term })
    const type = readEntryType(reader)
    const payload = reader.payload()
    if (type === 'empty' && payload.length > 0) throw reader.malformed('an empty entry has a payload')
    entries.push({ index, term, type, payload })
  }
  if (lastIndex < previousIndex + entries.length || commitIndex > lastIndex) {
    throw reader.malformed('the log ends before its entries')
  }
  const { from, to } = envelope
  return {
    type: 'append',
    from,
    to,
    term: envelope.term,
    previousIndex,
    previousTerm,
    entries,
    commitIndex,
    lastIndex,
  }
}

function readAppendResponse(reader: ByteReader, { from, to, term }: Envelope): AppendResponse {
  const index = reader.varint()
  const isRejected = reader.boolean()
  const hintIndex = isRejected ? reader.varint() : 0
  const hintTerm = isRejected ? reader.varint() : 0
  const isLogReset = isRejected && reader.boolean()
  return { type: 'appendResponse', from, to, term, index, isRejected, hintIndex, hintTerm, isLogReset }
}

function readSnapshot(reader: ByteReader, maxTerm: number): Snapshot {
  const index = reader.varint()
  const term = reader.varint()
  if (index === 0) throw reader.malformed('a snapshot of nothing')
  checkPosition(reader, { index, term, maxTerm })
  return { index, term, membership: readMembership(reader) }
}

function readProposals(reader: ByteReader): Proposal[] {
  const proposals: Proposal[] = []
  for (let count = reader.count(proposalMinBytes); count > 0; count--) {
    const type = readEntryType(reader)
    if (type === 'empty') throw reader.malformed('only leaders create empty entries')
    proposals.push({ type, payload: reader.payload() })
  }
  return proposals
}

function readEntryType(reader: ByteReader): Entry['type'] {
  const type = entryTypes[reader.byte()]
  if (type === undefined) throw reader.malformed('an unknown type of entry')
  return type
}

/** Every entry has a term, which began before the message; the one before the first has neither. */
function checkPosition(
  reader: ByteReader,
  { index, term, maxTerm }: { readonly index: number; readonly term: number; readonly maxTerm: number },
): void {
  if (!Number.isSafeInteger(index)) throw reader.malformed('an index is too large')
  if (term > maxTerm || (index === 0) !== (term === 0)) throw reader.malformed('an entry has the wrong term')
}
