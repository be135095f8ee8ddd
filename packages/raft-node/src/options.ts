import { type RaftOptions, raftDefaults } from '@orrery/raft'
import { NodeError } from './errors.ts'

/** How a member behaves. All members of a cluster should use the same values. */
export interface NodeOptions {
  /** Length of a tick, and how often a leader shows that it is there. Unit: ms. @defaultValue `100` */
  readonly heartbeatIntervalMs?: number
  /**
   * A follower that hears no leader for a random time between this and twice this campaigns. Unit: ms, at least
   * five times `heartbeatIntervalMs`. @defaultValue `1_000`
   */
  readonly electionTimeoutMs?: number
  /** How long a proposal or a linearizable read waits. Unit: ms. @defaultValue `7_000` */
  readonly requestTimeoutMs?: number
  /** Proposals that wait at this member. @defaultValue `100_000` */
  readonly proposalsMax?: number
  /** The same in bytes. Unit: bytes. @defaultValue `134_217_728` (128 MiB) */
  readonly proposalsMaxBytes?: number
  /**
   * Entries that stay in the log although they are in the state. A follower that is further behind gets a
   * snapshot. @defaultValue `5_000`
   */
  readonly catchUpEntries?: number
  /** The same in bytes, whichever is less. Unit: bytes. @defaultValue `67_108_864` (64 MiB) */
  readonly catchUpMaxBytes?: number
  /** Learners at a time. @defaultValue `1` */
  readonly learnersMax?: number
  /**
   * Refuses changes of the membership that would leave too few members running. @defaultValue `true`
   */
  readonly strictReconfiguration?: boolean
  /** Of the consensus core; what the fields above say goes before. */
  readonly raft?: RaftOptions
}

/** What a member uses when its options do not say otherwise. */
export const nodeDefaults = {
  heartbeatIntervalMs: 100,
  electionTimeoutMs: 1_000,
  requestTimeoutMs: 7_000,
  proposalsMax: 100_000,
  proposalsMaxBytes: 134_217_728,
  catchUpEntries: 5_000,
  catchUpMaxBytes: 67_108_864,
  learnersMax: 1,
  strictReconfiguration: true,
  raft: raftDefaults,
} as const satisfies Required<NodeOptions>

/**
 * Fills in the defaults and checks that the values agree.
 *
 * @throws NodeError `NODE_INVALID_OPTION`
 */
export function resolveOptions(options: NodeOptions): Required<NodeOptions> {
  const resolved = { ...nodeDefaults, ...options }
  for (const [name, value] of Object.entries(resolved)) {
    if (typeof value !== 'number') continue
    if (Number.isFinite(value) && value >= (name === 'catchUpEntries' ? 0 : 1)) continue
    throw new NodeError('NODE_INVALID_OPTION', `${name} must be a positive number, got ${value}`)
  }
  const { heartbeatIntervalMs, electionTimeoutMs } = resolved
  if (electionTimeoutMs < 5 * heartbeatIntervalMs || electionTimeoutMs > 50_000) {
    throw new NodeError(
      'NODE_INVALID_OPTION',
      `electionTimeoutMs is between 5 times heartbeatIntervalMs (${heartbeatIntervalMs}) and 50000, got ${electionTimeoutMs}`,
    )
  }
  return resolved
}
