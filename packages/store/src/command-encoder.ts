import type { DeleteRangeRequest, PutRequest, RangeRequest, TxnOp, TxnRequest } from '@orrery/mvcc'
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
import { StoreError } from './errors.ts'
import { FieldWriter } from './field-writer.ts'

const nothing = new Uint8Array(0)

/** Turns commands into entries of the log. */
export class CommandEncoder {
  readonly #to = new FieldWriter()

  /**
   * The result is valid until the next call: the log copies it.
   *
   * @throws StoreError `STORE_REQUEST_TOO_LARGE` when txns are nested too deeply
   */
  encode(command: Command): Uint8Array {
    const to = this.#to
    to.start()
    to.enumerated(commandTypes, command.type)
    switch (command.type) {
      case 'put':
        this.#put(command.request)
        break
      case 'deleteRange':
        this.#deleteRange(command.request)
        break
      case 'txn':
        this.#txn(command.request, 0)
        break
      case 'compact':
        to.number(command.revision)
        break
      case 'leaseGrant':
        to.id(command.id)
        to.number(command.ttlMs)
        break
      case 'leaseRevoke':
        to.id(command.id)
        break
      case 'leaseRevokeKeys':
        to.id(command.id)
        to.count(command.keys.length)
        for (const key of command.keys) to.key(key)
        break
      case 'leaseCheckpoint':
        to.count(command.checkpoints.length)
        for (const { id, remainingMs } of command.checkpoints) {
          to.id(id)
          to.number(remainingMs)
        }
        break
      case 'alarm':
        to.enumerated(alarmActions, command.action)
        to.enumerated(alarmTypes, command.alarm)
        to.id(command.memberId)
        break
      case 'leaseExpire':
        to.count(command.ids.length)
        for (const id of command.ids) to.id(id)
        break
    }
    return to.finish()
  }

  #put({ key, value = nothing, lease = 0n, prevKv, ignoreValue, ignoreLease }: PutRequest): void {
    const to = this.#to
    to.byte((prevKv === true ? 1 : 0) | (ignoreValue === true ? 2 : 0) | (ignoreLease === true ? 4 : 0))
    to.id(lease)
    to.key(key)
    to.bytes(value)
  }

  #deleteRange({ key, rangeEnd = '', prevKv }: DeleteRangeRequest): void {
    this.#to.flag(prevKv)
    this.#to.key(key)
    this.#to.key(rangeEnd)
  }

  #range(request: RangeRequest): void {
    const to = this.#to
    to.key(request.key)
    to.key(request.rangeEnd ?? '')
    to.enumerated(sortOrders, request.sortOrder ?? 'none')
    to.enumerated(sortTargets, request.sortTarget ?? 'key')
    to.flag(request.keysOnly)
    to.flag(request.countOnly)
    for (const field of rangeNumbers) to.number(request[field] ?? 0)
  }

  #txn({ compare = [], success = [], failure = [] }: TxnRequest, depth: number): void {
    if (depth > depthMax) {
      throw new StoreError('STORE_REQUEST_TOO_LARGE', `txns are nested more than ${depthMax} deep`)
    }
    const to = this.#to
    to.count(compare.length)
    for (const one of compare) {
      to.key(one.key)
      to.key(one.rangeEnd ?? '')
      to.enumerated(compareResults, one.result)
      to.enumerated(compareTargets, one.target)
      if (one.target === 'value') to.bytes(one.value)
      else if (one.target === 'lease') to.id(one.value)
      else to.number(one.value)
    }
    for (const ops of [success, failure]) {
      to.count(ops.length)
      for (const op of ops) this.#op(op, depth)
    }
  }

  #op(op: TxnOp, depth: number): void {
    this.#to.enumerated(opTypes, op.type)
    switch (op.type) {
      case 'range':
        this.#range(op)
        break
      case 'put':
        this.#put(op)
        break
      case 'deleteRange':
        this.#deleteRange(op)
        break
      case 'txn':
        this.#txn(op, depth + 1)
        break
    }
  }
}
