import type { Http2Connection } from './connection.ts'
import { ConnectionError, errorCode, frameMaxBytes } from './protocol.ts'

/** CONTINUATION frames of one header block: more than a block within its limits needs. */
const continuationsMax = 16

/** Puts header blocks together that come in several frames. RFC 9113, section 6.10. */
export class HeaderBlockAssembly {
  readonly #connection: Http2Connection
  #streamId = 0
  #endStream = false
  #parts: Buffer[] = []
  #bytes = 0

  constructor(connection: Http2Connection) {
    this.#connection = connection
  }

  /** Whether a block has begun: then nothing but its rest may come. */
  get isOpen(): boolean {
    return this.#streamId !== 0
  }

  /** Begins a block with the part that its HEADERS frame holds. */
  open(streamId: number, endStream: boolean, part: Buffer): void {
    this.#streamId = streamId
    this.#endStream = endStream
    this.#parts = [Buffer.from(part)]
    this.#bytes = part.length
  }

  /**
   * Adds the part of a CONTINUATION frame.
   *
   * @returns the block, when that was the last part
   * @throws ConnectionError
   */
  add(
    streamId: number,
    part: Buffer,
    isLast: boolean,
  ): { readonly bytes: Buffer; readonly endStream: boolean } | undefined {
    if (!this.isOpen || streamId !== this.#streamId) {
      throw new ConnectionError(errorCode.protocolError, 'CONTINUATION of nothing')
    }
    this.#parts.push(Buffer.from(part))
    this.#bytes += part.length
    // The block cannot be skipped, because the tables of both ends would differ: so that it ends the connection.
    if (this.#parts.length > continuationsMax || this.#bytes > this.#maxBytes) {
      this.#connection.guard.refuse('headerBlockTooLong', 'a header block is too long')
    }
    if (!isLast) return undefined
    const bytes = Buffer.concat(this.#parts)
    this.#streamId = 0
    this.#parts = []
    return { bytes, endStream: this.#endStream }
  }

  /** A block is rarely longer than what it means. */
  get #maxBytes(): number {
    return this.#connection.host.limits.metadataMaxBytes + frameMaxBytes
  }
}
