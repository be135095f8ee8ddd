import type { Compare as CoreCompare, Key, TxnOp as CoreOp } from '@orrery/mvcc'
import { invariant } from '@orrery/environment'
import { CommandEncoder } from '../command-encoder.ts'
import { decodeCommand } from '../command-decoder.ts'
import type { Bytes, Compare, TxnOp, TxnRequest } from '../store.ts'

/** Encodes operations for another thread, as the log encodes a txn that has only this one. */
export class OperationEncoder {
  readonly #encoder = new CommandEncoder()

  /**
   * The result is valid until the next call.
   *
   * @throws StoreError `STORE_REQUEST_TOO_LARGE` when txns are nested too deeply
   */
  encode(operation: CoreOp): Uint8Array {
    return this.#encoder.encode({ type: 'txn', request: { success: [operation] } })
  }
}

/** Reads what {@link OperationEncoder} wrote, as a store takes it. Values are views of `bytes`. */
export function decodeOperation(bytes: Uint8Array): TxnOp {
  const command = decodeCommand(bytes)
  invariant(command.type === 'txn', 'an operation travels as a txn')
  const [operation] = command.request.success ?? []
  invariant(operation !== undefined, 'an operation travels as a txn that has it')
  return toOperation(operation)
}

/** Text of this kind is its own byte string. */
const ascii = /^[\0-\x7f]*$/

/** A key of the core, as a store takes it: there, text is UTF-8. */
export function toBytes(key: Key): Bytes {
  return ascii.test(key) ? key : Buffer.from(key, 'latin1')
}

function toOperation(op: CoreOp): TxnOp {
  switch (op.type) {
    case 'put':
      return { ...op, key: toBytes(op.key) }
    case 'range':
    case 'deleteRange':
      return { ...op, ...toSpan(op) }
    case 'txn':
      return { type: 'txn', ...toTxn(op) }
  }
}

function toTxn({ compare = [], success = [], failure = [] }: Extract<CoreOp, { type: 'txn' }>): TxnRequest {
  return {
    compare: compare.map(toCompare),
    success: success.map(toOperation),
    failure: failure.map(toOperation),
  }
}

function toCompare(compare: CoreCompare): Compare {
  return { ...compare, ...toSpan(compare) }
}

function toSpan({ key, rangeEnd = '' }: { readonly key: Key; readonly rangeEnd?: Key | undefined }): {
  key: Bytes
  rangeEnd: Bytes | undefined
} {
  return { key: toBytes(key), rangeEnd: rangeEnd === '' ? undefined : toBytes(rangeEnd) }
}
