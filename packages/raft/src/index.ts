/**
 * The Raft consensus core: one member of a group as a deterministic state machine. The host tells it what
 * happened (a tick, a message, a proposal, a completed write) and takes from it what is to be done.
 *
 * ```text
 * tick step propose readIndex -> Raft -> ready(): persist, send, apply, answer reads
 *                                 ^                  |        |
 *                                 +--- persisted() --+        +-- applied() applyMembership() compact()
 * ```
 *
 * @packageDocumentation
 */
export type { Entry, EntryType, HardState, MemberId, Snapshot } from './entry.ts'
export type { Membership, MembershipChange, MembershipStep } from './membership.ts'
export type {
  Append,
  AppendResponse,
  Heartbeat,
  HeartbeatResponse,
  Message,
  PreVote,
  PreVoteResponse,
  Proposal,
  Propose,
  ReadIndex,
  ReadIndexResponse,
  SnapshotMessage,
  TimeoutNow,
  TransferLeadership,
  Vote,
  VoteResponse,
} from './message.ts'
export { raftDefaults } from './options.ts'
export type { RaftOptions } from './options.ts'
export type { ProgressStatus, ProposeResult, Raft, RaftStart, RaftStatus, Role } from './raft.ts'
export type { ReadState, Ready } from './ready.ts'
export { createRaft } from './create-raft.ts'
export type { RaftParts } from './state.ts'
export { RaftError, raftErrorCodes } from './errors.ts'
export type { RaftErrorCode } from './errors.ts'
export { createMembership, emptyMembership, isMember, isVoter, membersOf } from './membership.ts'
export { changeMembership } from './membership-change.ts'
export type { ChangeRefusal, ChangeResult } from './membership-change.ts'
export {
  decodeMembership,
  decodeMembershipChange,
  encodeMembership,
  encodeMembershipChange,
} from './membership-codec.ts'
export { decodeMessages } from './message-decoder.ts'
export { encodeMessages } from './message-encoder.ts'
