/** A revision that was written and is not yet read from LMDB. */
export interface PendingRevision {
  readonly main: number
  readonly sub: number
  tombstone: boolean
  /** Undefined: deleted again. */
  record: Uint8Array | undefined
}

/** One key for a revision, cheap to hash: a number wherever one can hold both parts. */
function revisionId(main: number, sub: number): number | string {
  return sub < 1_024 && main < 2 ** 43 ? main * 1_024 + sub : `${main}/${sub}`
}

/**
 * The effects of one batch of writes, for readers.
 *
 * Puts lie in an array ordered by revision: a store only ever writes ascending revisions, so a put is a push
 * and the whole overlay is dropped at once when its batch is durable. Deletes hit old revisions in any order
 * and lie in a set.
 */
export class Overlay {
  /** Invariant: ascending by (main, sub), no duplicates. */
  readonly puts: PendingRevision[] = []
  /** Named values; undefined: removed. */
  readonly meta = new Map<string, Uint8Array | undefined>()
  /** Deleted revisions, except those in `puts`. */
  readonly #deleted = new Set<number | string>()

  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void {
    const last = this.puts.at(-1)
    if (last === undefined || main > last.main || (main === last.main && sub > last.sub)) {
      this.puts.push({ main, sub, tombstone, record })
    } else {
      const at = this.lowerBound(main, sub)
      const existing = this.puts[at]
      if (existing?.main === main && existing.sub === sub) {
        existing.tombstone = tombstone
        existing.record = record
      } else {
        this.puts.splice(at, 0, { main, sub, tombstone, record })
      }
    }
    if (this.#deleted.size > 0) this.#deleted.delete(revisionId(main, sub))
  }

  delete(main: number, sub: number): void {
    const own = this.#find(main, sub)
    if (own === undefined) this.#deleted.add(revisionId(main, sub))
    else own.record = undefined
  }

  /** The revision as this batch left it; null: deleted; undefined: this batch did not touch it. */
  get(main: number, sub: number): PendingRevision | null | undefined {
    const own = this.#find(main, sub)
    if (own !== undefined) return own.record === undefined ? null : own
    return this.#deleted.size > 0 && this.#deleted.has(revisionId(main, sub)) ? null : undefined
  }

  /** Position in `puts` of the first revision that is not before (main, sub). */
  lowerBound(main: number, sub: number): number {
    const { puts } = this
    let low = 0
    let high = puts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const at = puts[middle]
      if (at !== undefined && (at.main < main || (at.main === main && at.sub < sub))) low = middle + 1
      else high = middle
    }
    return low
  }

  #find(main: number, sub: number): PendingRevision | undefined {
    const first = this.puts[0]
    if (first === undefined || main < first.main) return undefined
    const found = this.puts[this.lowerBound(main, sub)]
    return found?.main === main && found.sub === sub ? found : undefined
  }
}
