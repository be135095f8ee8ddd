import { MvccError } from './errors.ts'
import { fromKeyEnd, type Key } from './key.ts'
import type { DeleteRangeRequest, PutRequest, RangeRequest, TxnOp, TxnRequest } from './requests.ts'

// What can be refused by looking at a request alone, before it reaches the log. The checks and their order
// are those of an etcd server, whose clients match on the answers.

/** @throws MvccError `MVCC_KEY_REQUIRED` */
export function validateRange(request: RangeRequest): void {
  requireKey(request.key)
}

/** @throws MvccError `MVCC_KEY_REQUIRED`, `MVCC_VALUE_PROVIDED`, `MVCC_LEASE_PROVIDED` */
export function validatePut(request: PutRequest): void {
  requireKey(request.key)
  if (request.ignoreValue === true && (request.value?.length ?? 0) > 0) {
    throw new MvccError('MVCC_VALUE_PROVIDED', 'a value is given and to be ignored')
  }
  if (request.ignoreLease === true && (request.lease ?? 0n) !== 0n) {
    throw new MvccError('MVCC_LEASE_PROVIDED', 'a lease is given and to be ignored')
  }
}

/** @throws MvccError `MVCC_KEY_REQUIRED` */
export function validateDeleteRange(request: DeleteRangeRequest): void {
  requireKey(request.key)
}

/**
 * @param maxOps most entries in each list; a nested txn may have what its parent's longest list leaves
 * @throws MvccError `MVCC_TOO_MANY_OPS`, `MVCC_DUPLICATE_KEY`, and what the single operations throw
 */
export function validateTxn(request: TxnRequest, maxOps: number): void {
  validateOps(request, maxOps)
  collectChanges(request.success ?? [])
  collectChanges(request.failure ?? [])
}

function requireKey(key: Key): void {
  if (key.length === 0) throw new MvccError('MVCC_KEY_REQUIRED', 'a request needs a key')
}

function validateOps({ compare = [], success = [], failure = [] }: TxnRequest, maxOps: number): void {
  const ops = Math.max(compare.length, success.length, failure.length)
  if (ops > maxOps)
    throw new MvccError('MVCC_TOO_MANY_OPS', `a txn with ${ops} operations, at most ${maxOps} may be`)
  for (const { key } of compare) requireKey(key)
  for (const op of success) validateOp(op, maxOps - ops)
  for (const op of failure) validateOp(op, maxOps - ops)
}

function validateOp(op: TxnOp, maxOps: number): void {
  switch (op.type) {
    case 'range':
      validateRange(op)
      break
    case 'put':
      validatePut(op)
      break
    case 'deleteRange':
      validateDeleteRange(op)
      break
    case 'txn':
      validateOps(op, maxOps)
      break
  }
}

/** The keys and ranges that one list of operations may change. */
interface Changes {
  readonly puts: Set<Key>
  readonly deletes: KeySpans
}

/**
 * Finds a key that one execution path changes twice. The two branches of a nested txn exclude each other,
 * so they may share keys; deletions may overlap deletions.
 *
 * The order of the checks matters where nested txns stand side by side: a put is held against the deletions
 * of earlier siblings, not of later ones. Source: the behaviour of etcd's `checkIntervals`.
 */
function collectChanges(ops: readonly TxnOp[]): Changes {
  const deletes = new KeySpans()
  for (const op of ops) if (op.type === 'deleteRange') deletes.add(op.key, op.rangeEnd)
  const puts = new Set<Key>()
  for (const op of ops) {
    if (op.type !== 'txn') continue
    const success = collectChanges(op.success ?? [])
    const failure = collectChanges(op.failure ?? [])
    for (const key of success.puts) addPut(key, puts, deletes)
    for (const key of failure.puts) {
      if (success.puts.has(key)) continue
      addPut(key, puts, deletes)
    }
    deletes.addAll(success.deletes)
    deletes.addAll(failure.deletes)
  }
  for (const op of ops) if (op.type === 'put') addPut(op.key, puts, deletes)
  return { puts, deletes }
}

function addPut(key: Key, puts: Set<Key>, deletes: KeySpans): void {
  if (puts.has(key) || deletes.has(key)) {
    throw new MvccError('MVCC_DUPLICATE_KEY', 'one path of the txn changes a key twice')
  }
  puts.add(key)
}

/** A union of ranges: disjoint spans in order, so that a lookup is a binary search. */
class KeySpans {
  readonly #spans: { from: Key; to: Key }[] = []

  add(key: Key, rangeEnd: Key | undefined): void {
    // etcd holds an open-ended deletion for an inverted one here, and lets puts into it pass.
    if (rangeEnd === fromKeyEnd) return
    const to = rangeEnd === undefined || rangeEnd === '' ? `${key}\0` : rangeEnd
    if (to > key) this.#merge(key, to)
  }

  addAll(other: KeySpans): void {
    for (const { from, to } of other.#spans) this.#merge(from, to)
  }

  has(key: Key): boolean {
    const span = this.#spans[this.#firstEndingAfter(key)]
    return span !== undefined && span.from <= key
  }

  #merge(from: Key, to: Key): void {
    const start = this.#firstEndingAfter(from)
    let end = start
    let merged = { from, to }
    for (let span = this.#spans[end]; span !== undefined && span.from < to; span = this.#spans[++end]) {
      merged = {
        from: span.from < merged.from ? span.from : merged.from,
        to: span.to > merged.to ? span.to : merged.to,
      }
    }
    this.#spans.splice(start, end - start, merged)
  }

  #firstEndingAfter(key: Key): number {
    let low = 0
    let high = this.#spans.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const span = this.#spans[middle]
      if (span !== undefined && span.to <= key) low = middle + 1
      else high = middle
    }
    return low
  }
}
