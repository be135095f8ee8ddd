import type {
  Compare as MvccCompare,
  DeleteRangeRequest as MvccDeleteRangeRequest,
  PutRequest as MvccPutRequest,
  RangeRequest as MvccRangeRequest,
  TxnOp as MvccTxnOp,
  TxnRequest as MvccTxnRequest,
  WatcherRequest as MvccWatcherRequest,
} from '@orrery/mvcc'
import { toKey, toValue } from './bytes.ts'
import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  TxnOp,
  TxnRequest,
  WatcherRequest,
} from './store.ts'

// From what callers write to what the core takes: byte strings, values that nobody else holds, and numbers
// that mean the same when the log is read again.

interface Span {
  readonly key: string | Uint8Array
  readonly rangeEnd?: string | Uint8Array | undefined
}

function toSpan({ key, rangeEnd }: Span): { key: string; rangeEnd: string | undefined } {
  return { key: toKey(key), rangeEnd: rangeEnd === undefined ? undefined : toKey(rangeEnd) }
}

/** Identifiers are 64 bits: written without a sign, they are the same. */
export function toId(id: bigint): bigint {
  return BigInt.asIntN(64, id)
}

/**
 * A number that is none must not reach the log: applying it would fail, and again at each restart.
 *
 * @throws RangeError when `value` is not a safe integer
 */
export function toInteger(name: string, value: number): number {
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`${name} is an integer, got ${String(value)}`)
}

/** @throws RangeError when the limit is no integer */
export function toRange(request: RangeRequest): MvccRangeRequest {
  if (request.limit !== undefined) toInteger('limit', request.limit)
  return { ...request, ...toSpan(request) }
}

export function toPut(request: PutRequest): MvccPutRequest {
  const { key, value, lease, prevKv, ignoreValue, ignoreLease } = request
  return {
    key: toKey(key),
    value: value === undefined ? undefined : toValue(value),
    lease: lease === undefined ? undefined : toId(lease),
    prevKv,
    ignoreValue,
    ignoreLease,
  }
}

export function toDeleteRange(request: DeleteRangeRequest): MvccDeleteRangeRequest {
  const { key, rangeEnd } = toSpan(request)
  return { key, rangeEnd, prevKv: request.prevKv }
}

export function toTxn({ compare = [], success = [], failure = [] }: TxnRequest): MvccTxnRequest {
  return { compare: compare.map(toCompare), success: success.map(toOp), failure: failure.map(toOp) }
}

export function toWatcher(request: WatcherRequest): MvccWatcherRequest {
  return { ...request, ...toSpan(request) }
}

function toCompare(compare: Compare): MvccCompare {
  const { key, rangeEnd } = toSpan(compare)
  const { result } = compare
  switch (compare.target) {
    case 'lease':
      return { key, rangeEnd, result, target: 'lease', value: toId(compare.value) }
    case 'value':
      return { key, rangeEnd, result, target: 'value', value: toValue(compare.value) }
    default:
      return { key, rangeEnd, result, target: compare.target, value: compare.value }
  }
}

function toOp(op: TxnOp): MvccTxnOp {
  switch (op.type) {
    case 'range':
      return { type: 'range', ...toRange(op) }
    case 'put':
      return { type: 'put', ...toPut(op) }
    case 'deleteRange':
      return { type: 'deleteRange', ...toDeleteRange(op) }
    case 'txn':
      return { type: 'txn', ...toTxn(op) }
  }
}
