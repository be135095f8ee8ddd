import type { Compare, DeleteRangeRequest, PutRequest, RangeRequest, TxnOp, TxnRequest } from '@orrery/mvcc'
import type { Command } from './command.ts'
import {
  alarmActions,
  alarmTypes,
  commandTypes,
  compareResults,
  compareTargets,
  depthMax,
  opTypes,
  rangeNumbers,
  sortOrders,
  sortTargets,
} from './command-format.ts'
import { damaged, FieldReader } from './field-reader.ts'

/**
 * Reads an entry of the log.
 *
 * @throws StoreError `STORE_DAMAGED` when this is not what `CommandEncoder` wrote
 */
export function decodeCommand(bytes: Uint8Array): Command {
  const from = new FieldReader(bytes)
  const command = readCommand(from)
  if (!from.done) throw damaged('more bytes than fields')
  return command
}

function readCommand(from: FieldReader): Command {
  const type = from.enumerated(commandTypes)
  switch (type) {
    case 'put':
      return { type, request: readPut(from) }
    case 'deleteRange':
      return { type, request: readDeleteRange(from) }
    case 'txn':
      return { type, request: readTxn(from, 0) }
    case 'compact':
      return { type, revision: from.number() }
    case 'leaseGrant':
      return { type, id: from.id(), ttlMs: from.number() }
    case 'leaseRevoke':
      return { type, id: from.id() }
    case 'leaseRevokeKeys':
      return { type, id: from.id(), keys: from.list(() => from.key()) }
    case 'leaseCheckpoint':
      return { type, checkpoints: from.list(() => ({ id: from.id(), remainingMs: from.number() })) }
    case 'alarm':
      return {
        type,
        action: from.enumerated(alarmActions),
        alarm: from.enumerated(alarmTypes),
        memberId: from.id(),
      }
    case 'leaseExpire':
      return { type, ids: from.list(() => from.id()) }
  }
}

function readPut(from: FieldReader): PutRequest {
  const flags = from.byte()
  return {
    prevKv: (flags & 1) !== 0,
    ignoreValue: (flags & 2) !== 0,
    ignoreLease: (flags & 4) !== 0,
    lease: from.id(),
    key: from.key(),
    value: from.bytes(),
  }
}

function readDeleteRange(from: FieldReader): DeleteRangeRequest {
  return { prevKv: from.byte() === 1, key: from.key(), rangeEnd: from.key() }
}

function readRange(from: FieldReader): RangeRequest {
  return {
    key: from.key(),
    rangeEnd: from.key(),
    sortOrder: from.enumerated(sortOrders),
    sortTarget: from.enumerated(sortTargets),
    keysOnly: from.byte() === 1,
    countOnly: from.byte() === 1,
    ...Object.fromEntries(rangeNumbers.map((field) => [field, from.number()])),
  }
}

function readTxn(from: FieldReader, depth: number): TxnRequest {
  if (depth > depthMax) throw damaged('txns nested too deeply')
  return {
    compare: from.list(() => readCompare(from)),
    success: from.list(() => readOp(from, depth)),
    failure: from.list(() => readOp(from, depth)),
  }
}

function readCompare(from: FieldReader): Compare {
  const key = from.key()
  const rangeEnd = from.key()
  const result = from.enumerated(compareResults)
  const target = from.enumerated(compareTargets)
  switch (target) {
    case 'value':
      return { key, rangeEnd, result, target, value: from.bytes() }
    case 'lease':
      return { key, rangeEnd, result, target, value: from.id() }
    default:
      return { key, rangeEnd, result, target, value: from.number() }
  }
}

function readOp(from: FieldReader, depth: number): TxnOp {
  const type = from.enumerated(opTypes)
  switch (type) {
    case 'range':
      return { type, ...readRange(from) }
    case 'put':
      return { type, ...readPut(from) }
    case 'deleteRange':
      return { type, ...readDeleteRange(from) }
    case 'txn':
      return { type, ...readTxn(from, depth + 1) }
  }
}
