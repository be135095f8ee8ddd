import type { SortOrder, SortTarget } from '@orrery/mvcc'
import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  ReadOptions,
  TxnOp,
  TxnRequest,
} from '@orrery/store'
import { toId, toSafeInteger } from '../codec/int64.ts'
import { EtcdError } from '../errors.ts'
import type { etcdserverpb } from '../generated/messages.js'
import type { CallContext } from './services.ts'

// From etcd's messages to the store's requests. Every refusal that etcd makes before it looks at its data is
// made here, in etcd's order (3.6, `etcdserver/api/v3rpc/key.go`).

const nothing = new Uint8Array(0)
const sortOrders: readonly SortOrder[] = ['none', 'ascend', 'descend']
const sortTargets: readonly SortTarget[] = ['key', 'version', 'createRevision', 'modRevision', 'value']

type Bytes = Uint8Array | null | undefined

function requiredKey(key: Bytes): Uint8Array {
  if (!key?.length) throw new EtcdError('ETCD_EMPTY_KEY')
  return key
}

/** An empty end is no end: one key. */
function optionalEnd(rangeEnd: Bytes): Uint8Array | undefined {
  return rangeEnd?.length ? rangeEnd : undefined
}

/** @throws EtcdError `ETCD_EMPTY_KEY`, `ETCD_INVALID_SORT_OPTION` */
export function toRangeRequest(message: etcdserverpb.RangeRequest): RangeRequest {
  const key = requiredKey(message.key)
  const sortOrder = sortOrders[message.sortOrder ?? 0]
  const sortTarget = sortTargets[message.sortTarget ?? 0]
  if (sortOrder === undefined || sortTarget === undefined) throw new EtcdError('ETCD_INVALID_SORT_OPTION')
  return {
    key,
    rangeEnd: optionalEnd(message.rangeEnd),
    limit: toSafeInteger(message.limit),
    revision: toSafeInteger(message.revision),
    sortOrder,
    sortTarget,
    keysOnly: message.keysOnly ?? false,
    countOnly: message.countOnly ?? false,
    minModRevision: toSafeInteger(message.minModRevision),
    maxModRevision: toSafeInteger(message.maxModRevision),
    minCreateRevision: toSafeInteger(message.minCreateRevision),
    maxCreateRevision: toSafeInteger(message.maxCreateRevision),
  }
}

/** How a range is read: the caller says whether this member's own state will do. */
export function toReadOptions(
  { rangeEnd, serializable }: Pick<etcdserverpb.RangeRequest, 'rangeEnd' | 'serializable'>,
  context: CallContext,
): ReadOptions {
  // A transport makes its signal when it is first asked for, and one key is read without waiting.
  const signal = rangeEnd && rangeEnd.length > 0 ? context.signal : undefined
  return { serializable: serializable ?? false, signal }
}

/** @throws EtcdError `ETCD_EMPTY_KEY`, `ETCD_VALUE_PROVIDED`, `ETCD_LEASE_PROVIDED` */
export function toPutRequest(message: etcdserverpb.PutRequest): PutRequest {
  const key = requiredKey(message.key)
  const value = message.value ?? nothing
  const lease = toId(message.lease)
  const ignoreValue = message.ignoreValue ?? false
  const ignoreLease = message.ignoreLease ?? false
  if (ignoreValue && value.length > 0) throw new EtcdError('ETCD_VALUE_PROVIDED')
  if (ignoreLease && lease !== 0n) throw new EtcdError('ETCD_LEASE_PROVIDED')
  return { key, value, lease, prevKv: message.prevKv ?? false, ignoreValue, ignoreLease }
}

/** @throws EtcdError `ETCD_EMPTY_KEY` */
export function toDeleteRangeRequest(message: etcdserverpb.DeleteRangeRequest): DeleteRangeRequest {
  const key = requiredKey(message.key)
  return { key, rangeEnd: optionalEnd(message.rangeEnd), prevKv: message.prevKv ?? false }
}

/**
 * @param maxOps the longest list allowed
 * @throws EtcdError `ETCD_TOO_MANY_OPS`, `ETCD_KEY_NOT_FOUND` for an operation of no kind, and what the
 * operations are refused with
 */
export function toTxnRequest(message: etcdserverpb.TxnRequest, maxOps: number): TxnRequest {
  const compare = message.compare ?? []
  const success = message.success ?? []
  const failure = message.failure ?? []
  const longest = Math.max(compare.length, success.length, failure.length)
  if (longest > maxOps) throw new EtcdError('ETCD_TOO_MANY_OPS')
  const remainder = maxOps - longest
  return {
    compare: compare.map(toCompare),
    success: success.map((op) => toTxnOp(op, remainder)),
    failure: failure.map((op) => toTxnOp(op, remainder)),
  }
}

function toTxnOp(op: etcdserverpb.RequestOp, maxOps: number): TxnOp {
  if (op.requestRange) return { type: 'range', ...toRangeRequest(op.requestRange) }
  if (op.requestPut) return { type: 'put', ...toPutRequest(op.requestPut) }
  if (op.requestDeleteRange) return { type: 'deleteRange', ...toDeleteRangeRequest(op.requestDeleteRange) }
  if (op.requestTxn) return { type: 'txn', ...toTxnRequest(op.requestTxn, maxOps) }
  throw new EtcdError('ETCD_KEY_NOT_FOUND')
}

const compareResults = ['equal', 'greater', 'less', 'notEqual'] as const
const valueTarget = 3

function toCompare(message: etcdserverpb.Compare): Compare {
  const keys = { key: requiredKey(message.key), rangeEnd: optionalEnd(message.rangeEnd) }
  const result = compareResults[message.result ?? 0]
  if (result === undefined) return toCompareOfAnyResult(keys, message.target ?? 0)
  const condition = { ...keys, result }
  switch (message.target ?? 0) {
    case 0:
      return { ...condition, target: 'version', value: toSafeInteger(message.version) }
    case 1:
      return { ...condition, target: 'createRevision', value: toSafeInteger(message.createRevision) }
    case 2:
      return { ...condition, target: 'modRevision', value: toSafeInteger(message.modRevision) }
    case valueTarget:
      return { ...condition, target: 'value', value: message.value ?? nothing }
    case 4:
      return { ...condition, target: 'lease', value: toId(message.lease) }
    default:
      // etcd takes a target that it does not know as equal to whatever is given. No version is below 0.
      return { ...keys, target: 'version', result: result === 'equal' ? 'greater' : 'less', value: -1 }
  }
}

/** etcd takes a result that it does not know as one that holds; of a missing key no value is compared at all. */
function toCompareOfAnyResult(keys: Pick<Compare, 'key' | 'rangeEnd'>, target: number): Compare {
  return { ...keys, target: 'version', result: 'greater', value: target === valueTarget ? 0 : -1 }
}
