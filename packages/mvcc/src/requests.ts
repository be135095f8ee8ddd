import type { Key } from './key.ts'
import type { KeyValue } from './key-value.ts'

/**
 * A read of one key (`rangeEnd` absent), of the keys in [key, rangeEnd), or of all keys from `key` on
 * (`rangeEnd` of one zero byte). A `rangeEnd` that is not above `key` gives an empty result.
 *
 * @typeParam K how keys are given: the core takes byte strings, the store text or bytes
 */
export interface RangeRequest<K = Key> {
  readonly key: K
  readonly rangeEnd?: K | undefined
  /** Most keys to return. 0 or less: all. @defaultValue `0` */
  readonly limit?: number | undefined
  /** The revision to read at. 0 or less: the current one. @defaultValue `0` */
  readonly revision?: number | undefined
  /** @defaultValue `'none'`: in order of key; with another target than `'key'`, ascending */
  readonly sortOrder?: SortOrder | undefined
  /** @defaultValue `'key'` */
  readonly sortTarget?: SortTarget | undefined
  /** Leaves values out of the result. */
  readonly keysOnly?: boolean | undefined
  /** Returns no keys, only their count. */
  readonly countOnly?: boolean | undefined
  /** Drops keys last changed before this revision. 0: off. */
  readonly minModRevision?: number | undefined
  /** Drops keys last changed after this revision. 0: off. */
  readonly maxModRevision?: number | undefined
  /** Drops keys created before this revision. 0: off. */
  readonly minCreateRevision?: number | undefined
  /** Drops keys created after this revision. 0: off. */
  readonly maxCreateRevision?: number | undefined
}

export type SortOrder = 'none' | 'ascend' | 'descend'
export type SortTarget = 'key' | 'version' | 'createRevision' | 'modRevision' | 'value'

/** @typeParam V how values are given */
export interface PutRequest<K = Key, V = Uint8Array> {
  readonly key: K
  /** @defaultValue the empty value */
  readonly value?: V | undefined
  /** The lease to attach the key to. 0: none, which detaches it from an earlier one. @defaultValue `0n` */
  readonly lease?: bigint | undefined
  /** Returns what the key was before. */
  readonly prevKv?: boolean | undefined
  /** Keeps the present value. The key must exist, and no value may be given. */
  readonly ignoreValue?: boolean | undefined
  /** Keeps the present lease. The key must exist, and no lease may be given. */
  readonly ignoreLease?: boolean | undefined
}

/** A deletion of the keys that the same {@link RangeRequest} would return. */
export interface DeleteRangeRequest<K = Key> {
  readonly key: K
  readonly rangeEnd?: K | undefined
  /** Returns what the keys were before. */
  readonly prevKv?: boolean | undefined
}

export type CompareResult = 'equal' | 'greater' | 'less' | 'notEqual'

/**
 * A condition on one key, or on every key of a range. A key that does not exist has version, revisions and
 * lease 0, and no value: a comparison of its value is false. An empty range counts as one such key.
 */
export type Compare<K = Key, V = Uint8Array> = {
  readonly key: K
  readonly rangeEnd?: K | undefined
  readonly result: CompareResult
} & (
  | { readonly target: 'version' | 'createRevision' | 'modRevision'; readonly value: number }
  | { readonly target: 'value'; readonly value: V }
  | { readonly target: 'lease'; readonly value: bigint }
)

/** One operation of a txn. */
export type TxnOp<K = Key, V = Uint8Array> =
  | ({ readonly type: 'range' } & RangeRequest<K>)
  | ({ readonly type: 'put' } & PutRequest<K, V>)
  | ({ readonly type: 'deleteRange' } & DeleteRangeRequest<K>)
  | ({ readonly type: 'txn' } & TxnRequest<K, V>)

/**
 * All of `success` when every comparison holds, else all of `failure`, as one revision. Comparisons see the
 * state before the txn, those of nested txns too; ranges see the puts before them.
 */
export interface TxnRequest<K = Key, V = Uint8Array> {
  readonly compare?: readonly Compare<K, V>[] | undefined
  readonly success?: readonly TxnOp<K, V>[] | undefined
  readonly failure?: readonly TxnOp<K, V>[] | undefined
}

export interface RangeResult {
  /** The store's revision when it answered, not the one that was asked for. */
  readonly revision: number
  readonly kvs: readonly KeyValue[]
  /** Whether `limit` cut the result. */
  readonly more: boolean
  /** Keys in the range at that revision, whatever limit and revision filters say. */
  readonly count: number
}

export interface PutResult {
  readonly revision: number
  /** Present when asked for and the key existed. */
  readonly prevKv?: KeyValue | undefined
}

export interface DeleteRangeResult {
  readonly revision: number
  /** Keys deleted. With 0 there is no new revision. */
  readonly deleted: number
  /** In order of key; empty unless asked for. */
  readonly prevKvs: readonly KeyValue[]
}

export interface TxnResult {
  readonly revision: number
  /** Whether every comparison held. */
  readonly succeeded: boolean
  /** One result for each operation of the branch taken. */
  readonly responses: readonly TxnOpResult[]
}

/** The result of one operation of a txn. */
export type TxnOpResult =
  | ({ readonly type: 'range' } & RangeResult)
  | ({ readonly type: 'put' } & PutResult)
  | ({ readonly type: 'deleteRange' } & DeleteRangeResult)
  | ({ readonly type: 'txn' } & TxnResult)
