import { ConnectionError, errorCode, frameHeaderBytes, frameMaxBytes, frameType } from './protocol.ts'

/** Takes frames as they come: the payload is `bytes` from `start` to `end`. */
export type FrameHandler = (
  header: { readonly type: number; readonly flags: number; readonly streamId: number },
  bytes: Buffer,
  start: number,
  end: number,
) => void

/**
 * Cuts what comes from a socket into frames. RFC 9113, section 4.1. A frame that lies in one chunk is not copied.
 */
export class FrameReader {
  readonly #handle: FrameHandler
  /** The begin of a frame whose end has not come. */
  #partial: Buffer = Buffer.alloc(0)
  #filled = 0
  /** The one header object of this reader: it is read before the next frame. */
  readonly #header = { type: 0, flags: 0, streamId: 0 }

  constructor(handle: FrameHandler) {
    this.#handle = handle
  }

  /** Whether the begin of a frame of headers waits for its end, or of a frame that may turn out to be one. */
  get isInHeaders(): boolean {
    if (this.#filled === 0) return false
    const type = this.#filled < frameHeaderBytes ? frameType.headers : this.#partial[3]
    return type === frameType.headers || type === frameType.continuation
  }

  /** @throws ConnectionError, and what the handler throws */
  read(chunk: Buffer): void {
    let at = this.#filled > 0 ? this.#complete(chunk) : 0
    const { length } = chunk
    while (length - at >= frameHeaderBytes) {
      const size = payloadBytes(chunk, at)
      const start = at + frameHeaderBytes
      if (length - start < size) break
      at = start + size
      this.#dispatch(chunk, start - frameHeaderBytes, at)
    }
    if (at < length) this.#keep(chunk, at)
  }

  #dispatch(bytes: Buffer, at: number, end: number): void {
    const header = this.#header
    header.type = bytes[at + 3] as number
    header.flags = bytes[at + 4] as number
    header.streamId = bytes.readUInt32BE(at + 5) & 0x7fff_ffff
    this.#handle(header, bytes, at + frameHeaderBytes, end)
  }

  /** Fills up the frame that has begun. @returns where the next one begins in `chunk` */
  #complete(chunk: Buffer): number {
    let at = this.#fill(chunk, 0, frameHeaderBytes)
    if (this.#filled < frameHeaderBytes) return at
    const total = frameHeaderBytes + payloadBytes(this.#partial, 0)
    at = this.#fill(chunk, at, total)
    if (this.#filled < total) return at
    const frame = this.#partial
    this.#filled = 0
    this.#partial = Buffer.alloc(0)
    this.#dispatch(frame, 0, total)
    return at
  }

  /** Adds bytes from `at` on until the frame has `total`. @returns where it stopped */
  #fill(chunk: Buffer, at: number, total: number): number {
    if (this.#partial.length < total) {
      const grown = Buffer.allocUnsafeSlow(total)
      this.#partial.copy(grown, 0, 0, this.#filled)
      this.#partial = grown
    }
    const taken = Math.min(chunk.length - at, Math.max(0, total - this.#filled))
    chunk.copy(this.#partial, this.#filled, at, at + taken)
    this.#filled += taken
    return at + taken
  }

  #keep(chunk: Buffer, at: number): void {
    const header = chunk.length - at >= frameHeaderBytes
    const total = header ? frameHeaderBytes + payloadBytes(chunk, at) : frameHeaderBytes
    this.#filled = 0
    this.#fill(chunk, at, total)
  }
}

/** @throws ConnectionError when the frame is longer than we announced. RFC 9113, section 4.2. */
function payloadBytes(bytes: Buffer, at: number): number {
  const size = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
  if (size > frameMaxBytes) throw new ConnectionError(errorCode.frameSizeError, 'a frame is too long')
  return size
}
