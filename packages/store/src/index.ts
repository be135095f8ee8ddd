/**
 * THE interface that every service of Orrery is built on: a linearizable, multi-version key-value store with
 * transactions, watches and leases.
 *
 * @packageDocumentation
 */
export type { AutoCompaction, AutoCompactionMode } from './auto-compaction.ts'
export { startAutoCompaction } from './auto-compaction.ts'
export type { Cluster, ClusterMember, MembershipChanged } from './cluster/cluster.ts'
export type { CorruptionCheckOptions } from './cluster/corruption-options.ts'
export { inMemoryCluster } from './cluster/memory-cluster.ts'
export type { MemoryCluster, MemoryClusterMember, MemoryClusterOptions } from './cluster/memory-cluster.ts'
export { openMember } from './cluster/open-member.ts'
export type { MemberOptions, OpenedMember, OpenMemberDeps } from './cluster/open-member.ts'
export type { ClusterOrigin } from './cluster/cluster-origin.ts'
export { restoreMember } from './cluster/restore-member.ts'
export type { RestoreMemberDeps } from './cluster/restore-member.ts'
export type { StoreErrorCode } from './errors.ts'
export { StoreError, storeErrorCodes } from './errors.ts'
export { createMemoryStore } from './memory-store.ts'
export type { OpenStoreDeps } from './open-store.ts'
export { openStore, restoreSnapshot } from './open-store.ts'
export { openStoreInWorker } from './open-store-in-worker.ts'
export type { WorkerStore, WorkerStoreDeps, WorkerStoreOptions } from './open-store-in-worker.ts'
export type { StoreOptions } from './options.ts'
export { storeDefaults } from './options.ts'
export { PrefixFollower } from './prefix-follower.ts'
export type { PrefixFollowerParts, PrefixFollowerTarget } from './prefix-follower.ts'
export type {
  Alarm,
  Alarms,
  AlarmType,
  Bytes,
  CallOptions,
  CompactRequest,
  Compare,
  DeleteRangeRequest,
  HashKvResult,
  Leases,
  LeaseTimeToLive,
  PutRequest,
  RangeRequest,
  ReadOptions,
  Snapshot,
  Store,
  StoreStatus,
  TxnOp,
  TxnRequest,
  Watch,
  WatchBatch,
  WatcherRequest,
  WatchRequest,
  WatchStream,
} from './store.ts'
export type { OpenedInWorker, OpenInWorker } from './worker/thread.ts'
