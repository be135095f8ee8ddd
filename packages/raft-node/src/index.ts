/**
 * Runs one member of a Raft cluster: its log on disk, its peers, its time. The host has the state: it proposes
 * what is to be in the log, and applies what is committed.
 *
 * ```text
 * propose -> core -> log storage ----> core -> take -> host applies -> applied
 *                \-> transport -> peers -/
 * ```
 *
 * @packageDocumentation
 */
export { createRaftNode } from './raft-node.ts'
export type { NodeParts, RaftNode, WaitOptions } from './raft-node.ts'
export { nodeDefaults } from './options.ts'
export type { NodeOptions } from './options.ts'
export { NodeError, nodeErrorCodes } from './errors.ts'
export type { NodeErrorCode } from './errors.ts'
export type { Committed, Leadership, NodeHost, StateContent, StateStanding } from './host.ts'
export { proposalHeadroomBytes } from './proposal.ts'
export type { NodeProposal } from './proposal.ts'
export { MemberTable } from './member-table.ts'
export type { Member, MemberAttributes } from './member-table.ts'
export type { MemberChange } from './membership-rules.ts'
export type { ClusterMembers } from './administration.ts'
export {
  fetchMembers,
  forceAlone,
  initialIds,
  initialStart,
  joiningStart,
  persistRestored,
  persistStart,
  placeFor,
  restartFrom,
  restoredStanding,
} from './bootstrap.ts'
export type { AppliedState, InitialCluster, InitialIds } from './bootstrap.ts'
export { clusterIdOf, memberIdOf } from './member-id.ts'
export { createMemoryLogStorage } from './log-storage.ts'
export type { Durables, LogStorage, StoredLog } from './log-storage.ts'
export { openWalLogStorage } from './wal-log-storage.ts'
export type { WalLogParts, WalLogStorage } from './wal-log-storage.ts'
export type {
  IncomingSnapshot,
  OutgoingSnapshot,
  Peer,
  PeerIdentity,
  Transport,
  TransportHandler,
} from './ports.ts'
export { TransportError, transportErrorCodes } from './transport-error.ts'
export type { TransportErrorCode } from './transport-error.ts'
export { createMemoryNetwork, memoryNetworkDefaults } from './memory-transport.ts'
export type { MemoryNetwork, MemoryNetworkOptions } from './memory-transport.ts'
