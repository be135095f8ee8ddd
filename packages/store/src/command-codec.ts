import { invariant } from '@orrery/environment'
import type { Compare, DeleteRangeRequest, PutRequest, RangeRequest, TxnOp, TxnRequest } from '@orrery/mvcc'
import type { Command } from './command.ts'
import { StoreError } from './errors.ts'

// The layout of commands in the log. Numbers are part of the format of the data directory: append to these
// lists, never reorder them.

const commandTypes = [
  'put',
  'deleteRange',
  'txn',
  'compact',
  'leaseGrant',
  'leaseRevoke',
  'leaseRevokeKeys',
  'leaseCheckpoint',
  'alarm',
] as const satisfies readonly Command['type'][]
const opTypes = ['range', 'put', 'deleteRange', 'txn'] as const satisfies readonly TxnOp['type'][]
const compareTargets = ['version', 'createRevision', 'modRevision', 'value', 'lease'] as const
const compareResults = ['equal', 'greater', 'less', 'notEqual'] as const
const sortOrders = ['none', 'ascend', 'descend'] as const
const sortTargets = ['key', 'version', 'createRevision', 'modRevision', 'value'] as const
const alarmTypes = ['noSpace', 'corrupt'] as const
const alarmActions = ['activate', 'deactivate'] as const

/** Txns nested more deeply are neither encoded nor decoded. */
const depthMax = 256

const nothing = new Uint8Array(0)

/** Appends fields to a buffer that grows, and is used again for the next command. */
class FieldWriter {
  #buffer = Buffer.allocUnsafe(4_096)
  #length = 0

  start(): void {
    this.#length = 0
  }

  /** Valid until the next {@link start}. */
  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  enumerated<T extends string>(values: readonly T[], value: T): void {
    const at = values.indexOf(value)
    invariant(at >= 0, `${value} has a number in the format`)
    this.byte(at)
  }

  flag(value: boolean | undefined): void {
    this.byte(value === true ? 1 : 0)
  }

  /** A signed number: integers of any size that a double holds, and what is not an integer, too. */
  number(value: number): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeDoubleLE(value, this.#length)
  }

  id(value: bigint): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeBigInt64LE(BigInt.asIntN(64, value), this.#length)
  }

  count(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32LE(value, this.#length)
  }

  key(value: string): void {
    this.count(value.length)
    this.#reserve(value.length)
    this.#length += this.#buffer.write(value, this.#length, 'latin1')
  }

  bytes(value: Uint8Array): void {
    this.count(value.length)
    this.#reserve(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + length))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

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

const rangeNumbers = [
  'limit',
  'revision',
  'minModRevision',
  'maxModRevision',
  'minCreateRevision',
  'maxCreateRevision',
] as const satisfies readonly (keyof RangeRequest)[]

/** Takes fields from an entry, and refuses to read beyond its end. */
class FieldReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get done(): boolean {
    return this.#at === this.#buffer.length
  }

  byte(): number {
    return this.#buffer.readUInt8(this.#advance(1))
  }

  enumerated<T extends string>(values: readonly T[]): T {
    const value = values[this.byte()]
    if (value === undefined) throw damaged('an unknown number')
    return value
  }

  number(): number {
    return this.#buffer.readDoubleLE(this.#advance(8))
  }

  id(): bigint {
    return this.#buffer.readBigInt64LE(this.#advance(8))
  }

  count(): number {
    return this.#buffer.readUInt32LE(this.#advance(4))
  }

  key(): string {
    const length = this.count()
    const start = this.#advance(length)
    return this.#buffer.toString('latin1', start, start + length)
  }

  bytes(): Uint8Array {
    const length = this.count()
    const start = this.#advance(length)
    return this.#buffer.subarray(start, start + length)
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.#plausible(this.count()) }, read)
  }

  /** Every element takes a byte at least: a damaged count must not allocate more than the entry holds. */
  #plausible(count: number): number {
    if (count > this.#buffer.length - this.#at) throw damaged('a list that is longer than the entry')
    return count
  }

  #advance(length: number): number {
    const start = this.#at
    if (start + length > this.#buffer.length) throw damaged('an early end')
    this.#at += length
    return start
  }
}

function damaged(what: string): StoreError {
  return new StoreError('STORE_DAMAGED', `an entry of the log has ${what}`)
}

/**
 * Reads an entry of the log.
 *
 * @throws StoreError `STORE_DAMAGED` when this is not what {@link CommandEncoder} wrote
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
