import type { Timer } from '@orrery/environment'
import type { MemberId } from '@orrery/raft'
import { type PeerIdentity, TransportError } from '@orrery/raft-node'
import { parseAddress } from './address.ts'
import { Connection, lost, unexpected } from './connection.ts'
import type { ConnectionUser } from './connection.ts'
import { closedError, type Desk } from './desk.ts'
import { frameType } from './frame.ts'
import { decodeWelcome, encodeHello } from './handshake.ts'
import type { Purpose } from './handshake.ts'
import { Refusal } from './refusal.ts'
import type { Settle } from './settle.ts'

/** Whom to reach, and what for. */
export interface DialTarget {
  readonly addresses: readonly string[]
  /** 0: whoever is there. */
  readonly expected: MemberId
  readonly purpose: Purpose
  readonly signal?: AbortSignal | undefined
}

/** A connection whose both ends know each other. Frames are refused until it is used. */
export interface Dialled {
  readonly connection: Connection
  readonly peer: PeerIdentity
}

/**
 * Connects to the first address that answers.
 *
 * @throws TransportError `TRANSPORT_UNREACHABLE`, `TRANSPORT_REFUSED`, `TRANSPORT_CLOSED`; or the reason of
 * the signal
 */
export async function dial(desk: Desk, target: DialTarget): Promise<Dialled> {
  const failures: TransportError[] = []
  for (const address of target.addresses) {
    target.signal?.throwIfAborted()
    if (desk.isClosed) throw closedError()
    try {
      return await new Dialling(desk, target, address).result
    } catch (error) {
      if (!(error instanceof TransportError) || error.code === 'TRANSPORT_CLOSED') throw error
      failures.push(error)
    }
  }
  // Who refuses is there, and says more than who does not answer.
  const failure = failures.find(({ code }) => code === 'TRANSPORT_REFUSED') ?? failures[0]
  throw failure ?? new TransportError('TRANSPORT_UNREACHABLE', 'no address is known')
}

/** The handshake at the end that dials. */
class Dialling implements ConnectionUser {
  readonly result: Promise<Dialled>
  readonly #desk: Desk
  readonly #target: DialTarget
  readonly #address: string
  readonly #connection: Connection
  readonly #timer: Timer
  #settle: Settle<Dialled> | undefined

  constructor(desk: Desk, target: DialTarget, address: string) {
    this.#desk = desk
    this.#target = target
    this.#address = address
    this.result = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    const { clock } = desk.environment
    const { handshakeTimeoutMs } = desk.options
    const socket = desk.sockets.connect(parseAddress(address), () => this.#introduce())
    // Before the connection's own listener, which cannot tell TLS from the network.
    socket.on('error', (error) => this.#connection.destroy(desk.sockets.classify(error)))
    this.#connection = new Connection({ socket, clock, role: 'dialer', user: this })
    desk.keep(this.#connection)
    this.#timer = clock.setTimer(handshakeTimeoutMs, () => {
      this.#connection.destroy(lost(`no answer within ${handshakeTimeoutMs} ms`))
    })
    target.signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  onFrame(type: number, body: Buffer): void {
    if (this.#settle === undefined) throw unexpected(type)
    if (type !== frameType.welcome) throw unexpected(type)
    const peer = decodeWelcome(body)
    const { expected } = this.#target
    if (expected !== 0n && peer.memberId !== expected) {
      throw new Refusal('misdirected', `member ${peer.memberId} is here, not ${expected}`)
    }
    const reason = this.#desk.handler.accepts(peer)
    if (reason !== undefined) throw new Refusal('notAccepted', reason)
    this.#end()?.resolve({ connection: this.#connection, peer })
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.#address)
  }

  onEnd(error: TransportError): void {
    this.#end()?.reject(error)
  }

  #introduce(): void {
    const { identity } = this.#desk
    const { expected, purpose } = this.#target
    this.#connection.write(frameType.hello, encodeHello({ identity, expected, purpose }))
  }

  readonly #onAbort = (): void => {
    const settle = this.#end()
    this.#connection.destroy(lost('it is not wanted any more'))
    settle?.reject(this.#target.signal?.reason)
  }

  #end(): Settle<Dialled> | undefined {
    const settle = this.#settle
    this.#settle = undefined
    this.#timer.cancel()
    this.#target.signal?.removeEventListener('abort', this.#onAbort)
    return settle
  }
}
