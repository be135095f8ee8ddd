import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'

/** Hands connections to an HTTP/1.1 server that does not listen itself. */
export class Http1Connections {
  readonly #server: Server
  #hasBegun = false

  constructor(http1: Server | RequestListener) {
    this.#server = typeof http1 === 'function' ? createServer(http1) : http1
  }

  /** Gives it a connection nobody has read from. */
  take(socket: Socket): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true
      // It watches over slow requests from then on; connections alone do not make it do so.
      if (!this.#server.listening) this.#server.emit('listening')
    }
    // As for connections of its own: clients may end their side before they have the answer.
    socket.allowHalfOpen = true
    this.#server.emit('connection', socket)
    socket.resume()
  }

  /** Connections that wait for a next request are closed. */
  closeIdle(): void {
    this.#server.closeIdleConnections()
  }

  /** All connections are closed. */
  closeAll(): void {
    this.#server.closeAllConnections()
  }
}
