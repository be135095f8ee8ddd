import { CallbackTimeout } from '../timers.ts'
import type { Http2Connection } from './connection.ts'
import { ConnectionError, errorCode, int31Max, preface } from './protocol.ts'

/** How long a connection that was ended is read on, so that the client sees why. Unit: ms. */
const lingerMs = 1_000

/** How long the answer to the ping may take that a drain waits for, so that no call is on its way. Unit: ms. */
const drainPingMaxMs = 5_000

/** A connection of a given age may live so much longer or shorter: not all shall come back at once. */
const ageJitterRatio = 0.1

/** Payloads of our pings: what their answers are for. */
const pings = { drain: Buffer.from('drain:..'), keepalive: Buffer.from('alive:..') }

/** When a connection begins, is quiet, leaves and ends. */
export class ConnectionLife {
  readonly #connection: Http2Connection
  /** Whether the client's preface has come. */
  hasPreface = false
  #prefaceBytes = 0
  /** Draining: it has been announced; leaving: no further call is taken. */
  #leaving: 'no' | 'draining' | 'leaving' = 'no'
  #receivedSincePing = false
  #awaitsPing = false
  /** What the client had taken when it was last looked at. */
  #takenBytes = 0
  readonly #handshake = this.#timeout(() => {
    this.#cutOff('handshakeTimeout')
  })
  readonly #headers = this.#timeout(() => {
    this.#cutOff('headersTimeout')
  })
  readonly #stalled = this.#timeout(() => {
    this.#checkStalled()
  })
  readonly #keepalive = this.#timeout(() => {
    this.#ping()
  })
  readonly #age = this.#timeout(() => {
    this.drain('max_age')
    const { connectionAgeGraceMs } = this.#limits
    if (connectionAgeGraceMs > 0) this.#start(this.#grace, connectionAgeGraceMs)
  })
  readonly #grace = this.#timeout(() => {
    this.#connection.end()
  })
  readonly #idle = this.#timeout(() => {
    this.drain('max_idle')
  })
  readonly #drainPing = this.#timeout(() => {
    this.#leave()
  })
  readonly #linger = this.#timeout(() => {
    this.#connection.socket.destroy()
  })

  constructor(connection: Http2Connection) {
    this.#connection = connection
  }

  /** Whether further calls are taken. */
  get takesCalls(): boolean {
    return this.#leaving !== 'leaving'
  }

  start(): void {
    const { handshakeTimeoutMs, keepaliveTimeMs, connectionAgeMaxMs, connectionIdleMaxMs } = this.#limits
    this.#start(this.#handshake, handshakeTimeoutMs)
    if (keepaliveTimeMs > 0) this.#start(this.#keepalive, keepaliveTimeMs)
    if (connectionIdleMaxMs > 0) this.#start(this.#idle, connectionIdleMaxMs)
    if (connectionAgeMaxMs > 0) {
      const jitter = (this.#connection.host.random.float() * 2 - 1) * ageJitterRatio
      this.#start(this.#age, connectionAgeMaxMs * (1 + jitter))
    }
  }

  /**
   * Takes the first bytes. RFC 9113, section 3.4.
   *
   * @returns what comes after the preface; undefined when it is not complete
   * @throws ConnectionError
   */
  preface(chunk: Buffer): Buffer | undefined {
    const from = this.#prefaceBytes
    const taken = Math.min(chunk.length, preface.length - from)
    if (chunk.compare(preface, from, from + taken, 0, taken) !== 0) {
      throw new ConnectionError(errorCode.protocolError, 'this is not HTTP/2')
    }
    this.#prefaceBytes += taken
    if (this.#prefaceBytes < preface.length) return undefined
    this.hasPreface = true
    this.#cancel(this.#handshake)
    return taken === chunk.length ? undefined : chunk.subarray(taken)
  }

  /** Something came. */
  received(): void {
    this.#receivedSincePing = true
  }

  callBegan(): void {
    if (this.#limits.connectionIdleMaxMs > 0) this.#cancel(this.#idle)
  }

  callEnded(): void {
    if (this.#connection.streams.size > 0) return
    if (this.#leaving === 'leaving') this.#connection.end()
    else if (this.#limits.connectionIdleMaxMs > 0) this.#start(this.#idle, this.#limits.connectionIdleMaxMs)
  }

  /** Something was read. @param areIncomplete whether headers have begun that have not come to their end */
  headers(areIncomplete: boolean): void {
    if (!areIncomplete) this.#cancel(this.#headers)
    else if (!this.#headers.scheduled) this.#start(this.#headers, this.#limits.headersTimeoutMs)
  }

  /** The socket holds what its client does not take. */
  congested(): void {
    this.#takenBytes = this.#connection.takenBytes
    this.#start(this.#stalled, this.#limits.stalledWriteTimeoutMs)
  }

  /** Gives a client that takes something, however slowly, more time. */
  #checkStalled(): void {
    if (this.#connection.takenBytes > this.#takenBytes) this.congested()
    else this.#cutOff('stalledWrite')
  }

  relieved(): void {
    this.#cancel(this.#stalled)
  }

  /**
   * Lets calls finish, and those begin that are on their way; then closes. RFC 9113, section 6.8: first the highest
   * id there is, then, when a ping has come back, the last one that was taken.
   */
  drain(reason: string): void {
    if (this.#leaving !== 'no' || !this.#connection.isOpen) return
    this.#leaving = 'draining'
    this.#connection.writeGoaway(int31Max, errorCode.noError, reason)
    this.#connection.writePing(pings.drain, 0)
    this.#start(this.#drainPing, drainPingMaxMs)
  }

  pingAnswered(payload: Buffer): void {
    if (payload.equals(pings.drain)) {
      if (this.#leaving === 'draining') this.#leave()
    } else if (payload.equals(pings.keepalive) && this.#awaitsPing) {
      this.#awaitsPing = false
      this.#receivedSincePing = false
      this.#start(this.#keepalive, this.#limits.keepaliveTimeMs)
    }
  }

  /** The client opens no more calls. */
  clientLeaves(): void {
    this.#leaving = 'leaving'
    if (this.#connection.streams.size === 0) this.#connection.end()
  }

  /** Reads on for a moment. */
  linger(): void {
    this.close()
    this.#start(this.#linger, lingerMs)
  }

  /** Nothing is to happen any more. */
  close(): void {
    const timeouts = [this.#handshake, this.#headers, this.#stalled, this.#keepalive, this.#age, this.#grace]
    for (const timeout of [...timeouts, this.#idle, this.#drainPing, this.#linger]) this.#cancel(timeout)
  }

  #leave(): void {
    this.#cancel(this.#drainPing)
    this.#leaving = 'leaving'
    const connection = this.#connection
    connection.writeGoaway(connection.lastStreamId, errorCode.noError)
    if (connection.streams.size === 0) connection.end()
  }

  /** Asks whether the client is there, if it has been silent. */
  #ping(): void {
    const { keepaliveTimeMs, keepaliveTimeoutMs } = this.#limits
    if (this.#awaitsPing && !this.#receivedSincePing) {
      this.#cutOff('keepaliveTimeout')
      return
    }
    this.#awaitsPing = !this.#receivedSincePing
    this.#receivedSincePing = false
    if (this.#awaitsPing) this.#connection.writePing(pings.keepalive, 0)
    this.#start(this.#keepalive, this.#awaitsPing ? keepaliveTimeoutMs : keepaliveTimeMs)
  }

  #cutOff(kind: 'handshakeTimeout' | 'headersTimeout' | 'stalledWrite' | 'keepaliveTimeout'): void {
    this.#connection.host.counters.defend(kind)
    this.#connection.socket.destroy()
  }

  get #limits() {
    return this.#connection.host.limits
  }

  #timeout(callback: () => void): CallbackTimeout {
    return new CallbackTimeout(callback)
  }

  #start(timeout: CallbackTimeout, delayMs: number): void {
    this.#connection.host.timers.start(timeout, delayMs)
  }

  #cancel(timeout: CallbackTimeout): void {
    this.#connection.host.timers.cancel(timeout)
  }
}
