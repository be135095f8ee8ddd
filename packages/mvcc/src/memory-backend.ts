import { invariant } from '@orrery/environment'
import type { Backend } from './ports.ts'

/** Revisions per chunk. */
const chunkMaxRevisions = 512

/** A run of revisions in order. A deleted one leaves a hole until its chunk is sparse. */
interface Chunk {
  readonly mains: number[]
  /** sub * 2 + (tombstone ? 1 : 0). */
  readonly codes: number[]
  readonly records: (Uint8Array | undefined)[]
  live: number
}

/** What a {@link createMemoryBackend} holds, beside the port. */
export interface MemoryBackend extends Backend {
  /** Bytes of all records and named values. */
  readonly sizeBytes: number
}

/** Creates a {@link Backend} that keeps everything in memory. */
export function createMemoryBackend(): MemoryBackend {
  return new ChunkedBackend()
}

class ChunkedBackend implements MemoryBackend {
  readonly #chunks: Chunk[] = []
  /**
   * Main and code of the newest revision that each chunk ever held: a search looks at these alone, which lie
   * side by side. Invariant: ascending, as long as `#chunks`.
   */
  readonly #lastMains: number[] = []
  readonly #lastCodes: number[] = []
  readonly #meta = new Map<string, Uint8Array>()
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void {
    const code = sub * 2 + (tombstone ? 1 : 0)
    let chunk = this.#chunks.at(-1)
    if (chunk === undefined || chunk.mains.length >= chunkMaxRevisions) {
      chunk = { mains: [], codes: [], records: [], live: 0 }
      this.#chunks.push(chunk)
    }
    this.#lastMains[this.#chunks.length - 1] = main
    this.#lastCodes[this.#chunks.length - 1] = code
    chunk.mains.push(main)
    chunk.codes.push(code)
    chunk.records.push(record)
    chunk.live++
    this.#sizeBytes += record.length
  }

  get(main: number, sub: number): Uint8Array {
    const code = sub * 2
    const chunk = this.#chunks[firstNotBefore(this.#lastMains, this.#lastCodes, main, code)]
    const record = chunk?.records[positionOf(chunk, main, code)]
    invariant(record !== undefined, `the backend has no revision ${main}.${sub}`)
    return record
  }

  delete(main: number, sub: number, tombstone: boolean): void {
    const code = sub * 2 + (tombstone ? 1 : 0)
    const chunkAt = firstNotBefore(this.#lastMains, this.#lastCodes, main, code)
    const chunk = this.#chunks[chunkAt]
    const at = chunk === undefined ? -1 : positionOf(chunk, main, code)
    const record = chunk?.records[at]
    invariant(chunk !== undefined && record !== undefined, `the backend has no revision ${main}.${sub}`)
    chunk.records[at] = undefined
    chunk.live--
    this.#sizeBytes -= record.length
    if (chunk.live === 0) this.#dropChunk(chunkAt)
    else if (chunk.live <= chunk.mains.length / 4) this.#chunks[chunkAt] = withoutHoles(chunk)
  }

  scan(
    fromMain: number,
    fromSub: number,
    visit: (main: number, sub: number, tombstone: boolean, record: Uint8Array) => boolean,
  ): void {
    const first = firstNotBefore(this.#lastMains, this.#lastCodes, fromMain, fromSub * 2)
    const start = this.#chunks[first]
    let at = start === undefined ? 0 : firstNotBefore(start.mains, start.codes, fromMain, fromSub * 2)
    for (let chunkAt = first; chunkAt < this.#chunks.length; chunkAt++) {
      const chunk = this.#chunks[chunkAt]
      if (chunk === undefined) return
      for (; at < chunk.mains.length; at++) {
        const record = chunk.records[at]
        if (record === undefined) continue
        const code = chunk.codes[at] ?? 0
        if (!visit(chunk.mains[at] ?? 0, code >>> 1, (code & 1) === 1, record)) return
      }
      at = 0
    }
  }

  getMeta(name: string): Uint8Array | undefined {
    return this.#meta.get(name)
  }

  setMeta(name: string, value: Uint8Array | undefined): void {
    this.#sizeBytes += (value?.length ?? 0) - (this.#meta.get(name)?.length ?? 0)
    if (value === undefined) this.#meta.delete(name)
    else this.#meta.set(name, value.slice())
  }

  scanMeta(prefix: string, visit: (name: string, value: Uint8Array) => void): void {
    const names = [...this.#meta.keys()].filter((name) => name.startsWith(prefix)).sort()
    for (const name of names) {
      const value = this.#meta.get(name)
      if (value !== undefined) visit(name, value)
    }
  }

  #dropChunk(chunkAt: number): void {
    this.#chunks.splice(chunkAt, 1)
    this.#lastMains.splice(chunkAt, 1)
    this.#lastCodes.splice(chunkAt, 1)
  }
}

/** The first position whose (main, code) is not below the given one, in two parallel arrays. */
function firstNotBefore(
  mains: readonly number[],
  codes: readonly number[],
  main: number,
  code: number,
): number {
  let low = 0
  let high = mains.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const mainAt = mains[middle] ?? Infinity
    if (mainAt < main || (mainAt === main && (codes[middle] ?? Infinity) < code)) low = middle + 1
    else high = middle
  }
  return low
}

/** Where a chunk holds exactly this revision, or -1. */
function positionOf({ mains, codes }: Chunk, main: number, code: number): number {
  // Most revisions are a single change, and nothing is deleted around them: then this is the place.
  const guess = main - (mains[0] ?? 0)
  const at = mains[guess] === main && codes[guess] === code ? guess : firstNotBefore(mains, codes, main, code)
  return mains[at] === main && codes[at] === code ? at : -1
}

/** Copies what is left, records too, into one block: they may be views that hold on to much more memory. */
function withoutHoles(chunk: Chunk): Chunk {
  const compact: Chunk = { mains: [], codes: [], records: [], live: chunk.live }
  let bytes = 0
  for (const record of chunk.records) bytes += record?.length ?? 0
  const block = new Uint8Array(bytes)
  let end = 0
  for (const [at, record] of chunk.records.entries()) {
    if (record === undefined) continue
    compact.mains.push(chunk.mains[at] ?? 0)
    compact.codes.push(chunk.codes[at] ?? 0)
    block.set(record, end)
    compact.records.push(block.subarray(end, end + record.length))
    end += record.length
  }
  return compact
}
