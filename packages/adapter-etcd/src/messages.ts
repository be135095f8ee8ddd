import type { KeyValue } from '@orrery/mvcc'
import type { etcdserverpb, mvccpb, v3electionpb } from './generated/messages.js'

// Responses that carry key-values: the messages of the same name, with those of the store inside.

/**
 * Who answers, and where it stands. Which fields are set depends on the call: results within a txn have only
 * a revision, those about members have none.
 */
export interface ResponseHeader extends etcdserverpb.ResponseHeader {
  readonly clusterId?: bigint | undefined
  readonly memberId?: bigint | undefined
  readonly revision?: number | undefined
  readonly raftTerm?: number | undefined
  /** Both ids, encoded as they are in the message: a server's are the same in each of its answers. */
  readonly encodedIds?: Uint8Array | undefined
}

export interface RangeResponse extends etcdserverpb.RangeResponse {
  readonly header?: ResponseHeader | undefined
  readonly kvs: readonly KeyValue[]
  readonly more: boolean
  readonly count: number
}

/** One part of a streamed range; header, `more` and `count` come with the last one. */
export interface RangeStreamResponse extends etcdserverpb.RangeStreamResponse {
  readonly rangeResponse: RangeResponse
}

export interface PutResponse extends etcdserverpb.PutResponse {
  readonly header?: ResponseHeader | undefined
  readonly prevKv?: KeyValue | undefined
}

export interface DeleteRangeResponse extends etcdserverpb.DeleteRangeResponse {
  readonly header?: ResponseHeader | undefined
  readonly deleted: number
  readonly prevKvs: readonly KeyValue[]
}

/** Exactly one is set. */
export interface ResponseOp extends etcdserverpb.ResponseOp {
  readonly responseRange?: RangeResponse | undefined
  readonly responsePut?: PutResponse | undefined
  readonly responseDeleteRange?: DeleteRangeResponse | undefined
  readonly responseTxn?: TxnResponse | undefined
}

export interface TxnResponse extends etcdserverpb.TxnResponse {
  readonly header?: ResponseHeader | undefined
  readonly succeeded: boolean
  readonly responses: readonly ResponseOp[]
}

/** One change. */
export interface Event extends mvccpb.Event {
  /** 0: PUT, 1: DELETE. */
  readonly type: 0 | 1
  readonly kv: KeyValue
  readonly prevKv?: KeyValue | undefined
}

export interface WatchResponse extends etcdserverpb.WatchResponse {
  readonly header: ResponseHeader
  /** -1: the whole stream, or a watcher that was not created. */
  readonly watchId: number
  readonly created?: boolean | undefined
  readonly canceled?: boolean | undefined
  readonly compactRevision?: number | undefined
  readonly cancelReason?: string | undefined
  /** More of the same revision follows in the next response. */
  readonly fragment?: boolean | undefined
  readonly events: readonly Event[]
  /** Where its encoded form is kept when other streams get the same response. */
  readonly shared?: { encoded?: Buffer } | undefined
}

export interface LeaderResponse extends v3electionpb.LeaderResponse {
  readonly header: ResponseHeader
  readonly kv: KeyValue
}
