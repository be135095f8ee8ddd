/** A change of a file that is in the page cache only. */
type Change =
  | { readonly type: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'fill'; readonly offset: number; readonly length: number }
  | { readonly type: 'resize'; readonly length: number }

/** Bytes that grow. Zeros at the end take no memory: a log writes many of them ahead. */
class Content {
  #bytes: Uint8Array
  /** Everything from here on is zero. */
  #used: number
  length: number

  constructor(bytes: Uint8Array = new Uint8Array(), length = bytes.length) {
    this.#bytes = bytes
    this.#used = bytes.length
    this.length = length
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, this.length - offset)))
    bytes.set(this.#bytes.subarray(offset, Math.min(this.#used, offset + bytes.length)))
    return bytes
  }

  copy(): Content {
    return new Content(this.#bytes.slice(0, this.#used), this.length)
  }

  apply(change: Change): void {
    switch (change.type) {
      case 'write': {
        const { offset, bytes } = change
        this.#reserve(offset + bytes.length)
        this.#bytes.set(bytes, offset)
        this.length = Math.max(this.length, offset + bytes.length)
        break
      }
      case 'fill': {
        const end = change.offset + change.length
        if (change.offset < this.#used) this.#bytes.fill(0, change.offset, Math.min(end, this.#used))
        this.length = Math.max(this.length, end)
        break
      }
      case 'resize':
        this.length = change.length
        if (this.length >= this.#used) break
        this.#bytes.fill(0, this.length, this.#used)
        this.#used = this.length
    }
  }

  flipBits(offset: number, mask: number): void {
    if (offset >= this.length) return
    this.#reserve(offset + 1)
    this.#bytes[offset] = (this.#bytes[offset] ?? 0) ^ mask
  }

  #reserve(end: number): void {
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, this.#used))
      this.#bytes = grown
    }
    this.#used = Math.max(this.#used, end)
  }
}

/** Decides which part of an un-synced write survives a loss of power. */
export type PieceSurvives = (piece: { readonly bytes: number }) => number

/** The unit in which a disk writes. Unit: bytes. */
const sectorBytes = 512

/** A file as the page cache shows it, and as it would be found after a loss of power. */
export class SimulatedFile {
  readonly #cached: Content
  readonly #durable: Content
  #unsynced: Change[]

  constructor(cached = new Content(), durable = new Content(), unsynced: Change[] = []) {
    this.#cached = cached
    this.#durable = durable
    this.#unsynced = unsynced
  }

  get length(): number {
    return this.#cached.length
  }

  /** What a reader sees. A copy. */
  read(offset = 0, length = Infinity): Uint8Array<ArrayBuffer> {
    return this.#cached.read(offset, length)
  }

  change(change: Change): void {
    this.#cached.apply(change)
    this.#unsynced.push(change)
  }

  sync(): void {
    for (const change of this.#unsynced) this.#durable.apply(change)
    this.#unsynced = []
  }

  /**
   * A sync that fails. As on ext4, XFS and Btrfs: the pages count as clean afterwards. Readers see them,
   * the disk does not have them, and the next sync succeeds without writing them.
   */
  failSync(): void {
    this.#unsynced = []
  }

  /** Damages the medium: readers and survivors see it alike. */
  flipBits(offset: number, mask: number): void {
    for (const content of [this.#cached, this.#durable]) content.flipBits(offset, mask)
  }

  /** The same file for a process that starts after this one was killed: the page cache lives on. */
  afterKill(): SimulatedFile {
    return new SimulatedFile(this.#cached.copy(), this.#durable.copy(), [...this.#unsynced])
  }

  /** The file after a loss of power, with as many bytes of each un-synced piece as `survives` says. */
  afterPowerLoss(survives: PieceSurvives): SimulatedFile {
    const content = this.#durable.copy()
    for (const change of this.#unsynced) {
      if (change.type === 'resize') {
        if (survives({ bytes: 0 }) >= 0) content.apply(change)
        continue
      }
      for (const { offset, length } of sectorsOf(change)) {
        const bytes = survives({ bytes: length })
        if (bytes > 0) content.apply(partOf(change, offset, bytes))
      }
    }
    return new SimulatedFile(content, content.copy())
  }
}

type Writing = Exclude<Change, { type: 'resize' }>

function partOf(change: Writing, offset: number, length: number): Change {
  if (change.type === 'fill') return { type: 'fill', offset, length }
  const start = offset - change.offset
  return { type: 'write', offset, bytes: change.bytes.subarray(start, start + length) }
}

function* sectorsOf(change: Writing): Generator<{ offset: number; length: number }> {
  const end = change.offset + (change.type === 'fill' ? change.length : change.bytes.length)
  for (let offset = change.offset; offset < end; ) {
    const length = Math.min(sectorBytes - (offset % sectorBytes), end - offset)
    yield { offset, length }
    offset += length
  }
}
