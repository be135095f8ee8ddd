import fastifyWebsocket from '@fastify/websocket'
import type { WebSocket } from '@fastify/websocket'
import type { Logger } from '@orrery/environment'
import { silentLogger } from '@orrery/environment'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { EtcdServices } from '../services/services.ts'
import { methodNotAllowed } from './failure.ts'
import { Gateway, refuse } from './gateway.ts'

/** Options of {@link etcdGatewayPlugin}. */
export interface EtcdGatewayOptions {
  /** Who answers. */
  readonly services: EtcdServices
  /** Hears about bugs of ours, never about mistakes of clients. @defaultValue nobody */
  readonly logger?: Logger | undefined
  /**
   * Longest JSON request, and longest single object of a streamed one. Longer ones are refused with 429.
   * JSON is up to a third longer than the message it stands for.
   *
   * Unit: bytes. @defaultValue `4 MiB`
   */
  readonly bodyMaxBytes?: number | undefined
  /**
   * Accepts WebSockets. They take over all upgrade requests of the server.
   * @defaultValue `true`
   */
  readonly webSocket?: boolean | undefined
}

/** What {@link etcdGatewayPlugin} uses when an option is absent. */
export const etcdGatewayDefaults = { bodyMaxBytes: 4 * 1024 * 1024, webSocket: true } as const

/** etcd 3.4 rewrites the second to the first. */
const prefixes = ['/v3', '/v3beta']

/**
 * A Fastify plugin: etcd's JSON gateway, every method as `POST /v3/...`, streams as newline-delimited JSON
 * or over a WebSocket. Its routes and its parser of bodies stay inside; the host may add hooks around them.
 *
 * When the server closes, calls that wait (watches, locks) end with `etcdserver: server stopped`, others
 * finish.
 *
 * Source: etcd 3.6, `rpc.proto` and grpc-gateway v2; bodies of errors are those of etcd 3.4 and 3.6 at once.
 */
export async function etcdGatewayPlugin(
  fastify: FastifyInstance,
  options: EtcdGatewayOptions,
): Promise<void> {
  const gateway = new Gateway({
    services: options.services,
    logger: options.logger ?? silentLogger,
    bodyMaxBytes: options.bodyMaxBytes ?? etcdGatewayDefaults.bodyMaxBytes,
  })
  // Before the WebSockets' own hook, which closes them.
  fastify.addHook('preClose', () => gateway.close())
  const webSocket = options.webSocket ?? etcdGatewayDefaults.webSocket
  if (webSocket && !fastify.hasDecorator('websocketServer')) {
    await fastify.register(fastifyWebsocket, { options: { maxPayload: gateway.bodyMaxBytes } })
  }

  // Clients send JSON under any content type, curl as a form; streams are read while they arrive.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', (_request, payload, done) => {
    done(null, payload)
  })

  for (const prefix of prefixes) {
    const url = `${prefix}/*`
    fastify.route({ method: 'POST', url, handler: (request, reply) => gateway.post(request, reply) })
    fastify.route({ method: ['PUT', 'PATCH', 'DELETE', 'OPTIONS'], url, handler: refuseMethod })
    fastify.route({
      method: 'GET',
      url,
      handler: refuseMethod,
      ...(webSocket
        ? { wsHandler: (socket: WebSocket, request: FastifyRequest) => gateway.webSocket(socket, request) }
        : {}),
    })
  }
}

function refuseMethod(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return refuse(reply, methodNotAllowed)
}
