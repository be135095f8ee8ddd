import type { ChangeBatch } from '../registry.ts'

/** The last changes, so that whoever was away for a while need not read everything. */
export class ChangeLog {
  readonly #changesMaxItems: number
  #batches: ChangeBatch[] = []
  /** Where the oldest batch is; what is before it was dropped. */
  #first = 0
  #changes = 0
  /** Everything after this revision is known. */
  #since = 0

  constructor(changesMaxItems: number) {
    this.#changesMaxItems = changesMaxItems
  }

  /** Begins anew: what came before `revision` is not known. */
  reset(revision: number): void {
    this.#batches = []
    this.#first = 0
    this.#changes = 0
    this.#since = revision
  }

  add(batch: ChangeBatch): void {
    this.#batches.push(batch)
    this.#changes += sizeOf(batch)
    while (this.#changes > this.#changesMaxItems) this.#dropFirst()
    if (this.#first > 1_024 && this.#first * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#first)
      this.#first = 0
    }
  }

  /** What came after a revision, the oldest first. Undefined: not all of it is known any more. */
  after(revision: number): readonly ChangeBatch[] | undefined {
    if (revision < this.#since) return undefined
    let [low, high] = [this.#first, this.#batches.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#batches[middle]?.revision ?? 0) <= revision) low = middle + 1
      else high = middle
    }
    return this.#batches.slice(low)
  }

  #dropFirst(): void {
    const batch = this.#batches[this.#first]
    if (batch === undefined) return
    this.#since = batch.revision
    this.#changes -= sizeOf(batch)
    this.#batches[this.#first] = empty
    this.#first++
  }
}

const empty: ChangeBatch = { revision: 0, atMs: 0, instances: [], services: [], namespaces: [] }

function sizeOf({ instances, services, namespaces }: ChangeBatch): number {
  return instances.length + services.length + namespaces.length
}
