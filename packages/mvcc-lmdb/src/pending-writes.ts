import type { Batch } from './batch.ts'
import type { PendingRevision } from './overlay.ts'

/** Sees one revision of a scan; false ends the scan. */
export type RevisionVisitor = (main: number, sub: number, tombstone: boolean, record: Uint8Array) => boolean

/** The batches that LMDB does not answer for yet, oldest first. What a newer batch says counts. */
export class PendingWrites {
  readonly #batches: Batch[] = []

  add(batch: Batch): void {
    this.#batches.push(batch)
  }

  /** Forgets the oldest batch: from now on, LMDB answers for it. */
  dropOldest(): void {
    this.#batches.shift()
  }

  /** The revision as the writes left it; null: deleted; undefined: ask LMDB. */
  get(main: number, sub: number): PendingRevision | null | undefined {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const found = this.#batches[i]?.overlay.get(main, sub)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** A named value; null: removed; undefined: ask LMDB. */
  getMeta(name: string): Uint8Array | null | undefined {
    for (let i = this.#batches.length - 1; i >= 0; i--) {
      const meta = this.#batches[i]?.overlay.meta
      if (meta?.has(name) === true) return meta.get(name) ?? null
    }
    return undefined
  }

  /** Every named value the writes touched; undefined: removed. */
  allMeta(prefix: string): Map<string, Uint8Array | undefined> {
    const all = new Map<string, Uint8Array | undefined>()
    for (const { overlay } of this.#batches) {
      for (const [name, value] of overlay.meta) if (name.startsWith(prefix)) all.set(name, value)
    }
    return all
  }

  /** Walks the revisions that the writes put and did not delete again. */
  cursor(fromMain: number, fromSub: number): PendingCursor {
    return new PendingCursor(this, this.#batches, fromMain, fromSub)
  }
}

/** Merges the ordered puts of several batches. Valid until the next write. */
export class PendingCursor {
  readonly #writes: PendingWrites
  readonly #batches: readonly Batch[]
  readonly #positions: number[]
  /** The revision at the cursor. Undefined: at the end. */
  #current: PendingRevision | undefined

  constructor(writes: PendingWrites, batches: readonly Batch[], fromMain: number, fromSub: number) {
    this.#writes = writes
    this.#batches = batches
    this.#positions = batches.map(({ overlay }) => overlay.lowerBound(fromMain, fromSub))
    this.#current = this.#next()
  }

  /** Visits what is left before (main, sub). False: the visitor has had enough. */
  visitBefore(main: number, sub: number, visit: RevisionVisitor): boolean {
    for (;;) {
      const current = this.#current
      if (current === undefined || !isBefore(current, main, sub)) return true
      this.#current = this.#next()
      // A put that was deleted again, or replaced by a newer batch, is no longer what the writes say.
      if (current.record === undefined || this.#writes.get(current.main, current.sub) !== current) continue
      if (!visit(current.main, current.sub, current.tombstone, current.record)) return false
    }
  }

  /** The least of all next puts; of equals, each in its turn. */
  #next(): PendingRevision | undefined {
    let least: PendingRevision | undefined
    let from = -1
    for (let i = 0; i < this.#batches.length; i++) {
      const candidate = this.#batches[i]?.overlay.puts[this.#positions[i] ?? 0]
      if (candidate === undefined) continue
      if (least === undefined || isBefore(candidate, least.main, least.sub)) {
        least = candidate
        from = i
      }
    }
    if (from >= 0) this.#positions[from] = (this.#positions[from] ?? 0) + 1
    return least
  }
}

function isBefore(revision: PendingRevision, main: number, sub: number): boolean {
  return revision.main < main || (revision.main === main && revision.sub < sub)
}
