import type { Duplex } from 'node:stream'
import { Socket } from 'node:net'
import type { ServerInterceptor } from '@grpc/grpc-js'
import { serveCall } from './grpc/serve-call.ts'
import type { Methods } from './grpc/methods.ts'
import { Http2Connection } from './http2/connection.ts'
import type { ConnectionHost } from './http2/connection-host.ts'
import { ConnectionError, errorCode } from './http2/protocol.ts'
import { readFirstBytes } from './listening/first-bytes.ts'
import type { Http1Connections } from './listening/http1.ts'
import { CallbackTimeout } from './timers.ts'

/** What the connections of a server are served with. */
export interface ConnectionsParts {
  readonly host: Omit<ConnectionHost, 'onRequest'>
  readonly methods: Methods
  readonly http1: Http1Connections | undefined
}

/** The connections that came in at one port, or were injected. */
export class Connections {
  readonly #parts: ConnectionsParts
  readonly #host: ConnectionHost
  readonly #open = new Set<Http2Connection>()
  /** Those that have not shown which protocol they speak. */
  readonly #undecided = new Set<Socket>()
  #isClosing = false
  #onEmpty: (() => void)[] = []

  constructor(parts: ConnectionsParts, interceptors: readonly ServerInterceptor[]) {
    this.#parts = parts
    const { methods } = parts
    const host: ConnectionHost = {
      ...parts.host,
      onRequest: (stream, head) => {
        serveCall(stream, head, { methods, interceptors }, host)
      },
    }
    this.#host = host
  }

  /** Takes a connection that was admitted. @param protocol what TLS has agreed on; undefined: its first bytes tell */
  accept(socket: Socket, protocol?: string | false): void {
    if (this.#isClosing) {
      socket.destroy()
      return
    }
    const { http1 } = this.#parts
    if (protocol === 'http/1.1' && http1 !== undefined) http1.take(socket)
    else if (protocol === 'h2' || http1 === undefined) this.#serve(socket)
    else this.#decide(socket, http1)
  }

  /** Whether there is room for a connection, which is closed when there is none. Before TLS, and for any protocol. */
  admit(stream: Duplex): boolean {
    const { counters, limits } = this.#host
    if (this.#isClosing || counters.sockets >= limits.connectionsMax) {
      if (!this.#isClosing) counters.defend('tooManyConnections')
      stream.destroy()
      return false
    }
    counters.sockets += 1
    stream.once('close', () => {
      counters.sockets -= 1
    })
    return true
  }

  /** Takes a stream that somebody else has accepted. */
  inject(stream: Duplex): void {
    if (this.admit(stream)) this.#serve(stream)
  }

  /** Has the connections that there are finish their calls and close. @returns them */
  drainOpen(): readonly Http2Connection[] {
    const open = [...this.#open]
    for (const connection of open) connection.life.drain('')
    return open
  }

  /** The same, and takes no more. @returns when they are closed */
  drain(): Promise<void> {
    this.#isClosing = true
    for (const socket of this.#undecided) socket.destroy()
    this.drainOpen()
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#onEmpty.push(resolve))
  }

  /** Cuts off all connections. */
  destroy(): void {
    this.#isClosing = true
    for (const socket of this.#undecided) socket.destroy()
    for (const connection of this.#open) cutOff(connection)
  }

  #decide(socket: Socket, http1: Http1Connections): void {
    const { timers, limits, counters } = this.#host
    const timeout = new CallbackTimeout(() => {
      counters.defend('handshakeTimeout')
      socket.destroy()
    })
    const settle = (): void => {
      timers.cancel(timeout)
      this.#undecided.delete(socket)
    }
    this.#undecided.add(socket)
    timers.start(timeout, limits.handshakeTimeoutMs)
    readFirstBytes(socket, {
      decided: (isHttp2) => {
        settle()
        if (isHttp2) this.#serve(socket)
        else http1.take(socket)
      },
      gone: settle,
    })
  }

  #serve(socket: Duplex): void {
    if (socket instanceof Socket) socket.setNoDelay(true)
    const connection = new Http2Connection(socket, this.#host)
    this.#open.add(connection)
    connection.start(() => {
      this.#open.delete(connection)
      if (this.#open.size > 0) return
      const onEmpty = this.#onEmpty
      this.#onEmpty = []
      for (const resolve of onEmpty) resolve()
    })
  }
}

/** Ends a connection and the calls on it. */
export function cutOff(connection: Http2Connection): void {
  connection.fail(new ConnectionError(errorCode.cancel, 'the server is shut down'))
}
