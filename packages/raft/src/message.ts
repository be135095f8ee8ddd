import type { Entry, EntryType, MemberId, Snapshot } from './entry.ts'

interface Envelope {
  readonly from: MemberId
  readonly to: MemberId
  /** The sender's term; for `preVote` the term it would campaign in; 0 for those that carry no term. */
  readonly term: number
}

/** Asks whether an election could be won, without disturbing anybody. Raft thesis, section 9.6. */
export interface PreVote extends Envelope {
  readonly type: 'preVote'
  readonly lastIndex: number
  readonly lastTerm: number
}

/** Asks for a vote; sent only when the candidate's term, own vote and log are durable. Raft, section 5.2. */
export interface Vote extends Envelope {
  readonly type: 'vote'
  readonly lastIndex: number
  readonly lastTerm: number
  /** The leader wants it (leadership transfer): voters that hear a leader answer, too. */
  readonly isTransfer: boolean
}

/** Answers a {@link PreVote}; `term` is the proposed one when granted, else the voter's. */
export interface PreVoteResponse extends Envelope {
  readonly type: 'preVoteResponse'
  readonly isGranted: boolean
  /** The voter may have lost what it acknowledged: its vote counts only where nobody refuses. */
  readonly isOnProbation: boolean
}

/** Answers a {@link Vote}; sent only when the vote is durable. */
export interface VoteResponse extends Envelope {
  readonly type: 'voteResponse'
  readonly isGranted: boolean
  /** As in {@link PreVoteResponse}. */
  readonly isOnProbation: boolean
}

/** Replicates entries. Raft, section 5.3. */
export interface Append extends Envelope {
  readonly type: 'append'
  /** The entry before `entries`: the follower must have it. */
  readonly previousIndex: number
  readonly previousTerm: number
  readonly entries: readonly Entry[]
  readonly commitIndex: number
  /** The last entry of the leader's log: a member on probation has to reach it. */
  readonly lastIndex: number
}

/**
 * Answers an {@link Append} or a {@link SnapshotMessage}; an acceptance only when it is durable. A rejection also
 * answers whatever a leader of an earlier term says, and a {@link Heartbeat} on probation.
 */
export interface AppendResponse extends Envelope {
  readonly type: 'appendResponse'
  /** Accepted: the last entry that is known to match. Rejected: the `previousIndex` that did not match. */
  readonly index: number
  readonly isRejected: boolean
  /** Rejected: where to go on, the highest entry that may match. */
  readonly hintIndex: number
  /** Rejected: the term of that entry. */
  readonly hintTerm: number
  /** Rejected: what the follower acknowledged before may be lost, so that the leader must forget it. */
  readonly isLogReset: boolean
}

/** Keeps followers from campaigning and confirms leadership for reads. */
export interface Heartbeat extends Envelope {
  readonly type: 'heartbeat'
  /** Never beyond what the follower is known to have. */
  readonly commitIndex: number
  /** The newest round of reads that waits for confirmation; 0: none. Never used twice in a term. */
  readonly round: number
}

/** Answers a {@link Heartbeat}. */
export interface HeartbeatResponse extends Envelope {
  readonly type: 'heartbeatResponse'
  readonly round: number
}

/** The follower needs entries that the leader no longer has. Raft, section 7. */
export interface SnapshotMessage extends Envelope {
  readonly type: 'snapshot'
  readonly snapshot: Snapshot
}

/** Tells a follower to campaign at once. Raft thesis, section 3.10. */
export interface TimeoutNow extends Envelope {
  readonly type: 'timeoutNow'
}

/** A follower hands a wish for a transfer of leadership to the leader. */
export interface TransferLeadership extends Envelope {
  readonly type: 'transferLeadership'
  readonly target: MemberId
}

/**
 * A follower hands proposals to the leader. They may get lost. The core sends them with term 0; a host that forwards
 * by itself may say for which term they are.
 */
export interface Propose extends Envelope {
  readonly type: 'propose'
  readonly proposals: readonly Proposal[]
}

/** A follower asks from which index on its own state answers a linearizable read. */
export interface ReadIndex extends Envelope {
  readonly type: 'readIndex'
  readonly context: number
}

/** Answers a {@link ReadIndex}. */
export interface ReadIndexResponse extends Envelope {
  readonly type: 'readIndexResponse'
  readonly context: number
  readonly index: number
}

/** All that members say to each other. */
export type Message =
  | PreVote
  | PreVoteResponse
  | Vote
  | VoteResponse
  | Append
  | AppendResponse
  | Heartbeat
  | HeartbeatResponse
  | SnapshotMessage
  | TimeoutNow
  | TransferLeadership
  | Propose
  | ReadIndex
  | ReadIndexResponse

/** What a host wants to be in the log. */
export interface Proposal {
  readonly type: Exclude<EntryType, 'empty'>
  /** Not changed by anybody afterwards. */
  readonly payload: Uint8Array
}
