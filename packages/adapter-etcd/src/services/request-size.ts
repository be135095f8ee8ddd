import type { etcdserverpb } from '../generated/messages.js'

/**
 * What etcd's log puts around a request: its id and the tag of its kind. The limit is on the whole. Unit: bytes.
 */
const envelopeBytes = 18

/** A put without its key and value: tags, lengths, a lease. Unit: bytes. */
const putOverheadBytes = 20

/** Size of a put in etcd's log, near enough. Unit: bytes. */
export function putSize({ key, value }: etcdserverpb.PutRequest): number {
  return envelopeBytes + putOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0)
}

/** Size of a txn in etcd's log, near enough. Unit: bytes. */
export function txnSize(request: etcdserverpb.TxnRequest): number {
  let size = envelopeBytes
  for (const { key, rangeEnd, value } of request.compare ?? []) {
    size += putOverheadBytes + (key?.length ?? 0) + (rangeEnd?.length ?? 0) + (value?.length ?? 0)
  }
  for (const op of request.success ?? []) size += opSize(op)
  for (const op of request.failure ?? []) size += opSize(op)
  return size
}

function opSize(op: etcdserverpb.RequestOp): number {
  if (op.requestPut) return putSize(op.requestPut)
  if (op.requestTxn) return txnSize(op.requestTxn)
  const range = op.requestRange ?? op.requestDeleteRange
  return putOverheadBytes + (range?.key?.length ?? 0) + (range?.rangeEnd?.length ?? 0)
}
