/** A change of a file that is in the page cache only. */
type Change =
  | { readonly type: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'resize'; readonly length: number }

/** Bytes that grow. */
class Content {
  #bytes: Uint8Array
  length: number

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  get view(): Uint8Array {
    return this.#bytes.subarray(0, this.length)
  }

  apply(change: Change): void {
    const end = change.type === 'resize' ? change.length : change.offset + change.bytes.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.view)
      this.#bytes = grown
    }
    if (change.type === 'write') {
      this.#bytes.set(change.bytes, change.offset)
      this.length = Math.max(this.length, end)
    } else {
      this.#bytes.fill(0, end)
      this.length = end
    }
  }
}

/** Decides which part of an un-synced write survives a loss of power. */
export type PieceSurvives = (piece: { readonly bytes: number }) => number

/** The unit in which a disk writes. Unit: bytes. */
const sectorBytes = 512

/** A file as the page cache shows it, and as it would be found after a loss of power. */
export class SimulatedFile {
  #cached: Content
  readonly #durable: Content
  #unsynced: Change[] = []

  constructor(durable: Uint8Array = new Uint8Array()) {
    this.#durable = new Content(durable.slice())
    this.#cached = new Content(durable.slice())
  }

  /** What a reader sees. */
  get cached(): Uint8Array {
    return this.#cached.view
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
    for (const { view } of [this.#cached, this.#durable]) {
      const byte = view[offset]
      if (byte !== undefined) view[offset] = byte ^ mask
    }
  }

  /** The same file for a process that starts after this one was killed: the page cache lives on. */
  afterKill(): SimulatedFile {
    const copy = new SimulatedFile(this.#durable.view)
    copy.#cached = new Content(this.cached.slice())
    copy.#unsynced = [...this.#unsynced]
    return copy
  }

  /** The file after a loss of power, with as many bytes of each un-synced piece as `survives` says. */
  afterPowerLoss(survives: PieceSurvives): SimulatedFile {
    const content = new Content(this.#durable.view.slice())
    for (const change of this.#unsynced) {
      if (change.type === 'resize') {
        if (survives({ bytes: 0 }) >= 0) content.apply(change)
        continue
      }
      for (const piece of sectorsOf(change.offset, change.bytes)) {
        const bytes = piece.bytes.subarray(0, survives({ bytes: piece.bytes.length }))
        if (bytes.length > 0) content.apply({ type: 'write', offset: piece.offset, bytes })
      }
    }
    return new SimulatedFile(content.view)
  }
}

function* sectorsOf(offset: number, bytes: Uint8Array): Generator<{ offset: number; bytes: Uint8Array }> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(sectorBytes - ((offset + at) % sectorBytes), bytes.length - at)
    yield { offset: offset + at, bytes: bytes.subarray(at, at + length) }
    at += length
  }
}
