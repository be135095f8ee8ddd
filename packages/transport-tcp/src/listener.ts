import type { Server, Socket } from 'node:net'
import type { Timer } from '@orrery/environment'
import { type PeerIdentity, TransportError } from '@orrery/raft-node'
import { formatAddress, type HostAndPort } from './address.ts'
import { Connection, unexpected } from './connection.ts'
import type { ConnectionUser } from './connection.ts'
import { closedError, type Desk } from './desk.ts'
import { frameType } from './frame.ts'
import { decodeHello, encodeWelcome } from './handshake.ts'
import type { Hello, Purpose } from './handshake.ts'
import { Refusal } from './refusal.ts'

/** Somebody who introduced itself, and is accepted. */
export interface Guest {
  readonly connection: Connection
  readonly peer: PeerIdentity
  readonly purpose: Purpose
}

/** Where this member is dialled. */
export class Listener {
  readonly #desk: Desk
  readonly #server: Server
  /** Also those whose TLS handshake is not complete, which no connection knows yet. */
  readonly #sockets = new Set<Socket>()
  #listening: Promise<void> | undefined

  /**
   * @param onGuest uses the connection of an accepted guest, or throws a Refusal
   */
  constructor(desk: Desk, onGuest: (guest: Guest) => ConnectionUser) {
    this.#desk = desk
    this.#server = desk.sockets.createServer(
      (socket) => new Reception(desk, socket, onGuest),
      (refusal, remoteAddress) => desk.noteRefusal(refusal, remoteAddress),
    )
    this.#server.maxConnections = desk.options.connectionMaxCount
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('drop', (dropped) => {
      const refusal = new Refusal('busy', `there are ${desk.options.connectionMaxCount} connections already`)
      desk.noteRefusal(refusal, dropped?.remoteAddress ?? 'unknown')
    })
  }

  /**
   * @returns the address that was asked for, with the port that it has
   * @throws TransportError `TRANSPORT_LISTEN_FAILED`; `TRANSPORT_CLOSED` when it was closed meanwhile
   */
  async listen({ host, port }: HostAndPort): Promise<string> {
    this.#listening = new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => {
        const where = formatAddress({ host, port })
        reject(new TransportError('TRANSPORT_LISTEN_FAILED', `cannot listen on ${where}`, { cause }))
      })
      this.#server.listen({ host, port, exclusive: true }, resolve)
    })
    await this.#listening
    if (this.#desk.isClosed) throw closedError()
    // What a listening server reports, for example that there are no file descriptors, is over with the event.
    this.#server.on('error', (error) => {
      this.#desk.environment.logger.error('a listener failed to accept', { reason: error.message })
    })
    const bound = this.#server.address()
    return formatAddress({ host, port: bound !== null && typeof bound === 'object' ? bound.port : port })
  }

  async close(): Promise<void> {
    // A server that is about to listen would do so after it was closed.
    await this.#listening?.catch(() => {})
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
    })
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

/** The handshake at the end that is dialled. */
class Reception implements ConnectionUser {
  readonly #desk: Desk
  readonly #connection: Connection
  readonly #timer: Timer
  readonly #onGuest: (guest: Guest) => ConnectionUser

  constructor(desk: Desk, socket: Socket, onGuest: (guest: Guest) => ConnectionUser) {
    const { clock } = desk.environment
    const { handshakeTimeoutMs } = desk.options
    this.#desk = desk
    this.#onGuest = onGuest
    this.#connection = new Connection({ socket, clock, role: 'acceptor', user: this })
    this.#timer = clock.setTimer(handshakeTimeoutMs, () => {
      this.#connection.refuse(new Refusal('slow', `no introduction within ${handshakeTimeoutMs} ms`))
    })
    desk.keep(this.#connection)
    if (desk.isClosed) this.#connection.destroy(closedError())
  }

  onFrame(type: number, body: Buffer): void {
    if (type !== frameType.hello) throw unexpected(type)
    const hello = decodeHello(body)
    this.#judge(hello)
    const guest = { connection: this.#connection, peer: hello.identity, purpose: hello.purpose }
    const user = this.#onGuest(guest)
    this.#timer.cancel()
    this.#connection.write(frameType.welcome, encodeWelcome(this.#desk.identity))
    this.#connection.use(user, this.#desk.options.frameMaxBytes)
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.#connection.remoteAddress)
  }

  onEnd(): void {
    this.#timer.cancel()
  }

  /** @throws Refusal */
  #judge({ identity, expected, purpose }: Hello): void {
    const { memberId } = this.#desk.identity
    if (expected !== 0n && expected !== memberId) {
      throw new Refusal('misdirected', `member ${memberId} is here, not ${expected}`)
    }
    if (purpose !== 'request' && identity.memberId === 0n) {
      throw new Refusal('notMember', 'who is not a member may only ask')
    }
    const reason = this.#desk.handler.accepts(identity)
    if (reason !== undefined) throw new Refusal('notAccepted', reason)
  }
}
