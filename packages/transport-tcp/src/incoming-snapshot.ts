import type { TransportError } from '@orrery/raft-node'
import { lost, unexpected } from './connection.ts'
import type { ConnectionUser } from './connection.ts'
import type { Desk } from './desk.ts'
import { frameType } from './frame.ts'
import { decodeReason, encodeReason } from './handshake.ts'
import type { Guest } from './listener.ts'
import { malformed } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import type { Settle } from './settle.ts'

const end: IteratorResult<Uint8Array> = { done: true, value: undefined }

/**
 * A snapshot that arrives over a connection of its own. Its sender may be ahead of its reader by a window of
 * bytes; the socket itself is always read, so that signs of life are seen under a slow reader.
 */
export class IncomingSnapshot implements ConnectionUser, AsyncIterableIterator<Uint8Array> {
  readonly #desk: Desk
  readonly #guest: Guest
  readonly #onOver: () => void
  #isBegun = false
  #isComplete = false
  #failure: TransportError | undefined
  #chunks: Uint8Array[] = []
  /** What the sender may still send. */
  #creditBytes = 0
  /** Read, and not yet given back as credit. */
  #readBytes = 0
  #waiting: Settle<IteratorResult<Uint8Array>> | undefined

  constructor(desk: Desk, guest: Guest, onOver: () => void) {
    this.#desk = desk
    this.#guest = guest
    this.#onOver = onOver
  }

  onFrame(type: number, body: Buffer): void {
    switch (type) {
      case frameType.snapshotHeader:
        if (this.#isBegun) throw unexpected(type)
        this.#isBegun = true
        void this.#receive(body)
        this.#credit(this.#desk.options.snapshotWindowBytes)
        return
      case frameType.snapshotChunk:
        this.#take(body)
        return
      case frameType.snapshotEnd:
        if (!this.#isBegun || this.#isComplete) throw unexpected(type)
        this.#isComplete = true
        if (this.#chunks.length === 0) this.#wake()?.resolve(end)
        return
      case frameType.snapshotAbort:
        this.#guest.connection.destroy(lost(`the sender gave up: ${decodeReason(body)}`))
        return
      default:
        throw unexpected(type)
    }
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.#guest.connection.remoteAddress)
  }

  onEnd(error: TransportError): void {
    this.#onOver()
    this.#failure = error
    this.#chunks = []
    this.#wake()?.reject(error)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    const chunk = this.#chunks.shift()
    if (chunk !== undefined) {
      this.#readBytes += chunk.length
      if (this.#readBytes >= this.#desk.options.snapshotWindowBytes / 4) {
        this.#credit(this.#readBytes)
        this.#readBytes = 0
      }
      return Promise.resolve({ done: false, value: chunk })
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#isComplete) return Promise.resolve(end)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  #take(chunk: Uint8Array): void {
    if (!this.#isBegun || this.#isComplete || chunk.length > this.#creditBytes)
      throw malformed('more than was asked for')
    this.#creditBytes -= chunk.length
    this.#chunks.push(chunk)
    const waiting = this.#wake()
    if (waiting !== undefined) void this.next().then(waiting.resolve, waiting.reject)
  }

  #wake(): Settle<IteratorResult<Uint8Array>> | undefined {
    const waiting = this.#waiting
    this.#waiting = undefined
    return waiting
  }

  #credit(bytes: number): void {
    this.#creditBytes += bytes
    const body = Buffer.allocUnsafe(4)
    body.writeUInt32LE(bytes)
    this.#guest.connection.write(frameType.snapshotCredit, body)
  }

  async #receive(header: Uint8Array): Promise<void> {
    const { connection, peer } = this.#guest
    try {
      await this.#desk.handler.onSnapshot({ from: peer.memberId, header, content: this })
      connection.finish(frameType.snapshotDone, new Uint8Array(0), lost('the snapshot is there'))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      connection.finish(frameType.snapshotFailed, encodeReason(reason), lost('the snapshot is of no use'))
    }
  }
}
