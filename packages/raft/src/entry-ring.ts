import { invariant } from '@orrery/environment'
import type { Entry } from './entry.ts'

const capacityMin = 64

/**
 * Consecutive entries in a ring whose capacity is a power of two: an append, the removal of one entry at
 * either end and a look-up cost the same, however long the log is.
 */
export class EntryRing {
  #slots: (Entry | undefined)[] = new Array<Entry | undefined>(capacityMin)
  #head = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The entry at a position from 0, which must be there. */
  at(position: number): Entry {
    const entry = this.#slots[(this.#head + position) & (this.#slots.length - 1)]
    invariant(entry !== undefined && position < this.#length, 'the ring holds no entry there')
    return entry
  }

  push(entry: Entry): void {
    if (this.#length === this.#slots.length) this.#resize(this.#slots.length * 2)
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = entry
    this.#length++
  }

  /** Removes the first `count` entries. */
  dropFirst(count: number): void {
    this.#clear(0, count)
    this.#head = (this.#head + count) & (this.#slots.length - 1)
    this.#length -= count
    this.#shrink()
  }

  /** Keeps the first `length` entries. */
  truncate(length: number): void {
    this.#clear(length, this.#length)
    this.#length = length
    this.#shrink()
  }

  /** The entries at positions from `start` to before `end`. */
  slice(start: number, end: number): Entry[] {
    const entries: Entry[] = []
    for (let position = start; position < end; position++) entries.push(this.at(position))
    return entries
  }

  /** Payloads are large: what is no longer in the ring must not be kept alive by it. */
  #clear(start: number, end: number): void {
    const mask = this.#slots.length - 1
    for (let position = start; position < end; position++) {
      this.#slots[(this.#head + position) & mask] = undefined
    }
  }

  /** A ring that is 7/8 empty is halved twice, so that the next resize is as far away as this one was. */
  #shrink(): void {
    const capacity = this.#slots.length
    if (capacity > capacityMin && this.#length <= capacity / 8) {
      this.#resize(Math.max(capacityMin, capacity / 4))
    }
  }

  #resize(capacity: number): void {
    const slots = new Array<Entry | undefined>(capacity)
    for (let position = 0; position < this.#length; position++) slots[position] = this.at(position)
    this.#slots = slots
    this.#head = 0
  }
}
