import { unexpected } from './connection.ts'
import type { ConnectionUser } from './connection.ts'
import type { Desk } from './desk.ts'
import { frameType } from './frame.ts'
import { encodeReason } from './handshake.ts'
import type { Guest } from './listener.ts'
import { malformed, Refusal } from './refusal.ts'

/** The requests that this member works at, of all connections together. */
export interface RequestLoad {
  /** Unit: bytes. */
  bytes: number
}

/** Answers the requests of one connection, several at a time. */
export class IncomingRequests implements ConnectionUser {
  readonly #desk: Desk
  readonly #guest: Guest
  readonly #load: RequestLoad
  #running = 0

  constructor(desk: Desk, guest: Guest, load: RequestLoad) {
    this.#desk = desk
    this.#guest = guest
    this.#load = load
  }

  onFrame(type: number, body: Buffer): void {
    if (type !== frameType.request) throw unexpected(type)
    if (body.length < 4) throw malformed('a request without an id')
    const id = body.readUInt32LE(0)
    const { requestMaxConcurrent, queueMaxBytes } = this.#desk.options
    const isTooMuch = this.#running >= requestMaxConcurrent || this.#load.bytes + body.length > queueMaxBytes
    if (isTooMuch) this.#fail(id, 'too many requests are at work already')
    else void this.#answer(id, body.subarray(4))
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.#guest.connection.remoteAddress)
  }

  onEnd(): void {}

  async #answer(id: number, request: Uint8Array): Promise<void> {
    const { handler, options } = this.#desk
    const { peer } = this.#guest
    this.#running++
    this.#load.bytes += request.length
    try {
      const answer = await handler.onRequest(peer.memberId, request)
      if (answer.length + 4 > options.frameMaxBytes) {
        throw new Error(`the answer has ${answer.length} bytes, at most ${options.frameMaxBytes} may be`)
      }
      this.#reply(frameType.answer, id, answer)
    } catch (error) {
      this.#fail(id, error instanceof Error ? error.message : String(error))
    } finally {
      this.#running--
      this.#load.bytes -= request.length
    }
  }

  #fail(id: number, reason: string): void {
    this.#reply(frameType.failure, id, encodeReason(reason))
  }

  #reply(type: number, id: number, body: Uint8Array): void {
    const { connection } = this.#guest
    if (connection.bufferedBytes + body.length > this.#desk.options.queueMaxBytes) {
      connection.refuse(new Refusal('slow', 'answers are not read'))
    } else connection.write(type, body, id)
  }
}
