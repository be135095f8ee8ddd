import type { Mvcc } from '@orrery/mvcc'
import type { HashKvResult } from './store.ts'

/** What {@link hashHistory} reads. */
export interface HistoryHashParts {
  readonly mvcc: Mvcc
  readonly holdCompaction: () => () => void
  /** Lets others run. Rejects when the work is to be abandoned. */
  readonly nextTurn: () => Promise<void>
}

/** Revisions that one slice hashes. */
const stepRevisions = 2_000

/**
 * Hashes the history up to a revision, in slices. It is pinned in the turn of the call: a compaction that comes
 * later makes no difference.
 *
 * @param revision 0: the newest one
 * @throws MvccError `MVCC_COMPACTED`, `MVCC_FUTURE_REVISION`
 */
export async function hashHistory(
  { mvcc, holdCompaction, nextTurn }: HistoryHashParts,
  revision: number,
): Promise<HashKvResult> {
  const hashRevision = revision === 0 ? mvcc.revision : revision
  const { compactRevision } = mvcc
  const hashing = mvcc.hashKv(revision)
  const release = holdCompaction()
  try {
    while (hashing.step(stepRevisions)) await nextTurn()
  } finally {
    release()
  }
  return { hash: hashing.hash, hashRevision, compactRevision, revision: mvcc.revision }
}
