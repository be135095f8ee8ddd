import type { MemberId } from '@orrery/raft'
import { type PeerIdentity, TransportError } from '@orrery/raft-node'
import { lost, unexpected } from './connection.ts'
import type { Connection, ConnectionUser } from './connection.ts'
import type { Desk } from './desk.ts'
import { dial } from './dial.ts'
import { frameType } from './frame.ts'
import { decodeReason } from './handshake.ts'
import { malformed, Refusal } from './refusal.ts'
import type { Settle } from './settle.ts'

/**
 * Requests to one peer or address: many at a time over one connection, which is made for the first one and
 * goes when there have been none for a while.
 */
export class RequestChannel implements ConnectionUser {
  /** 0: whoever is there. */
  readonly expected: MemberId
  addresses: readonly string[]
  readonly #desk: Desk
  readonly #onOver: () => void
  readonly #waiting = new Map<number, Settle<Uint8Array>>()
  readonly #closing = new AbortController()
  #connection: Connection | undefined
  #peer: PeerIdentity | undefined
  #connecting: Promise<Connection> | undefined
  #nextId = 0
  /** Requests that wait for the connection. Unit: bytes. */
  #unsentBytes = 0
  /** Keep-alive intervals without a request. */
  #quietTicks = 0

  /** @param onOver the channel has no connection any more, and nobody waits */
  constructor(
    desk: Desk,
    target: { readonly addresses: readonly string[]; readonly expected: MemberId },
    onOver: () => void,
  ) {
    this.#desk = desk
    this.addresses = target.addresses
    this.expected = target.expected
    this.#onOver = onOver
  }

  async ask(request: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { requestMaxConcurrent, queueMaxBytes, frameMaxBytes } = this.#desk.options
    if (request.length + 4 > frameMaxBytes) {
      throw new TransportError(
        'TRANSPORT_REFUSED',
        `a request of ${request.length} bytes, at most ${frameMaxBytes} may be`,
      )
    }
    if (this.#waiting.size >= requestMaxConcurrent) throw tooMuch(`${requestMaxConcurrent} requests wait`)
    const bufferedBytes = this.#connection?.bufferedBytes ?? 0
    if (this.#unsentBytes + bufferedBytes + request.length > queueMaxBytes)
      throw tooMuch('large requests wait')
    const id = this.#nextId
    this.#nextId = (this.#nextId + 1) % 2 ** 32
    this.#quietTicks = 0
    let onAbort: (() => void) | undefined
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject })
        onAbort = () => reject(signal?.reason as Error)
        signal?.addEventListener('abort', onAbort, { once: true })
        void this.#write(id, request)
      })
    } finally {
      this.#waiting.delete(id)
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Nobody is answered any more. */
  close(error: TransportError): void {
    this.#closing.abort(error)
    this.#connection?.destroy(error)
    this.#rejectAll(error)
  }

  /** Ends the connection if the handler does not accept its other end any more. */
  judge(): void {
    if (this.#connection === undefined || this.#peer === undefined) return
    const reason = this.#desk.handler.accepts(this.#peer)
    if (reason !== undefined) this.#connection.refuse(new Refusal('notAccepted', reason))
  }

  /** A keep-alive interval has passed. */
  tick(quietMaxTicks: number): void {
    if (this.#waiting.size > 0) this.#quietTicks = 0
    else if (++this.#quietTicks > quietMaxTicks) this.close(lost('it was not needed'))
  }

  onFrame(type: number, body: Buffer): void {
    if (type !== frameType.answer && type !== frameType.failure) throw unexpected(type)
    if (body.length < 4) throw malformed('an answer to nothing')
    // One that is not known was given up meanwhile.
    const waiting = this.#waiting.get(body.readUInt32LE(0))
    const content = body.subarray(4)
    if (type === frameType.answer) waiting?.resolve(content)
    else waiting?.reject(new TransportError('TRANSPORT_REFUSED', decodeReason(content)))
  }

  onRefused(refusal: Refusal): void {
    this.#desk.noteRefusal(refusal, this.addresses.join(', '))
  }

  onEnd(error: TransportError): void {
    this.#connection = undefined
    this.#rejectAll(error)
    this.#onOver()
  }

  async #write(id: number, request: Uint8Array): Promise<void> {
    this.#unsentBytes += request.length
    try {
      const connection = this.#connection ?? (await (this.#connecting ??= this.#connect()))
      if (this.#waiting.has(id)) connection.write(frameType.request, request, id)
    } catch (error) {
      this.#waiting.get(id)?.reject(error)
    } finally {
      this.#unsentBytes -= request.length
    }
  }

  async #connect(): Promise<Connection> {
    const { addresses, expected } = this
    const { signal } = this.#closing
    try {
      const { connection, peer } = await dial(this.#desk, { addresses, expected, purpose: 'request', signal })
      this.#connection = connection
      this.#peer = peer
      connection.use(this, this.#desk.options.frameMaxBytes)
      if (signal.aborted) connection.destroy(lost('it was not needed'))
      return connection
    } catch (error) {
      this.#onOver()
      throw error
    } finally {
      this.#connecting = undefined
    }
  }

  #rejectAll(error: TransportError): void {
    for (const { reject } of [...this.#waiting.values()]) reject(error)
  }
}

function tooMuch(reason: string): TransportError {
  return new TransportError('TRANSPORT_UNREACHABLE', `${reason} already`)
}
