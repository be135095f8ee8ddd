/**
 * The multi-version core of a key-value store: revisions, an in-memory key index, transactions, compaction
 * and watchers. Pure: no I/O, clock or randomness; values live in a {@link Backend} that the host brings.
 *
 * @packageDocumentation
 */
export type { MvccErrorCode } from './errors.ts'
export { MvccError, mvccErrorCodes } from './errors.ts'
export type { Key } from './key.ts'
export { bytesFromKey, fromKeyEnd, keyFromBytes, prefixEnd } from './key.ts'
export { KeyValue } from './key-value.ts'
export type { HashKv } from './hash-kv.ts'
export type { MemoryBackend } from './memory-backend.ts'
export { createMemoryBackend } from './memory-backend.ts'
export type { Mvcc, MvccParts } from './mvcc.ts'
export { createMvcc } from './mvcc.ts'
export type { Backend, KeyLeases } from './ports.ts'
export type {
  Compare,
  CompareResult,
  DeleteRangeRequest,
  DeleteRangeResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  SortOrder,
  SortTarget,
  TxnOp,
  TxnOpResult,
  TxnRequest,
  TxnResult,
} from './requests.ts'
export type { WatcherRequest, WatchEvent, WatchResponse } from './watch.ts'
export { isReadOnly } from './txn.ts'
export { validateDeleteRange, validatePut, validateRange, validateTxn } from './validate.ts'
export type { CreateRefusal, MvccWatchStream, WatchOptions } from './watch-stream.ts'
