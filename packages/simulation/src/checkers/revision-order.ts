import { type Verdict, illegal, legal } from './checker.ts'

/** One change of one key. */
export interface KeyChange {
  readonly key: string
  /** Undefined: deleted. */
  readonly value: string | undefined
}

/** All changes of one revision, as somebody saw them who sees everything: a watcher, or a reader of the log. */
export interface RevisionChanges {
  readonly revision: number
  readonly changes: readonly KeyChange[]
}

/** Something that a client did and got an answer to. What was not answered need not be given. */
export interface RevisedOperation {
  /** On one clock: only the order counts. */
  readonly calledAt: number
  readonly returnedAt: number
  /** The store's, as the answer says. */
  readonly revision: number
  /** What was changed, at `revision`; empty: the operation only read. */
  readonly changes: readonly KeyChange[]
  /** What was read, of the state at `revision`: values by key, undefined: not there. */
  readonly reads: readonly KeyChange[]
  /** The read may have been answered from an old state. */
  readonly isSerializable?: boolean
}

/**
 * Checks a history whose answers carry revisions. In O(n log n): a million operations are fine, of any number
 * of clients, with transactions over any keys.
 *
 * - Writes have revisions of their own, and changed what the log says.
 * - A read equals a replay of the log up to its revision.
 * - No answer's revision is lower than one that somebody had before the call, and a write's is higher.
 *
 * @param log all revisions in order, without gaps from the first one on
 */
export function checkRevisionOrder(
  log: readonly RevisionChanges[],
  history: readonly RevisedOperation[],
): Verdict {
  const violation =
    checkLog(log) ?? checkWrites(log, history) ?? checkReads(log, history) ?? checkRealTime(history)
  return violation === undefined ? legal : illegal(violation)
}

function checkLog(log: readonly RevisionChanges[]): string | undefined {
  for (const [at, { revision }] of log.entries()) {
    const before = log[at - 1]?.revision
    if (before !== undefined && revision !== before + 1) return `revision ${revision} comes after ${before}`
  }
  return undefined
}

function checkWrites(
  log: readonly RevisionChanges[],
  history: readonly RevisedOperation[],
): string | undefined {
  const firstRevision = log[0]?.revision ?? 0
  const written = new Set<number>()
  for (const { revision, changes } of history) {
    if (changes.length === 0) continue
    if (written.has(revision)) return `two writes were answered with revision ${revision}`
    written.add(revision)
    const logged = log[revision - firstRevision]
    if (logged === undefined) return `revision ${revision} was answered and is not in the log`
    if (textOf(logged.changes) !== textOf(changes)) {
      return `revision ${revision} wrote ${textOf(changes)}, but the log has ${textOf(logged.changes)}`
    }
  }
  return undefined
}

/** Replays the log once, and answers the reads of each revision when it gets there. */
function checkReads(
  log: readonly RevisionChanges[],
  history: readonly RevisedOperation[],
): string | undefined {
  const state = new Map<string, string | undefined>()
  const byRevision = history.filter(({ reads }) => reads.length > 0).sort((a, b) => a.revision - b.revision)
  let replayed = 0
  for (const { revision, reads } of byRevision) {
    for (let next = log[replayed]; next !== undefined && next.revision <= revision; next = log[++replayed]) {
      for (const { key, value } of next.changes) state.set(key, value)
    }
    for (const { key, value } of reads) {
      if (state.get(key) === value) continue
      return `a read at revision ${revision} found ${key}=${String(value)}, but it was ${String(state.get(key))}`
    }
  }
  return undefined
}

function checkRealTime(history: readonly RevisedOperation[]): string | undefined {
  const returns = [...history].sort((a, b) => a.returnedAt - b.returnedAt)
  const calls = [...history].sort((a, b) => a.calledAt - b.calledAt)
  let returned = 0
  let highest = -1
  for (const { calledAt, revision, changes, isSerializable } of calls) {
    for (
      let next = returns[returned];
      next !== undefined && next.returnedAt < calledAt;
      next = returns[++returned]
    ) {
      highest = Math.max(highest, next.revision)
    }
    if (isSerializable === true) continue
    if (revision < highest)
      return `revision ${revision} was answered to a call made after ${highest} was known`
    if (changes.length > 0 && revision === highest)
      return `a write got revision ${revision}, which was known before`
  }
  return undefined
}

function textOf(changes: readonly KeyChange[]): string {
  return changes.map(({ key, value }) => `${key}=${String(value)}`).join()
}
