import { type Verdict, illegal, legal } from './checker.ts'
import type { KeyChange, RevisionChanges } from './revision-order.ts'

/** What one watcher asked for and got. */
export interface WatchObservation {
  /** For reports. */
  readonly name: string
  readonly startRevision: number
  /** Whether the watcher is to see a change. */
  readonly matches: (change: KeyChange) => boolean
  /**
   * What came, in order. A batch without changes and a `progress` of R says that everything up to R has come.
   */
  readonly batches: readonly {
    readonly changes: readonly (KeyChange & { readonly revision: number })[]
    readonly progress?: number | undefined
  }[]
  /** The watcher was told, or had the time, to see everything up to here. Undefined: it may lag behind. */
  readonly caughtUpRevision?: number | undefined
}

/**
 * A watcher sees what it asked for, all of it and nothing else: in order, each change once, without gaps from
 * its start on (so that it can be resumed), no revision split over two batches, and nothing at or before a
 * revision of which it was told that all had come (so that it can be bookmarked). After the validators of
 * etcd's robustness tests.
 *
 * @param log all revisions in order, as far as they are known
 */
export function checkWatch(log: readonly RevisionChanges[], watch: WatchObservation): Verdict {
  const expected = log
    .filter(({ revision }) => revision >= watch.startRevision)
    .flatMap(({ revision, changes }) =>
      changes.filter((change) => watch.matches(change)).map((change) => ({ ...change, revision })),
    )
  let delivered = 0
  let bookmark = 0
  let lastRevision = 0
  const isMissing = (upTo: number): boolean => (expected[delivered]?.revision ?? Infinity) <= upTo
  const wrong = (what: string): Verdict => illegal(`watch ${watch.name}: ${what}`)

  for (const { changes, progress } of watch.batches) {
    const [first] = changes
    const lastBefore = lastRevision
    for (const change of changes) {
      if (change.revision < watch.startRevision) return wrong(`${textOf(change)} came and was not asked for`)
      if (change.revision <= bookmark) return wrong(`${textOf(change)} came after progress ${bookmark}`)
      if (change.revision === lastBefore) return wrong(`revision ${lastBefore} was split`)
      if (change.revision < lastRevision) return wrong(`${textOf(change)} came after ${lastRevision}`)
      const next = expected[delivered]
      if (next === undefined || textOf(next) !== textOf(change)) {
        return wrong(`${textOf(change)} came in place of ${next === undefined ? 'nothing' : textOf(next)}`)
      }
      delivered++
      lastRevision = change.revision
    }
    if (first !== undefined && isMissing(lastRevision)) return wrong(`revision ${lastRevision} was split`)
    if (progress === undefined) continue
    if (isMissing(progress)) return wrong(`progress ${progress} came before all up to it had come`)
    bookmark = Math.max(bookmark, progress)
  }
  if (watch.caughtUpRevision !== undefined && isMissing(watch.caughtUpRevision)) {
    const next = expected[delivered]
    return wrong(`${next === undefined ? 'something' : textOf(next)} never came`)
  }
  return legal
}

function textOf({ key, value, revision }: KeyChange & { readonly revision: number }): string {
  return `${key}=${String(value)}@${revision}`
}
