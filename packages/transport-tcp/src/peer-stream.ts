import type { Timer } from '@orrery/environment'
import { encodeMessages, type MemberId, type Message } from '@orrery/raft'
import { type Peer, type PeerIdentity, TransportError } from '@orrery/raft-node'
import { unexpected } from './connection.ts'
import type { Connection, ConnectionUser } from './connection.ts'
import { closedError, type Desk } from './desk.ts'
import { dial } from './dial.ts'
import { frameType } from './frame.ts'
import { messageBytes, MessageQueue } from './message-queue.ts'
import { Refusal } from './refusal.ts'

/** Messages are put into frames of about this size, unless one is larger. Unit: bytes. */
const batchBytes = 512 * 1024
/** So much is handed to the socket; the rest waits as messages. Unit: bytes. */
const socketMaxBytes = 1024 * 1024

/** What a {@link PeerStream} tells its owner. */
export interface PeerStreamEvents {
  /** A message was dropped. */
  readonly onDropped: (peer: MemberId) => void
  /** There is something to send: call `flush` at the end of the turn. */
  readonly onWaiting: (stream: PeerStream) => void
}

/** The way of messages to one peer: one connection after the other, and a queue for the present one. */
export class PeerStream implements ConnectionUser {
  readonly id: MemberId
  readonly #desk: Desk
  readonly #events: PeerStreamEvents
  readonly #queue: MessageQueue
  readonly #closing = new AbortController()
  #addresses: readonly string[]
  #connected:
    | { readonly connection: Connection; readonly sinceMs: number; readonly peer: PeerIdentity }
    | undefined
  #failures = 0
  #retry: Timer | undefined
  #isDialling = false
  #isWaiting = false
  /** The last problem that was logged: each is, once in a row. */
  #logged = ''

  constructor(desk: Desk, { id, addresses }: Peer, events: PeerStreamEvents) {
    const { queueMaxBytes, queueReserveBytes } = desk.options
    this.id = id
    this.#desk = desk
    this.#events = events
    this.#addresses = addresses
    this.#queue = new MessageQueue({ maxBytes: queueMaxBytes, reserveBytes: queueReserveBytes })
    void this.#dial()
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  /** A peer that has moved is dialled again. */
  set addresses(addresses: readonly string[]) {
    const isSame =
      addresses.length === this.#addresses.length && addresses.every((a, n) => a === this.#addresses[n])
    this.#addresses = addresses
    if (isSame) return
    this.#connected?.connection.destroy(new TransportError('TRANSPORT_UNREACHABLE', 'the peer has moved'))
    this.#failures = 0
    this.#schedule()
  }

  get connectedMs(): number | undefined {
    if (this.#connected === undefined) return undefined
    return this.#desk.environment.clock.nowMs() - this.#connected.sinceMs
  }

  push(message: Message): void {
    if (this.#connected !== undefined && this.#queue.push(message)) this.#wait()
    else {
      if (this.#connected !== undefined && this.#queue.length === 0) this.#reportSize(messageBytes(message))
      this.#drop(1)
    }
  }

  /** Sends what waits, as far as the socket takes it. */
  flush(): void {
    this.#isWaiting = false
    const connection = this.#connected?.connection
    if (connection === undefined) return
    while (this.#queue.length > 0 && connection.bufferedBytes < socketMaxBytes) {
      this.#write(connection, this.#queue.take(batchBytes))
    }
  }

  /** Ends the connection if the handler does not accept its other end any more. */
  judge(): void {
    if (this.#connected === undefined) return
    const { connection, peer } = this.#connected
    const reason = this.#desk.handler.accepts(peer)
    if (reason !== undefined) connection.refuse(new Refusal('notAccepted', reason))
  }

  close(): void {
    this.#retry?.cancel()
    this.#closing.abort(closedError())
    const connected = this.#connected
    this.#connected = undefined
    this.#desk.counters.droppedMessages += this.#queue.clear()
    connected?.connection.destroy(closedError())
  }

  onFrame(type: number): void {
    throw unexpected(type)
  }

  onDrain(): void {
    this.#wait()
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.#addresses.join(', '))
  }

  onEnd(error: TransportError): void {
    if (this.#connected === undefined) return
    this.#connected = undefined
    this.#desk.environment.logger.info('a peer is disconnected', { peer: this.#name, reason: error.message })
    // What was on the way may be lost as well.
    this.#drop(this.#queue.clear())
    this.#schedule()
  }

  get #name(): string {
    return this.id.toString(16)
  }

  #wait(): void {
    if (this.#isWaiting || this.#queue.length === 0) return
    this.#isWaiting = true
    this.#events.onWaiting(this)
  }

  #drop(count: number): void {
    this.#desk.counters.droppedMessages += count
    this.#events.onDropped(this.id)
  }

  #write(connection: Connection, messages: readonly Message[]): void {
    const body = encodeMessages(messages)
    const { frameMaxBytes } = this.#desk.options
    if (body.length <= frameMaxBytes) {
      connection.write(frameType.messages, body)
      this.#desk.counters.sentMessages += messages.length
    } else if (messages.length > 1) {
      for (const message of messages) this.#write(connection, [message])
    } else {
      this.#reportSize(body.length)
      this.#drop(1)
    }
  }

  #reportSize(bytes: number): void {
    const fields = { peer: this.#name, bytes, frameMaxBytes: this.#desk.options.frameMaxBytes }
    this.#desk.environment.logger.error('a message is too large to be sent', fields)
  }

  async #dial(): Promise<void> {
    const { signal } = this.#closing
    this.#isDialling = true
    try {
      const target = { addresses: this.#addresses, expected: this.id, purpose: 'stream', signal } as const
      const { connection, peer } = await dial(this.#desk, target)
      this.#isDialling = false
      if (signal.aborted) {
        connection.destroy(closedError())
        return
      }
      this.#connected = { connection, peer, sinceMs: this.#desk.environment.clock.nowMs() }
      this.#failures = 0
      this.#logged = ''
      this.#desk.environment.logger.info('a peer is connected', { peer: this.#name })
      connection.use(this, this.#desk.options.frameMaxBytes)
    } catch (error) {
      this.#isDialling = false
      if (signal.aborted) return
      this.#report(error)
      this.#schedule()
    }
  }

  #report(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (reason === this.#logged) return
    this.#logged = reason
    this.#desk.environment.logger.warn('a peer is not reached', { peer: this.#name, reason })
  }

  /** Dials again, later after each failure, and not at the same moment as everybody else. */
  #schedule(): void {
    if (this.#isDialling || this.#connected !== undefined || this.#closing.signal.aborted) return
    const { clock, random } = this.#desk.environment
    const { reconnectMinMs, reconnectMaxMs } = this.#desk.options
    const delayMs = Math.min(reconnectMinMs * 2 ** this.#failures++, reconnectMaxMs)
    this.#retry?.cancel()
    this.#retry = clock.setTimer(delayMs * (0.5 + random.float() / 2), () => void this.#dial())
  }
}
