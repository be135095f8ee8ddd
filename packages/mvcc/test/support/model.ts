import {
  type Compare,
  type DeleteRangeRequest,
  fromKeyEnd,
  type Key,
  MvccError,
  type MvccErrorCode,
  type PutRequest,
  type RangeRequest,
  type TxnOp,
  type TxnRequest,
} from '@orrery/mvcc'
import { encodePair, latin1, type Pair, slowCrc32c } from './wire.ts'

/** One change of one key. */
export interface ModelChange {
  readonly main: number
  readonly sub: number
  readonly key: Key
  /** What the key became; undefined: it was deleted. */
  readonly pair: Pair | undefined
}

interface ModelRange {
  readonly revision: number
  readonly kvs: readonly Pair[]
  readonly more: boolean
  readonly count: number
}

/** The state at one moment, in order of key. */
type State = ReadonlyMap<Key, Pair>

/**
 * What the core is compared with: the list of all changes ever made, from which every answer is worked out
 * anew. It forgets nothing; compaction only moves a number.
 */
export class Model {
  readonly changes: ModelChange[] = []
  readonly leases = new Set<bigint>()
  revision = 1
  compactRevision = -1
  /** Changes of the txn in progress; their main revision is `revision + 1`. */
  #subs = 0

  /** What a read at `revision` finds; with Infinity, what the txn in progress sees. */
  stateAt(revision: number): State {
    const state = new Map<Key, Pair>()
    for (const { main, key, pair } of this.changes) {
      if (main > revision) break
      if (pair === undefined) state.delete(key)
      else state.set(key, pair)
    }
    return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  range(request: RangeRequest): ModelRange {
    const asked = request.revision ?? 0
    this.#checkRevision(asked)
    const revision = this.#visibleRevision
    const state = this.stateAt(asked > 0 ? asked : Infinity)
    const all = [...state.values()].filter(({ key }) => isWithin(request, key))
    const count = all.length
    if (request.countOnly === true) return { revision, kvs: [], more: false, count }

    const { limit = 0, sortOrder = 'none', sortTarget = 'key' } = request
    const { minModRevision = 0, maxModRevision = 0, minCreateRevision = 0, maxCreateRevision = 0 } = request
    const filters = [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision]
    // etcd's quirk: a sort target without an order sorts no more than the keys that the limit lets in, and one.
    const cutsEarly = limit > 0 && sortOrder === 'none' && filters.every((bound) => bound === 0)
    const sorted = (cutsEarly ? all.slice(0, limit + 1) : all).filter(
      (pair) =>
        (minModRevision === 0 || pair.modRevision >= minModRevision) &&
        (maxModRevision === 0 || pair.modRevision <= maxModRevision) &&
        (minCreateRevision === 0 || pair.createRevision >= minCreateRevision) &&
        (maxCreateRevision === 0 || pair.createRevision <= maxCreateRevision),
    )
    const sign = sortOrder === 'descend' ? -1 : 1
    sorted.sort((a, b) => {
      const [x, y] = [a[sortTarget], b[sortTarget]]
      return sign * (x < y ? -1 : x > y ? 1 : 0)
    })
    const kvs = limit > 0 ? sorted.slice(0, limit) : sorted
    return {
      revision,
      kvs: request.keysOnly === true ? kvs.map((pair) => ({ ...pair, value: '' })) : kvs,
      more: kvs.length < sorted.length,
      count,
    }
  }

  put(request: PutRequest): object {
    this.#checkLease(request)
    this.#checkKept(request, this.stateAt(Infinity))
    const result = this.#put(request)
    this.#commit()
    return result
  }

  deleteRange(request: DeleteRangeRequest): object {
    const result = this.#deleteRange(request)
    this.#commit()
    return result
  }

  deleteKeys(keys: readonly Key[]): number {
    const before = this.#subs
    for (const key of keys) if (this.stateAt(Infinity).has(key)) this.#change(key, undefined)
    const deleted = this.#subs - before
    this.#commit()
    return deleted
  }

  txn(request: TxnRequest): object {
    const before = this.stateAt(Infinity)
    this.#check(request, before)
    const result = this.#execute(request, before)
    this.#commit()
    return result
  }

  compact(revision: number): void {
    if (revision <= this.compactRevision) throw new MvccError('MVCC_COMPACTED', '')
    if (revision > this.revision) throw new MvccError('MVCC_FUTURE_REVISION', '')
    this.compactRevision = revision
  }

  /** The changes that a finished compaction leaves. */
  kept(): readonly ModelChange[] {
    const newest = this.#newestAt(this.compactRevision)
    return this.changes.filter(
      (change) =>
        change.main > this.compactRevision ||
        (newest.get(change.key) === change &&
          (change.pair !== undefined || change.main === this.compactRevision)),
    )
  }

  hashKv(revision: number): number {
    this.#checkRevision(revision)
    const hashed = revision === 0 ? this.revision : revision
    const isLive = (change: ModelChange | undefined): boolean => change?.pair !== undefined
    const compacted = this.#newestAt(this.compactRevision)
    const newest = this.#newestAt(hashed)
    const anyLive = [...newest.values()].some(isLive)
    const bytes: number[] = [...Buffer.from('key')]
    for (const change of this.changes) {
      if (change.main > hashed) break
      const kept = isLive(change) && (anyLive ? newest : compacted).get(change.key) === change
      if (change.main <= this.compactRevision && !kept) continue
      bytes.push(...revisionKey(change), ...recordOf(change))
    }
    return slowCrc32c(bytes)
  }

  #newestAt(revision: number): Map<Key, ModelChange> {
    const newest = new Map<Key, ModelChange>()
    for (const change of this.changes) if (change.main <= revision) newest.set(change.key, change)
    return newest
  }

  get #visibleRevision(): number {
    return this.#subs > 0 ? this.revision + 1 : this.revision
  }

  #checkRevision(revision: number): void {
    if (revision > this.revision) throw new MvccError('MVCC_FUTURE_REVISION', '')
    if (revision > 0 && revision < this.compactRevision) throw new MvccError('MVCC_COMPACTED', '')
  }

  #checkKept(request: PutRequest, state: State): void {
    const keeps = request.ignoreValue === true || request.ignoreLease === true
    if (keeps && !state.has(request.key)) throw new MvccError('MVCC_KEY_NOT_FOUND', '')
  }

  #checkLease({ lease = 0n }: PutRequest): void {
    if (lease !== 0n && !this.leases.has(lease)) throw new MvccError('MVCC_LEASE_NOT_FOUND', '')
  }

  /** Puts first, then ranges, as an etcd server does: of two things that are wrong the client learns one. */
  #check(request: TxnRequest, state: State): void {
    const path = this.#path(request, state)
    for (const op of path) {
      if (op.type !== 'put') continue
      this.#checkKept(op, state)
      this.#checkLease(op)
    }
    for (const op of path) {
      if (op.type !== 'range') continue
      const { revision = 0 } = op
      if (revision < 0 && revision < this.compactRevision) throw new MvccError('MVCC_COMPACTED', '')
      this.#checkRevision(revision)
    }
  }

  #path(request: TxnRequest, state: State): readonly TxnOp[] {
    return branch(request, state).flatMap((op) => (op.type === 'txn' ? this.#path(op, state) : [op]))
  }

  #execute(request: TxnRequest, before: State): object {
    const responses = branch(request, before).map((op) => ({ type: op.type, ...this.#executeOp(op, before) }))
    return { revision: this.#visibleRevision, succeeded: succeeds(request, before), responses }
  }

  #executeOp(op: TxnOp, before: State): object {
    switch (op.type) {
      case 'range':
        return this.range(op)
      case 'put':
        return this.#put(op)
      case 'deleteRange':
        return this.#deleteRange(op)
      case 'txn':
        return this.#execute(op, before)
    }
  }

  #put(request: PutRequest): object {
    const { key } = request
    const old = this.stateAt(Infinity).get(key)
    const modRevision = this.revision + 1
    const value = request.value === undefined ? '' : latin1(request.value)
    this.#change(key, {
      key,
      createRevision: old?.createRevision ?? modRevision,
      modRevision,
      version: (old?.version ?? 0) + 1,
      value: request.ignoreValue === true ? (old?.value ?? '') : value,
      lease: (request.ignoreLease === true ? old?.lease : request.lease) ?? 0n,
    })
    const result = { revision: this.#visibleRevision }
    return request.prevKv === true && old !== undefined ? { ...result, prevKv: old } : result
  }

  #deleteRange(request: DeleteRangeRequest): object {
    const old = [...this.stateAt(Infinity).values()].filter(({ key }) => isWithin(request, key))
    for (const { key } of old) this.#change(key, undefined)
    return {
      revision: this.#visibleRevision,
      deleted: old.length,
      prevKvs: request.prevKv === true ? old : [],
    }
  }

  #change(key: Key, pair: Pair | undefined): void {
    this.changes.push({ main: this.revision + 1, sub: this.#subs++, key, pair })
  }

  #commit(): void {
    this.revision = this.#visibleRevision
    this.#subs = 0
  }
}

export function isWithin(
  { key, rangeEnd }: { key: Key; rangeEnd?: Key | undefined },
  candidate: Key,
): boolean {
  if (rangeEnd === undefined || rangeEnd === '') return candidate === key
  return candidate >= key && (rangeEnd === fromKeyEnd || candidate < rangeEnd)
}

/** What etcd stores: eight bytes of main, `_`, eight bytes of sub, and `t` for a tombstone. */
function revisionKey({ main, sub, pair }: ModelChange): Uint8Array {
  const key = Buffer.alloc(17)
  key.writeBigUInt64BE(BigInt(main), 0)
  key.write('_', 8)
  key.writeBigUInt64BE(BigInt(sub), 9)
  return pair === undefined ? Buffer.concat([key, Buffer.from('t')]) : key
}

export function recordOf({ key, pair }: ModelChange): Uint8Array {
  return encodePair(pair ?? { key, createRevision: 0, modRevision: 0, version: 0, value: '', lease: 0n })
}

function branch(request: TxnRequest, state: State): readonly TxnOp[] {
  return (succeeds(request, state) ? request.success : request.failure) ?? []
}

function succeeds(request: TxnRequest, state: State): boolean {
  return (request.compare ?? []).every((compare) => {
    const pairs = [...state.values()].filter(({ key }) => isWithin(compare, key))
    return (pairs.length === 0 ? [undefined] : pairs).every((pair) => holds(compare, pair))
  })
}

function holds(compare: Compare, pair: Pair | undefined): boolean {
  if (compare.target === 'value' && pair === undefined) return false
  const actual = pair?.[compare.target] ?? (compare.target === 'lease' ? 0n : 0)
  const expected = compare.target === 'value' ? latin1(compare.value) : compare.value
  switch (compare.result) {
    case 'equal':
      return actual === expected
    case 'notEqual':
      return actual !== expected
    case 'greater':
      return actual > expected
    case 'less':
      return actual < expected
  }
}

/** A result, or the code that the call was refused with: both can be compared. */
export function outcome<T>(call: () => T): { readonly result: T } | { readonly refused: MvccErrorCode } {
  try {
    return { result: call() }
  } catch (error) {
    if (error instanceof MvccError) return { refused: error.code }
    throw error
  }
}
