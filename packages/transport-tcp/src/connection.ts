import type { Socket } from 'node:net'
import type { Clock, Timer } from '@orrery/environment'
import { TransportError } from '@orrery/raft-node'
import { encodeFrame, FrameReader, frameType } from './frame.ts'
import { decodeReason, encodeReason, handshakeMaxBytes } from './handshake.ts'
import { malformed, Refusal } from './refusal.ts'

/** What a connection is used for tells it what happens on it. */
export interface ConnectionUser {
  /** @throws Refusal: the connection is ended with it */
  onFrame(type: number, body: Buffer): void
  /** The connection is over; called once, and nothing after it. */
  onEnd(error: TransportError): void
  /** All that was written has left this process. */
  onDrain?(): void
  /** The other end broke the protocol; `onEnd` follows. */
  onRefused?(refusal: Refusal): void
}

/** How long the other end may take to read why it is refused. Unit: ms. */
const farewellMs = 1_000
/** So many bytes of a frame count as a sign of life, so that a large one on a slow line does not seem dead. */
const lifeMinBytes = 64 * 1024
/** No more answers to pings are written while so much waits to be read. Unit: bytes. */
const pongMaxBytes = 64 * 1024

/** Frames over one socket, until either end ends it. */
export class Connection {
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #reader = new FrameReader(handshakeMaxBytes)
  readonly #isDialer: boolean
  #user: ConnectionUser
  #isInUse = false
  #isCorked = false
  #end: TransportError | undefined
  #farewell: Timer | undefined
  /** Ticks since the last sign of life. */
  #silentTicks = 0
  #unseenBytes = 0

  constructor(parts: {
    readonly socket: Socket
    readonly clock: Clock
    readonly role: 'dialer' | 'acceptor'
    readonly user: ConnectionUser
  }) {
    const { socket } = parts
    this.#socket = socket
    this.#clock = parts.clock
    this.#isDialer = parts.role === 'dialer'
    this.#user = parts.user
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('drain', () => {
      if (this.#end === undefined) this.#user.onDrain?.()
    })
    socket.on('error', (error) => this.destroy(lost(error.message, error)))
    socket.on('end', () => this.destroy(lost('the other end closed it')))
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#farewell?.cancel()
        this.destroy(lost('it was closed'))
        resolve()
      })
    })
  }

  get isOver(): boolean {
    return this.#end !== undefined
  }

  /** Written, and still in this process. Unit: bytes. */
  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? 'unknown'
  }

  /** Both ends know each other: from now on the frames are `user`'s, and may be this large. */
  use(user: ConnectionUser, frameMaxBytes: number): void {
    this.#user = user
    this.#isInUse = true
    this.#reader.bodyMaxBytes = frameMaxBytes
    if (this.#end !== undefined) user.onEnd(this.#end)
  }

  /** @param id of a request, in front of the body */
  write(type: number, body?: Uint8Array, id?: number): void {
    if (this.#end !== undefined) return
    if (!this.#isCorked) {
      // What follows before anything else happens goes out with it.
      this.#isCorked = true
      this.#socket.cork()
      process.nextTick(this.#uncork)
    }
    for (const buffer of encodeFrame(type, body, id)) this.#socket.write(buffer)
  }

  /** Says one last thing and hangs up. */
  finish(type: number, body: Uint8Array, error: TransportError): void {
    if (this.#end !== undefined) return
    this.write(type, body)
    this.#over(error)
    this.#socket.end()
    this.#farewell = this.#clock.setTimer(farewellMs, () => this.#socket.destroy())
  }

  /** Tells the other end why this one does not want it. */
  refuse(refusal: Refusal): void {
    if (this.#end !== undefined) return
    this.#user.onRefused?.(refusal)
    this.finish(frameType.refuse, encodeReason(refusal.reason), refusal)
  }

  /** Ends it at once. Safe to call twice: the first error stays. */
  destroy(error: TransportError): void {
    this.#over(error)
    this.#socket.destroy()
  }

  /**
   * A keep-alive interval has passed. Intervals are counted, and not the time: a process that was paused
   * reads what has arrived meanwhile before it takes its peers for dead.
   */
  tick(silentMaxTicks: number): void {
    if (this.#end !== undefined || !this.#isInUse) return
    if (++this.#silentTicks > silentMaxTicks) this.destroy(lost('nothing came for too long'))
    else if (this.#isDialer) this.write(frameType.ping)
  }

  readonly #uncork = (): void => {
    this.#isCorked = false
    this.#socket.uncork()
  }

  #over(error: TransportError): void {
    if (this.#end !== undefined) return
    this.#end = error
    this.#user.onEnd(error)
  }

  #read(chunk: Buffer): void {
    if (this.#end !== undefined) return
    this.#unseenBytes += chunk.length
    if (this.#unseenBytes >= lifeMinBytes) this.#showLife()
    try {
      this.#reader.read(chunk, this.#onFrame)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.refuse(error)
    }
  }

  readonly #onFrame = (type: number, body: Buffer): boolean => {
    this.#showLife()
    if (type === frameType.refuse) {
      this.destroy(new TransportError('TRANSPORT_REFUSED', decodeReason(body)))
    } else if (type === frameType.ping && !this.#isDialer && body.length === 0) {
      // Who asks and does not listen gets no more answers than a socket holds.
      if (this.bufferedBytes < pongMaxBytes) this.write(frameType.pong)
    } else if (type !== frameType.pong || !this.#isDialer) this.#user.onFrame(type, body)
    return this.#end === undefined
  }

  #showLife(): void {
    this.#silentTicks = 0
    this.#unseenBytes = 0
  }
}

/** The error of a connection that broke. */
export function lost(reason: string, cause?: unknown): TransportError {
  const options = cause === undefined ? {} : { cause }
  return new TransportError('TRANSPORT_UNREACHABLE', `the connection ended: ${reason}`, options)
}

/** What a user throws at a frame that has no place where it came. */
export function unexpected(type: number): Refusal {
  return malformed(`a frame of type ${type} at the wrong time`)
}
