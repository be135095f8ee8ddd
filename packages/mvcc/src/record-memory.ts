/** Records up to this size share blocks of memory: one allocation for many records. Unit: bytes. */
const sharedMaxBytes = 8_192
const blockBytes = 65_536

/**
 * Memory for many small records that are written once. An array with memory of its own is an allocation
 * outside the heap; V8 counts those, and does a piece of garbage collection at each when there are many.
 */
export class RecordMemory {
  #block = new Uint8Array(0)
  #used = 0

  /** An array of zeros. It may share its memory with others, which it keeps alive. */
  allocate(length: number): Uint8Array {
    if (length > sharedMaxBytes) return new Uint8Array(length)
    if (this.#used + length > this.#block.length) {
      this.#block = new Uint8Array(blockBytes)
      this.#used = 0
    }
    const start = this.#used
    this.#used += length
    return this.#block.subarray(start, this.#used)
  }

  copy(record: Uint8Array): Uint8Array {
    const copy = this.allocate(record.length)
    copy.set(record)
    return copy
  }
}
