import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { flag, frameType } from './raw-frames.ts'
import type { Field } from './raw-headers.ts'

/** A frame from the server. */
export interface ReceivedFrame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
  /** Of HEADERS: the decoded fields of the whole block. */
  readonly fields: readonly Field[]
}

const limits = { listMaxBytes: 1_000_000, listMaxFields: 10_000 }

/** Cuts what a server sends into frames, and decodes its header blocks. */
export class ReceivedFrames {
  readonly #decoder = new HpackDecoder({ tableMaxBytes: 4096 })
  #rest: Buffer = Buffer.alloc(0)
  #block: { readonly start: ReceivedFrame; readonly parts: Buffer[] } | undefined;

  /** The frames that `chunk` completes. */
  *read(chunk: Buffer): Generator<ReceivedFrame> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (;;) {
      if (this.#rest.length < 9) return
      const length = this.#rest.readUIntBE(0, 3)
      if (this.#rest.length < 9 + length) return
      const [type, flags, streamId] = [this.#rest[3] ?? 0, this.#rest[4] ?? 0, this.#rest.readUInt32BE(5)]
      const payload = Buffer.from(this.#rest.subarray(9, 9 + length))
      this.#rest = this.#rest.subarray(9 + length)
      const complete = this.#complete({ type, flags, streamId, payload, fields: [] })
      if (complete !== undefined) yield complete
    }
  }

  #complete(frame: ReceivedFrame): ReceivedFrame | undefined {
    if (frame.type !== frameType.headers && frame.type !== frameType.continuation) {
      if (this.#block !== undefined) throw new Error('the server interrupted a header block')
      return frame
    }
    if (frame.type === frameType.headers) this.#block = { start: frame, parts: [] }
    if (this.#block === undefined) throw new Error('the server continued no header block')
    this.#block.parts.push(frame.payload)
    if ((frame.flags & flag.endHeaders) === 0) return undefined
    const { start, parts } = this.#block
    this.#block = undefined
    return { ...start, payload: Buffer.concat(parts), fields: this.#decode(Buffer.concat(parts)) }
  }

  #decode(block: Buffer): Field[] {
    const flat: string[] = []
    if (!this.#decoder.decode(block, 0, block.length, flat, limits)) {
      throw new Error(`the server sent a header block that cannot be decoded: ${block.toString('hex')}`)
    }
    return Array.from({ length: flat.length / 2 }, (_, n) => [flat[n * 2] ?? '', flat[n * 2 + 1] ?? ''])
  }
}
