import type { EntryType } from './entry.ts'
import type { Message } from './message.ts'

/** First byte of a batch of messages: a later format is refused, not misread. */
export const wireVersion = 1

/** Position is the code on the wire: only ever append. */
export const messageTypes = [
  'preVote',
  'preVoteResponse',
  'vote',
  'voteResponse',
  'append',
  'appendResponse',
  'heartbeat',
  'heartbeatResponse',
  'snapshot',
  'timeoutNow',
  'transferLeadership',
  'propose',
  'readIndex',
  'readIndexResponse',
] as const satisfies readonly Message['type'][]

/** Position is the code on the wire: only ever append. */
export const entryTypes = ['command', 'membership', 'empty'] as const satisfies readonly EntryType[]

/** Fewest bytes of an entry: increase of the term, type, length. */
export const entryMinBytes = 3
/** Fewest bytes of a proposal: type, length. */
export const proposalMinBytes = 2
/** Fewest bytes of a message: type, from, to, term. */
export const messageMinBytes = 18
