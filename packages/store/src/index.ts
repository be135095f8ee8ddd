/**
 * THE interface that every service of Orrery is built on: a linearizable, multi-version key-value store with
 * transactions, watches and leases.
 *
 * @packageDocumentation
 */
export type { StoreErrorCode } from './errors.ts'
export { StoreError, storeErrorCodes } from './errors.ts'
export type { StoreBackend } from './ports.ts'
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
