import { unexpected } from './connection.ts'
import type { ConnectionUser } from './connection.ts'
import type { Desk } from './desk.ts'
import { frameType } from './frame.ts'
import { encodeReason } from './handshake.ts'
import type { Guest } from './listener.ts'
import { malformed, Refusal } from './refusal.ts'

/** Answers the requests of one connection, several at a time. */
export class IncomingRequests implements ConnectionUser {
  readonly #desk: Desk
  readonly #guest: Guest
  #running = 0

  constructor(desk: Desk, guest: Guest) {
    this.#desk = desk
    this.#guest = guest
  }

  onFrame(type: number, body: Buffer): void {
    if (type !== frameType.request) throw unexpected(type)
    if (body.length < 4) throw malformed('a request without an id')
    const id = body.readUInt32LE(0)
    const { requestMaxConcurrent } = this.#desk.options
    if (this.#running >= requestMaxConcurrent)
      this.#fail(id, `${requestMaxConcurrent} requests are at work already`)
    else void this.#answer(id, body.subarray(4))
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.#guest.connection.remoteAddress)
  }

  onEnd(): void {}

  async #answer(id: number, request: Uint8Array): Promise<void> {
    const { handler, options } = this.#desk
    const { connection, peer } = this.#guest
    this.#running++
    try {
      const answer = await handler.onRequest(peer.memberId, request)
      if (answer.length + 4 > options.frameMaxBytes) {
        throw new Error(`the answer has ${answer.length} bytes, at most ${options.frameMaxBytes} may be`)
      }
      if (connection.bufferedBytes + answer.length > options.queueMaxBytes) {
        connection.refuse(new Refusal('slow', 'answers are not read'))
      } else connection.write(frameType.answer, answer, id)
    } catch (error) {
      this.#fail(id, error instanceof Error ? error.message : String(error))
    } finally {
      this.#running--
    }
  }

  #fail(id: number, reason: string): void {
    this.#guest.connection.write(frameType.failure, encodeReason(reason), id)
  }
}
