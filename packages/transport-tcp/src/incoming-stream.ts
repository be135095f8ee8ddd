import { decodeMessages, type Message } from '@orrery/raft'
import { unexpected } from './connection.ts'
import type { ConnectionUser } from './connection.ts'
import type { Desk } from './desk.ts'
import { frameType } from './frame.ts'
import type { Guest } from './listener.ts'
import { malformed, Refusal } from './refusal.ts'

/** Messages of one peer. */
export class IncomingStream implements ConnectionUser {
  readonly guest: Guest
  readonly #desk: Desk
  readonly #onOver: () => void

  constructor(desk: Desk, guest: Guest, onOver: () => void) {
    this.#desk = desk
    this.guest = guest
    this.#onOver = onOver
  }

  onFrame(type: number, body: Buffer): void {
    if (type !== frameType.messages) throw unexpected(type)
    const messages = decode(body)
    const { identity, counters, handler } = this.#desk
    const { memberId } = this.guest.peer
    for (const { from, to } of messages) {
      if (from === memberId && to === identity.memberId) continue
      throw new Refusal('misdirected', `a message from ${from} to ${to}, sent by ${memberId}`)
    }
    counters.receivedMessages += messages.length
    if (messages.length > 0) handler.onMessages(messages)
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.guest.connection.remoteAddress)
  }

  onEnd(): void {
    this.#onOver()
  }
}

function decode(body: Uint8Array): readonly Message[] {
  try {
    return decodeMessages(body)
  } catch (error) {
    throw malformed(`messages that cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}
