import type { KeyChange, RevisedOperation, RevisionChanges } from '../checkers/revision-order.ts'
import type { ServedReadObservation } from '../checkers/served-reads.ts'
import type { WatchObservation } from '../checkers/watch.ts'

/** What a watcher saw so far. */
export interface SeenByWatcher {
  readonly name: string
  readonly startRevision: number
  /** Undefined: all keys. */
  readonly prefix: string | undefined
  readonly batches: WatchObservation['batches'][number][]
  /** It goes on at another one: a compaction has overtaken it. */
  hasEnded: boolean
}

/** What its holder did with a lease, and was told. Times are the simulation's. Unit: ms. */
export interface LeaseStory {
  readonly id: string
  readonly ttlMs: number
  readonly grantedAtMs: number
  /** When renewals were called for that succeeded. */
  readonly renewedAtMs: number[]
  /** When it was first to be revoked, whatever came of it. */
  revokedAtMs: number | undefined
}

/** Everything that was asked of a cluster of stores and that came of it. */
export class StoreHistory {
  /** All revisions, as one reader saw them who never lost anything to a compaction. */
  readonly log: RevisionChanges[] = []
  readonly operations: RevisedOperation[] = []
  readonly served: ServedReadObservation[] = []
  readonly watches: SeenByWatcher[] = []
  readonly leases: LeaseStory[] = []
  /** Values whose writes were refused for good. */
  readonly refusedValues = new Set<string>()
  #clock = 0
  #values = 0

  /** The next revision that the log lacks. */
  get nextRevision(): number {
    return (this.log.at(-1)?.revision ?? 1) + 1
  }

  /** A point of time of its own. */
  tick(): number {
    return ++this.#clock
  }

  /** A value that nobody has written. */
  nextValue(): string {
    return String(++this.#values)
  }
}

/** What changed, in plain data. */
export function changesOf(
  events: readonly {
    readonly type: 'put' | 'delete'
    readonly kv: { readonly key: Uint8Array; readonly value: Uint8Array; readonly modRevision: number }
  }[],
): (KeyChange & { readonly revision: number })[] {
  return events.map(({ type, kv }) => ({
    key: textOf(kv.key) ?? '',
    value: type === 'put' ? textOf(kv.value) : undefined,
    revision: kv.modRevision,
  }))
}

export function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}
