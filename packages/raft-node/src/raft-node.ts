import type { Environment } from '@orrery/environment'
import type { MemberId, RaftStart, RaftStatus } from '@orrery/raft'
import type { ClusterMembers } from './administration.ts'
import type { Committed, NodeHost } from './host.ts'
import type { LogStorage } from './log-storage.ts'
import { Member as NodeMember } from './member.ts'
import type { Member, MemberAttributes, MemberTable } from './member-table.ts'
import type { MemberChange } from './membership-rules.ts'
import { type NodeOptions, resolveOptions } from './options.ts'
import type { PeerIdentity, Transport } from './ports.ts'
import type { NodeProposal } from './proposal.ts'

/** What a member is made of. It closes the storage and the transport. */
export interface NodeParts {
  readonly environment: Environment
  readonly identity: PeerIdentity
  readonly transport: Transport
  readonly storage: LogStorage
  /** What the storage held, and what the host's state has of it. */
  readonly start: RaftStart
  /** As of `start.appliedIndex`. */
  readonly members: MemberTable
  readonly host: NodeHost
  /** Where a member that joins reaches the others, until the log tells. */
  readonly contacts?: readonly Pick<Member, 'id' | 'peerAddresses'>[]
}

/** Options of calls that wait. */
export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * One member of a cluster: the consensus core with its log, its peers and its time. The host proposes what is to
 * be in the log, takes what is committed, applies it, and says so.
 */
export interface RaftNode<P extends NodeProposal> extends AsyncDisposable {
  readonly identity: PeerIdentity
  /** - `running`: takes part
   *  - `removed`: the cluster has gone on without it
   *  - `failed`: does nothing any more
   *  - `closed`: closing or closed */
  readonly state: 'running' | 'removed' | 'failed' | 'closed'
  /** The term that {@link status} gives, for who needs no more. */
  readonly term: number
  status(): RaftStatus
  /** In order of id, as of the last entry taken. */
  members(): readonly Member[]
  /** Unit: ms; undefined: not connected. */
  connectedMs(member: MemberId): number | undefined
  /**
   * Begins to listen and to count time.
   *
   * @throws TransportError
   */
  start(): Promise<void>
  /** Campaigns now, if it may. */
  campaign(): void
  /**
   * Proposes what comes back from {@link RaftNode.take} once it is committed. It takes effect at most once,
   * whoever leads meanwhile.
   *
   * @throws NodeError `NODE_TOO_MANY_PROPOSALS`, `NODE_CLOSED`, `NODE_FAILED`, `NODE_REMOVED`
   */
  propose(proposal: P): void
  /** The next entry to apply; undefined: none now. `NodeHost.onCommitted` tells when to ask again. */
  take(): Committed<P> | undefined
  /** Everything taken up to `index` is applied. */
  applied(index: number): void
  /** Everything up to `index` is in the host's state, durably: the log need not keep it. */
  release(index: number): void
  /**
   * Resolves when the state holds everything that was acknowledged before this call.
   *
   * @throws NodeError `NODE_TIMED_OUT`, `NODE_CLOSED`, `NODE_FAILED`
   */
  readBarrier(options?: WaitOptions): Promise<void>
  /** @throws NodeError any of the `NODE_MEMBER_…` and its neighbours, `NODE_TIMED_OUT`, `NODE_NO_LEADER` */
  changeMembers(change: MemberChange, options?: WaitOptions): Promise<ClusterMembers>
  /** Tells the cluster of this member; the answer comes when everybody can know. */
  publish(attributes: Omit<MemberAttributes, 'directoryId'>, options?: WaitOptions): Promise<void>
  /**
   * Hands leadership to another voter.
   *
   * @param target `'any'`: the one that answers and has most of the log
   * @throws NodeError `NODE_NOT_LEADER`, `NODE_BAD_TRANSFEREE`, `NODE_TRANSFER_TIMED_OUT`
   */
  transferLeadership(target: MemberId | 'any', options?: WaitOptions): Promise<void>
  /**
   * Asks the host of another member.
   *
   * @throws NodeError `NODE_NO_LEADER` when `'leader'` is unknown or this member
   * @throws TransportError
   */
  request(to: MemberId | 'leader', request: Uint8Array, options?: WaitOptions): Promise<Uint8Array>
  /** Stops, answers everybody who waits, and releases log and sockets. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Creates a member. It does nothing before {@link RaftNode.start}.
 *
 * @throws NodeError `NODE_INVALID_OPTION`
 */
export function createRaftNode<P extends NodeProposal>(
  parts: NodeParts,
  options: NodeOptions = {},
): RaftNode<P> {
  return new NodeMember<P>(parts, resolveOptions(options))
}
