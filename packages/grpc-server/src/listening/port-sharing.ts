import type { Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import { readFirstBytes } from './first-bytes.ts'

/** Options of {@link sharePort}. */
export interface SharePortOptions {
  /**
   * How long a connection may take to show which protocol it speaks before it is destroyed. It bounds what
   * silent connections cost; after the decision the timeouts of the chosen server count.
   *
   * Unit: ms. @defaultValue `10_000`
   */
  readonly firstBytesTimeoutMs?: number
}

/** What {@link sharePort} uses when an option is absent. */
export const sharePortDefaults: Required<SharePortOptions> = { firstBytesTimeoutMs: 10_000 }

/** A port that two protocols share. */
export interface SharedPort {
  /** Connections that have not shown their protocol yet. */
  readonly undecided: number
  /**
   * Destroys the undecided connections, which would otherwise hold up `server.close()`, and every later one.
   * Connections that were handed over are their servers' to drain. Safe to call twice.
   */
  close(): void
}

/**
 * Lets gRPC and HTTP/1.1 share the port of one `node:http` server. The server goes on listening, accepting,
 * timing out and closing as before, but a connection that begins with the HTTP/2 preface is handed to
 * `http2` instead, with the bytes read so far put back.
 *
 * Call it once, before the server listens and after everything else that listens for its `connection`
 * event: those listeners then see HTTP/1 connections only. The port must speak plain text; under TLS, ALPN
 * decides.
 *
 * ```ts
 * const injector = grpcServer.createConnectionInjector(ServerCredentials.createInsecure())
 * const shared = sharePort(fastify.server, (socket) => { injector.injectConnection(socket) })
 * fastify.addHook('preClose', async () => { shared.close() })
 * ```
 *
 * @param server serves the HTTP/1.1 connections, for example `fastify.server`
 * @param http2 takes the others; `server.close()` waits for these too, so close them as well
 */
export function sharePort(
  server: HttpServer,
  http2: (socket: Socket) => void,
  options: SharePortOptions = {},
): SharedPort {
  const { firstBytesTimeoutMs } = { ...sharePortDefaults, ...options }
  const http1 = server.listeners('connection')
  const undecided = new Set<Socket>()
  let closed = false

  const decide = (socket: Socket, isHttp2: boolean): void => {
    if (isHttp2) {
      // An HTTP server allows half-open sockets; an HTTP/2 session would never notice the client's end.
      socket.allowHalfOpen = false
      http2(socket)
      return
    }
    for (const listener of http1) Reflect.apply(listener, server, [socket])
    socket.resume()
  }

  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    if (closed) {
      socket.destroy()
      return
    }
    undecided.add(socket)
    const deadline = setTimeout(() => socket.destroy(), firstBytesTimeoutMs)
    const settle = (): void => {
      clearTimeout(deadline)
      undecided.delete(socket)
    }
    readFirstBytes(socket, {
      decided: (isHttp2) => {
        settle()
        decide(socket, isHttp2)
      },
      gone: settle,
    })
  })

  return {
    get undecided() {
      return undecided.size
    },
    close: () => {
      closed = true
      for (const socket of undecided) socket.destroy()
      undecided.clear()
    },
  }
}
