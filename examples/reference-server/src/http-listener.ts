import { lookup } from 'node:dns/promises'
import type { ConnectionLimits } from '@orrery/connection-limits'
import type { Environment } from '@orrery/environment'
import { fastify } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { formatListenAddress } from './listen-address.ts'
import type { OptionName } from './options.ts'
import { type HostAndPort, listenError, reachable } from './probe-port.ts'

/** An open port for clients. */
export interface Listener {
  /** URL that a client on this machine uses. */
  readonly endpoint: string
  /** Lets requests finish, for a while, then closes the port. */
  close(): Promise<void>
}

/** What every listener needs. */
export interface ListenerDeps {
  readonly environment: Environment
  readonly limits: ConnectionLimits
}

/** Connections that may wait to be accepted: a fleet of clients comes back at once. */
const backlog = 4_096

/** How long requests may take to finish when the server closes. Unit: ms. */
export const drainMaxMs = 5_000

/** How long a name in a path may be; of the registry's, each character may take up to twelve. Unit: characters. */
const paramMaxChars = 4_096

/**
 * Creates a server for routes, which drains when it closes: it ends idle connections, and others with their last
 * request.
 *
 * @param name what its connections are called in the list of them
 */
export function createHttpServer(name: string, limits: ConnectionLimits): FastifyInstance {
  const server = fastify({
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: paramMaxChars },
  })
  limits.guard(server.server, { name })

  // A connection that becomes idle only after the closing began would keep the server open.
  let closing = false
  server.addHook('preClose', () => {
    closing = true
    return Promise.resolve()
  })
  server.addHook('onResponse', () => {
    if (closing) setImmediate(() => server.server.closeIdleConnections())
    return Promise.resolve()
  })
  return server
}

/**
 * Opens the port of a server. A name is listened on at the first of its addresses: at those after it, Fastify would
 * make further servers that nobody limits.
 *
 * @param option who wants to listen, for messages
 * @returns the port
 * @throws ServerError `SERVER_LISTEN_FAILED`; the server is closed then
 */
export async function listenHttp(
  server: FastifyInstance,
  option: OptionName,
  address: HostAndPort,
): Promise<number> {
  try {
    const host = address.host === 'localhost' ? (await lookup(address.host)).address : address.host
    await server.listen({ host, port: address.port, backlog })
  } catch (error) {
    await server.close()
    throw listenError(option, address, error)
  }
  const bound = server.server.address()
  return typeof bound === 'object' && bound !== null ? bound.port : address.port
}

/** Closes a server, and cuts off what does not finish in time. */
export async function closeHttpServer(
  server: FastifyInstance,
  { clock, logger }: Environment,
): Promise<void> {
  const deadline = clock.setTimer(drainMaxMs, () => {
    logger.warn('requests did not finish in time and were cut off', { drainMaxMs })
    server.server.closeAllConnections()
  })
  try {
    await server.close()
  } finally {
    deadline.cancel()
  }
}

/** URL of a listener for clients on this machine. */
export function endpointOf({ host, port }: HostAndPort): string {
  return `http://${formatListenAddress({ host: reachable(host, '127.0.0.1'), port })}`
}
