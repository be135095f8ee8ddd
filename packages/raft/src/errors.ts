import { CodedError } from '@orrery/environment'

/** Every way in which the core refuses input from outside. */
export const raftErrorCodes = [
  /** Bytes that are no messages, or messages that no member sends. */
  'RAFT_MESSAGE_MALFORMED',
  /** Bytes that are no membership or no membership change. */
  'RAFT_MEMBERSHIP_MALFORMED',
  /** An option is out of its range, or two options contradict each other. */
  'RAFT_OPTION_INVALID',
] as const

/** What went wrong, for programs. */
export type RaftErrorCode = (typeof raftErrorCodes)[number]

/** An expected failure: somebody else's bytes or options. Bugs are `InvariantError`s. */
export class RaftError extends CodedError<RaftErrorCode> {}
