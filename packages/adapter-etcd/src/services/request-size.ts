import type { etcdserverpb } from '../generated/messages.js'

// What etcd limits is the size of a request as its log holds it. Keys and values count exactly here, numbers
// and flags as what they may take. Unit: bytes.

/** What etcd's log puts around a request: its id, its kind and its length. */
const envelopeBytes = 18

/** Tags and numbers of a comparison. */
const compareNumbersBytes = 16
/** Revisions, limits and flags of a range, as far as they are usual. */
const rangeNumbersBytes = 16

/** A field of bytes: tag, length, content. */
function fieldSize(length: number): number {
  if (length === 0) return 0
  if (length < 0x80) return 2 + length
  if (length < 0x4000) return 3 + length
  return length < 0x20_0000 ? 4 + length : 5 + length
}

function contentSize(content: Uint8Array | null | undefined): number {
  return fieldSize(content?.length ?? 0)
}

function putMessageSize({ key, value, lease, ...flags }: etcdserverpb.PutRequest): number {
  const flagged = [flags.prevKv, flags.ignoreValue, flags.ignoreLease].filter(Boolean).length
  return contentSize(key) + contentSize(value) + (lease ? 10 : 0) + 2 * flagged
}

/** Size of a put in etcd's log. */
export function putSize(request: etcdserverpb.PutRequest): number {
  return envelopeBytes + putMessageSize(request)
}

/** Size of a txn in etcd's log. */
export function txnSize(request: etcdserverpb.TxnRequest): number {
  return envelopeBytes + txnMessageSize(request)
}

function txnMessageSize(request: etcdserverpb.TxnRequest): number {
  let size = 0
  for (const { key, rangeEnd, value } of request.compare ?? []) {
    const content = contentSize(key) + contentSize(rangeEnd) + contentSize(value)
    size += fieldSize(compareNumbersBytes + content)
  }
  for (const op of request.success ?? []) size += fieldSize(opSize(op))
  for (const op of request.failure ?? []) size += fieldSize(opSize(op))
  return size
}

function opSize(op: etcdserverpb.RequestOp): number {
  if (op.requestPut) return fieldSize(putMessageSize(op.requestPut))
  if (op.requestTxn) return fieldSize(txnMessageSize(op.requestTxn))
  const range = op.requestRange ?? op.requestDeleteRange
  return fieldSize(rangeNumbersBytes + contentSize(range?.key) + contentSize(range?.rangeEnd))
}
