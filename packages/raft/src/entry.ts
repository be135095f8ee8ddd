import type { Membership } from './membership.ts'

/** Identifies a member of a cluster for ever: never reused, also not after its removal. 64 bits, not 0. */
export type MemberId = bigint

/**
 * - `command`: opaque to the core, applied by the host's state machine
 * - `membership`: an encoded {@link MembershipChange}
 * - `empty`: nothing to apply; a leader begins its term with one, and a membership change that became
 *   invalid turns into one
 */
export type EntryType = 'command' | 'membership' | 'empty'

/** One position of the replicated log. */
export interface Entry {
  /** Consecutive, from 1. */
  readonly index: number
  /** The term whose leader created it. */
  readonly term: number
  readonly type: EntryType
  /** Never changed by anybody once it is in the log. Empty for `empty`. */
  readonly payload: Uint8Array
}

/** What a member must not forget: it would vote twice, or lose what it promised. Raft, figure 2. */
export interface HardState {
  readonly term: number
  /** Whom this member voted for in `term`; 0: nobody. */
  readonly vote: MemberId
  /**
   * Entries up to here are known to be committed. It may lag, but it is durable together with the entries
   * that came with it: from it follows which membership is in force after a restart.
   */
  readonly commitIndex: number
  /**
   * The member lost the end of its log, and with it perhaps entries that it had acknowledged. Until a leader has
   * sent them again, its vote counts only where no voter refuses.
   */
  readonly isOnProbation: boolean
}

/** What a snapshot stands for. The state itself travels beside the core. */
export interface Snapshot {
  /** The last entry that the snapshot covers. */
  readonly index: number
  /** The term of that entry. */
  readonly term: number
  /** The membership in force after that entry. */
  readonly membership: Membership
}
