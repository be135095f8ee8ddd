import { RaftError } from './errors.ts'

/** How a member behaves. All members of a cluster should use the same values. */
export interface RaftOptions {
  /**
   * A follower that hears no leader for a random time between this and twice this campaigns. A leader that
   * hears no majority for this long steps down. Unit: ticks, more than `heartbeatTicks`.
   * @defaultValue `10`
   */
  readonly electionTimeoutTicks?: number
  /** How often a leader shows that it is there. Unit: ticks. @defaultValue `1` */
  readonly heartbeatTicks?: number
  /**
   * Asks whether an election could be won before disturbing a leader with a new term.
   * Raft thesis, section 9.6. @defaultValue `true`
   */
  readonly preVote?: boolean
  /**
   * A leader without a majority steps down, and followers that hear a leader grant no votes.
   * Raft thesis, section 6.2. @defaultValue `true`
   */
  readonly checkQuorum?: boolean
  /** Bounds the payloads of one message; a single larger entry is sent alone. Unit: bytes. @defaultValue `1_048_576` */
  readonly messageMaxBytes?: number
  /** Appends on their way to one follower. @defaultValue `256` */
  readonly inflightMaxMessages?: number
  /** Payloads on their way to one follower. Unit: bytes. @defaultValue `16_777_216` (16 MiB) */
  readonly inflightMaxBytes?: number
  /**
   * Payloads in a leader's log that are not committed. More proposals are refused; one proposal is always
   * accepted when nothing is uncommitted. Unit: bytes. @defaultValue `67_108_864` (64 MiB)
   */
  readonly uncommittedMaxBytes?: number
  /** Bounds the payloads of `Ready.committed`. Unit: bytes, at least one entry. @defaultValue `4_194_304` (4 MiB) */
  readonly committedMaxBytes?: number
  /**
   * - `quorum`: a read is confirmed by a round of heartbeats
   * - `lease`: the leader answers at once while a round of heartbeats that began less than
   *   `electionTimeoutTicks - 2` ticks ago is confirmed, else as `quorum`; wrong when ticks come at different
   *   speeds, or late because a process is paused. Needs `checkQuorum`. A member that has just started grants
   *   no votes for an election timeout
   * @defaultValue `'quorum'`
   */
  readonly reads?: 'quorum' | 'lease'
  /** Whether followers hand proposals to the leader, instead of refusing them. @defaultValue `true` */
  readonly forwardsProposals?: boolean
}

/** What a member uses when its options do not say otherwise. */
export const raftDefaults = {
  electionTimeoutTicks: 10,
  heartbeatTicks: 1,
  preVote: true,
  checkQuorum: true,
  messageMaxBytes: 1_048_576,
  inflightMaxMessages: 256,
  inflightMaxBytes: 16_777_216,
  uncommittedMaxBytes: 67_108_864,
  committedMaxBytes: 4_194_304,
  reads: 'quorum',
  forwardsProposals: true,
} as const satisfies Required<RaftOptions>

/** Options with all values present. */
export type ResolvedRaftOptions = Required<RaftOptions>

function requireInteger(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min) return
  throw new RaftError('RAFT_OPTION_INVALID', `${name} must be an integer of at least ${min}, got ${value}`)
}

/**
 * Fills in the defaults and checks that the values agree.
 *
 * @throws RaftError `RAFT_OPTION_INVALID`
 */
export function resolveOptions(options: RaftOptions): ResolvedRaftOptions {
  const resolved: ResolvedRaftOptions = { ...raftDefaults, ...options }
  requireInteger('heartbeatTicks', resolved.heartbeatTicks, 1)
  requireInteger('electionTimeoutTicks', resolved.electionTimeoutTicks, resolved.heartbeatTicks + 1)
  requireInteger('messageMaxBytes', resolved.messageMaxBytes, 0)
  requireInteger('inflightMaxMessages', resolved.inflightMaxMessages, 1)
  requireInteger('inflightMaxBytes', resolved.inflightMaxBytes, 1)
  requireInteger('uncommittedMaxBytes', resolved.uncommittedMaxBytes, 0)
  requireInteger('committedMaxBytes', resolved.committedMaxBytes, 0)
  if (resolved.reads === 'lease' && !resolved.checkQuorum) {
    throw new RaftError('RAFT_OPTION_INVALID', "reads: 'lease' needs checkQuorum")
  }
  return resolved
}
