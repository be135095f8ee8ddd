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
  readonly #meta = new Map<string, Uint8Array>()
  #sizeBytes = 0

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void {
    let chunk = this.#chunks.at(-1)
    if (chunk === undefined || chunk.mains.length >= chunkMaxRevisions) {
      chunk = { mains: [], codes: [], records: [], live: 0 }
      this.#chunks.push(chunk)
    }
    chunk.mains.push(main)
    chunk.codes.push(sub * 2 + (tombstone ? 1 : 0))
    chunk.records.push(record)
    chunk.live++
    this.#sizeBytes += record.length
  }

  get(main: number, sub: number): Uint8Array {
    const [chunk, at] = this.#find(main, sub * 2)
    const record = chunk?.mains[at] === main && chunk.codes[at] === sub * 2 ? chunk.records[at] : undefined
    invariant(record !== undefined, `the backend has no revision ${main}.${sub}`)
    return record
  }

  delete(main: number, sub: number, tombstone: boolean): void {
    const code = sub * 2 + (tombstone ? 1 : 0)
    const [chunk, at, chunkAt] = this.#find(main, code)
    const record = chunk?.mains[at] === main && chunk.codes[at] === code ? chunk.records[at] : undefined
    invariant(chunk !== undefined && record !== undefined, `the backend has no revision ${main}.${sub}`)
    chunk.records[at] = undefined
    chunk.live--
    this.#sizeBytes -= record.length
    if (chunk.live === 0) this.#chunks.splice(chunkAt, 1)
    else if (chunk.live <= chunk.mains.length / 4) this.#chunks[chunkAt] = withoutHoles(chunk)
  }

  scan(
    fromMain: number,
    fromSub: number,
    visit: (main: number, sub: number, tombstone: boolean, record: Uint8Array) => boolean,
  ): void {
    const [, start, first] = this.#find(fromMain, fromSub * 2)
    let at = start
    for (const chunk of this.#chunks.slice(first)) {
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

  /** The first revision at or after (main, code): its chunk, its place in it, and the chunk's place. */
  #find(main: number, code: number): [chunk: Chunk | undefined, at: number, chunkAt: number] {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const chunk = this.#chunks[middle]
      const last = (chunk?.mains.length ?? 0) - 1
      if (chunk !== undefined && before(chunk, last, main, code)) low = middle + 1
      else high = middle
    }
    const chunk = this.#chunks[low]
    const chunkAt = low
    low = 0
    high = chunk?.mains.length ?? 0
    while (chunk !== undefined && low < high) {
      const middle = (low + high) >>> 1
      if (before(chunk, middle, main, code)) low = middle + 1
      else high = middle
    }
    return [chunk, low, chunkAt]
  }
}

function before(chunk: Chunk, at: number, main: number, code: number): boolean {
  const mainAt = chunk.mains[at] ?? Infinity
  return mainAt < main || (mainAt === main && (chunk.codes[at] ?? Infinity) < code)
}

/** Copies what is left, records too: those may be views that hold on to a large block of memory. */
function withoutHoles(chunk: Chunk): Chunk {
  const compact: Chunk = { mains: [], codes: [], records: [], live: chunk.live }
  for (const [at, record] of chunk.records.entries()) {
    if (record === undefined) continue
    compact.mains.push(chunk.mains[at] ?? 0)
    compact.codes.push(chunk.codes[at] ?? 0)
    compact.records.push(record.slice())
  }
  return compact
}
