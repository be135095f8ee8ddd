import { CodedError } from '@orrery/environment'

/** Every way in which a member refuses or fails. */
export const nodeErrorCodes = [
  /** The member is closed, or closing. */
  'NODE_CLOSED',
  /** The disk failed, or an invariant broke. The member does nothing any more; the reason is the `cause`. */
  'NODE_FAILED',
  /** Too many proposals wait. Nothing was proposed: try again later. */
  'NODE_TOO_MANY_PROPOSALS',
  /** There was no answer in time, perhaps because no majority can be reached. It may take effect all the same. */
  'NODE_TIMED_OUT',
  /** The member caught up by a snapshot, which does not tell what became of the proposal. */
  'NODE_OUTCOME_UNKNOWN',
  /** The proposal was bound to a term that is over. It did not take effect. */
  'NODE_TERM_OVER',
  /** The member was removed from its cluster. */
  'NODE_REMOVED',
  /** The membership has a member with this id or one of these addresses. */
  'NODE_MEMBER_EXISTS',
  /** The membership has no such member. */
  'NODE_MEMBER_NOT_FOUND',
  /** The member was removed earlier: its id is never used again. */
  'NODE_MEMBER_REMOVED',
  /** There are `learnersMax` learners already. */
  'NODE_TOO_MANY_LEARNERS',
  /** The member is not a learner. */
  'NODE_MEMBER_NOT_LEARNER',
  /** The learner has not caught up with the leader yet. */
  'NODE_LEARNER_NOT_READY',
  /** Too few of the voters after the change have been started. */
  'NODE_NOT_ENOUGH_STARTED_MEMBERS',
  /** This member has not been connected to a majority for long enough. */
  'NODE_UNHEALTHY_CLUSTER',
  /** One change of the membership at a time: nothing was done, try again. */
  'NODE_CHANGE_IN_PROGRESS',
  /** This member does not lead, and who does is unknown or does not answer. */
  'NODE_NO_LEADER',
  /** This member does not lead. */
  'NODE_NOT_LEADER',
  /** Leadership cannot be handed to this member: it is unknown or a learner. */
  'NODE_BAD_TRANSFEREE',
  /** Leadership was not handed over in time. */
  'NODE_TRANSFER_TIMED_OUT',
  /** The cluster refuses to let this member take part; the message has the reason. */
  'NODE_JOIN_REFUSED',
  /** The other members know another data directory of this member, or are of another cluster. */
  'NODE_IDENTITY_MISMATCH',
  /** The log and the state do not fit together. */
  'NODE_DAMAGED',
  /** An option is out of its range. */
  'NODE_INVALID_OPTION',
] as const

/** What went wrong, for programs. */
export type NodeErrorCode = (typeof nodeErrorCodes)[number]

/** An expected failure of a member. */
export class NodeError extends CodedError<NodeErrorCode> {}
