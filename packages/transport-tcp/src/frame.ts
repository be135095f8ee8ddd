import { crc32 } from 'node:zlib'
import { malformed } from './refusal.ts'

/*
 * All that goes over a connection, in either direction, is frames:
 *
 *   length  4 bytes, little endian: of the body
 *   crc     4 bytes, little endian: CRC-32 of type and body
 *   type    1 byte
 *   body
 */

/** What frames are for. Numbers are never given a second meaning. */
export const frameType = {
  /** From who dialled: {@link Hello}. */
  hello: 1,
  /** Answers it. */
  welcome: 2,
  /** Answers it, or ends the conversation later: a reason as text. */
  refuse: 3,
  /** From who dialled; answered by `pong`. */
  ping: 4,
  pong: 5,
  /** On a stream: encoded messages. */
  messages: 6,
  /** Id of the request (4 bytes), then its content. */
  request: 7,
  /** Id of the request, then the answer. */
  answer: 8,
  /** Id of the request, then the reason as text. */
  failure: 9,
  /** Begins a snapshot: the header that its receiver is given. */
  snapshotHeader: 10,
  snapshotChunk: 11,
  snapshotEnd: 12,
  /** The sender gives up: a reason as text. */
  snapshotAbort: 13,
  /** From the receiver: so many more bytes may be sent (4 bytes). */
  snapshotCredit: 14,
  /** From the receiver: the snapshot is safe. */
  snapshotDone: 15,
  /** From the receiver: a reason as text. */
  snapshotFailed: 16,
} as const

export const frameHeaderBytes = 9

const noBytes = new Uint8Array(0)
/** Below this, one buffer that is copied to costs less than two that are written. */
const copyMaxBytes = 16 * 1024
/** Up to here a frame's buffer is made at once; a larger one grows with what arrives. */
const trustMaxBytes = 1024 * 1024

/**
 * A frame as the buffers that make it up.
 *
 * @param id of a request, in front of the body
 */
export function encodeFrame(type: number, body: Uint8Array = noBytes, id?: number): readonly Uint8Array[] {
  const headBytes = frameHeaderBytes + (id === undefined ? 0 : 4)
  const isCopied = body.length <= copyMaxBytes
  const head = Buffer.allocUnsafe(isCopied ? headBytes + body.length : headBytes)
  head.writeUInt32LE(headBytes - frameHeaderBytes + body.length, 0)
  head[8] = type
  if (id !== undefined) head.writeUInt32LE(id, frameHeaderBytes)
  if (isCopied) {
    head.set(body, headBytes)
    head.writeUInt32LE(crc32(head.subarray(8)), 4)
    return [head]
  }
  head.writeUInt32LE(crc32(body, crc32(head.subarray(8))), 4)
  return [head, body]
}

/** Cuts what arrives into frames. Holds no more than twice what has arrived of one. */
export class FrameReader {
  /** Checked before anything is kept of a frame's body. Unit: bytes. */
  bodyMaxBytes: number
  /** The beginning of a frame that is not complete. */
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0
  /** As far as it is known. */
  #frameBytes = frameHeaderBytes

  constructor(bodyMaxBytes: number) {
    this.bodyMaxBytes = bodyMaxBytes
  }

  /**
   * Hands over the frames that are complete now. Bodies are views on buffers that are not used again.
   *
   * @param onFrame returns whether more frames are wanted
   * @throws Refusal of a frame that is too large or damaged
   */
  read(chunk: Buffer, onFrame: (type: number, body: Buffer) => boolean): void {
    let bytes = chunk
    if (this.#heldBytes > 0) {
      this.#hold(chunk)
      if (this.#heldBytes < this.#frameBytes) return
      bytes = this.#held.subarray(0, this.#heldBytes)
      this.#heldBytes = 0
      this.#held = Buffer.alloc(0)
    }
    let at = 0
    for (;;) {
      this.#frameBytes = frameHeaderBytes
      if (bytes.length - at < frameHeaderBytes) break
      this.#frameBytes += this.#bodyBytes(bytes, at)
      if (bytes.length - at < this.#frameBytes) break
      const end = at + this.#frameBytes
      if (crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4))
        throw malformed('a damaged frame')
      const type = bytes[at + 8] ?? 0
      const body = bytes.subarray(at + frameHeaderBytes, end)
      at = end
      if (!onFrame(type, body)) return
    }
    if (at < bytes.length) this.#hold(bytes.subarray(at))
  }

  #bodyBytes(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32LE(at)
    if (length > this.bodyMaxBytes) {
      throw malformed(`a frame of ${length} bytes, at most ${this.bodyMaxBytes} may be`)
    }
    return length
  }

  #hold(bytes: Buffer): void {
    const heldBytes = this.#heldBytes + bytes.length
    if (heldBytes > this.#held.length) {
      const capacity = Math.max(heldBytes * 2, Math.min(this.#frameBytes, trustMaxBytes))
      const grown = Buffer.allocUnsafe(Math.max(heldBytes, Math.min(capacity, this.#frameBytes)))
      grown.set(this.#held.subarray(0, this.#heldBytes))
      this.#held = grown
    }
    this.#held.set(bytes, this.#heldBytes)
    this.#heldBytes = heldBytes
    if (this.#frameBytes === frameHeaderBytes && heldBytes >= frameHeaderBytes) {
      this.#frameBytes += this.#bodyBytes(this.#held, 0)
    }
  }
}
