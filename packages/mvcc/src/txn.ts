import { MvccError } from './errors.ts'
import type { Key } from './key.ts'
import type { KeyHistory } from './key-history.ts'
import { KeyValue } from './key-value.ts'
import type { KeyLeases } from './ports.ts'
import { checkReadRevision, compareBytes, executeRange, type ReadView, spanOf } from './range.ts'
import type {
  Compare,
  CompareResult,
  DeleteRangeRequest,
  DeleteRangeResult,
  PutRequest,
  PutResult,
  TxnOp,
  TxnOpResult,
  TxnRequest,
  TxnResult,
} from './requests.ts'

/** What a txn is executed on: a view that its own changes become part of. */
export interface WriteView extends ReadView {
  readonly leases: KeyLeases
  put(request: PutRequest): PutResult
  deleteRange(request: DeleteRangeRequest): DeleteRangeResult
}

/** The branches that a txn takes, and those that its nested txns take, in order. */
interface Path {
  readonly succeeded: boolean
  readonly ops: readonly TxnOp[]
  /** One for each op of type `txn`, in order. */
  readonly nested: readonly Path[]
}

/** Whether a txn can be answered without an entry in the log: every operation of both branches is a range. */
export function isReadOnly({ success = [], failure = [] }: TxnRequest): boolean {
  return success.every((op) => op.type === 'range') && failure.every((op) => op.type === 'range')
}

/**
 * Executes a txn: picks the branches by the state before it, refuses what cannot be done before anything is
 * changed, then does all of it.
 *
 * @throws MvccError `MVCC_KEY_NOT_FOUND`, `MVCC_LEASE_NOT_FOUND`, `MVCC_FUTURE_REVISION`, `MVCC_COMPACTED`
 */
export function executeTxn(view: WriteView, request: TxnRequest): TxnResult {
  const path = choosePath(view, request)
  if (!isReadOnly(request)) checkPuts(view, path)
  checkRanges(view, path)
  return executePath(view, path)
}

function choosePath(view: ReadView, request: TxnRequest): Path {
  const succeeded = (request.compare ?? []).every((compare) => holds(view, compare))
  const ops = (succeeded ? request.success : request.failure) ?? []
  const nested = ops.flatMap((op) => (op.type === 'txn' ? [choosePath(view, op)] : []))
  return { succeeded, ops, nested }
}

function holds(view: ReadView, compare: Compare): boolean {
  const span = spanOf(compare)
  if (span.single) return holdsFor(view, compare, view.index.get(span.key))
  let keys = 0
  let holding = 0
  view.index.visit(span.key, span.end, (_, history) => {
    if (!history.live) return true
    keys++
    if (holdsFor(view, compare, history)) holding++
    return holding === keys
  })
  return keys === 0 ? holdsFor(view, compare, undefined) : holding === keys
}

function holdsFor(view: ReadView, compare: Compare, history: KeyHistory | undefined): boolean {
  const present = history?.live === true ? history : undefined
  switch (compare.target) {
    case 'version':
      return isResult((present?.version ?? 0) - compare.value, compare.result)
    case 'createRevision':
      return isResult((present?.created ?? 0) - compare.value, compare.result)
    case 'modRevision':
      return isResult((present?.main ?? 0) - compare.value, compare.result)
    case 'value': {
      if (present === undefined) return false
      return isResult(compareBytes(read(view, present).value, compare.value), compare.result)
    }
    case 'lease': {
      const lease = present === undefined ? 0n : read(view, present).lease
      return isResult(lease < compare.value ? -1 : lease > compare.value ? 1 : 0, compare.result)
    }
  }
}

function read(view: ReadView, history: KeyHistory): KeyValue {
  return new KeyValue(view.backend.get(history.main, history.sub))
}

function isResult(difference: number, result: CompareResult): boolean {
  switch (result) {
    case 'equal':
      return difference === 0
    case 'notEqual':
      return difference !== 0
    case 'greater':
      return difference > 0
    case 'less':
      return difference < 0
  }
}

/**
 * What may make a put fail. A put by itself is asked for its lease first, one in a txn for its key first: of
 * two things that are wrong, clients of etcd learn one.
 *
 * @throws MvccError `MVCC_KEY_NOT_FOUND`, `MVCC_LEASE_NOT_FOUND`
 */
export function checkPut(view: Pick<WriteView, 'index' | 'leases'>, request: PutRequest): void {
  requireLease(view, request)
  requireKept(view, request)
}

function requireLease({ leases }: Pick<WriteView, 'leases'>, { lease = 0n }: PutRequest): void {
  if (lease === 0n || leases.has(lease)) return
  throw new MvccError('MVCC_LEASE_NOT_FOUND', `there is no lease ${lease.toString(16)}`)
}

/** Asked of the state before a txn: a key that an earlier put of the same txn creates does not count as found. */
function requireKept(view: Pick<WriteView, 'index'>, request: PutRequest): void {
  if (request.ignoreValue === true || request.ignoreLease === true) requireLive(view, request.key)
}

function requireLive(view: Pick<WriteView, 'index'>, key: Key): void {
  if (view.index.get(key)?.live !== true) {
    throw new MvccError('MVCC_KEY_NOT_FOUND', 'what is to be kept of the key does not exist')
  }
}

function checkPuts(view: WriteView, path: Path): void {
  forEachOp(path, (op) => {
    if (op.type !== 'put') return
    requireKept(view, op)
    requireLease(view, op)
  })
}

function checkRanges(view: WriteView, path: Path): void {
  forEachOp(path, (op) => {
    if (op.type !== 'range') return
    const revision = op.revision ?? 0
    // Unlike outside of txns, a negative revision is an old one, not the current one.
    if (revision < 0 && revision < view.compactRevision) {
      throw new MvccError('MVCC_COMPACTED', `revision ${revision} is before ${view.compactRevision}`)
    }
    checkReadRevision(view, revision)
  })
}

function forEachOp({ ops, nested }: Path, visit: (op: TxnOp) => void): void {
  let nestedAt = 0
  for (const op of ops) {
    const inner = op.type === 'txn' ? nested[nestedAt++] : undefined
    if (inner === undefined) visit(op)
    else forEachOp(inner, visit)
  }
}

function executePath(view: WriteView, { succeeded, ops, nested }: Path): TxnResult {
  let nestedAt = 0
  const responses = ops.map((op): TxnOpResult => {
    switch (op.type) {
      case 'range':
        return { type: 'range', ...executeRange(view, op) }
      case 'put':
        return { type: 'put', ...view.put(op) }
      case 'deleteRange':
        return { type: 'deleteRange', ...view.deleteRange(op) }
      case 'txn': {
        const inner = nested[nestedAt++] ?? { succeeded: false, ops: [], nested: [] }
        return { type: 'txn', ...executePath(view, inner) }
      }
    }
  })
  return { revision: view.revision, succeeded, responses }
}
