import { Socket } from 'node:net'
import type { ConnectionSocket } from './connection-host.ts'
import { frameHeaderBytes } from './protocol.ts'

const chunkBytes = 32_768
const pooledChunksMax = 64

/** Longer pieces are sent from where they lie, shorter ones are copied: a piece costs about as much as so many bytes. */
const copyMaxBytes = 4_096

/** Memory that connections write into and give back once the socket has taken it: few hold any between turns. */
export class ChunkPool {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(chunkBytes)
  }

  give(chunk: Buffer): void {
    if (chunk.length === chunkBytes && this.#free.length < pooledChunksMax) this.#free.push(chunk)
  }
}

/** Frames that wait to be written, back to back. */
export class Output {
  readonly #pool: ChunkPool
  #chunk: Buffer | undefined
  /** What of the chunk is not among the pieces yet. */
  #from = 0
  #to = 0
  #pieces: Buffer[] = []
  #pieceBytes = 0

  constructor(pool: ChunkPool) {
    this.#pool = pool
  }

  /** Unit: bytes. */
  get size(): number {
    return this.#pieceBytes + this.#to - this.#from
  }

  /** Writes the header of a frame. RFC 9113, section 4.1. */
  frame(length: number, type: number, flags: number, streamId: number): void {
    const chunk = this.#room(frameHeaderBytes)
    const at = this.#to
    chunk[at] = length >>> 16
    chunk[at + 1] = length >>> 8
    chunk[at + 2] = length
    chunk[at + 3] = type
    chunk[at + 4] = flags
    chunk[at + 5] = streamId >>> 24
    chunk[at + 6] = streamId >>> 16
    chunk[at + 7] = streamId >>> 8
    chunk[at + 8] = streamId
    this.#to = at + frameHeaderBytes
  }

  /** Writes a 32-bit number. */
  uint32(value: number): void {
    const chunk = this.#room(4)
    const at = this.#to
    chunk[at] = value >>> 24
    chunk[at + 1] = value >>> 16
    chunk[at + 2] = value >>> 8
    chunk[at + 3] = value
    this.#to = at + 4
  }

  /** Writes one byte. */
  byte(value: number): void {
    this.#room(1)[this.#to] = value
    this.#to += 1
  }

  /** Writes bytes, which must not change any more. */
  bytes(bytes: Uint8Array): void {
    const { length } = bytes
    if (length > copyMaxBytes) {
      this.#cut()
      this.#pieces.push(Buffer.from(bytes.buffer, bytes.byteOffset, length))
      this.#pieceBytes += length
      return
    }
    const chunk = this.#room(length)
    const at = this.#to
    // A call into native code costs more than a few bytes.
    if (length < 48) for (let i = 0; i < length; i++) chunk[at + i] = bytes[i] as number
    else chunk.set(bytes, at)
    this.#to = at + length
  }

  /** Hands everything to the socket at once. */
  flush(socket: ConnectionSocket): void {
    const chunk = this.#chunk
    this.#cut()
    const pieces = this.#pieces
    const [first] = pieces
    if (first === undefined) return
    if (pieces.length === 1) socket.write(first)
    else {
      socket.cork()
      for (const piece of pieces) socket.write(piece)
      socket.uncork()
    }
    this.#pieces.length = 0
    this.#pieceBytes = 0
    this.#chunk = undefined
    this.#from = 0
    this.#to = 0
    if (chunk !== undefined && hasLeft(socket)) this.#pool.give(chunk)
  }

  #room(bytes: number): Buffer {
    const chunk = this.#chunk
    if (chunk !== undefined && this.#to + bytes <= chunk.length) return chunk
    this.#cut()
    this.#from = 0
    this.#to = 0
    this.#chunk = this.#pool.take()
    return this.#chunk
  }

  /** Moves what was written into the chunk to the pieces. */
  #cut(): void {
    if (this.#chunk === undefined || this.#to === this.#from) return
    this.#pieces.push(this.#chunk.subarray(this.#from, this.#to))
    this.#pieceBytes += this.#to - this.#from
    this.#from = this.#to
  }
}

/**
 * Whether nobody looks at the memory any more that was written. An empty queue of a socket says that the kernel has it
 * all; TLS may hold on to what it encrypts, and any other stream hands on the very memory.
 */
function hasLeft(socket: ConnectionSocket): boolean {
  return socket instanceof Socket && !('encrypted' in socket) && socket.writableLength === 0
}
