import { on } from 'node:events'
import { Readable } from 'node:stream'
import type { WebSocket } from '@fastify/websocket'
import type { Logger } from '@orrery/environment'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EtcdError } from '../errors.ts'
import type { EtcdServices } from '../services/services.ts'
import type { Failure } from './failure.ts'
import { failureOf, internal, notFound, notSupported, unaryErrorBody } from './failure.ts'
import type { GatewayMethod, StreamMethod, UnaryMethod } from './gateway-methods.ts'
import { gatewayMethods } from './gateway-methods.ts'
import { messageToJson } from './json/message-to-json.ts'
import { httpLineSink, webSocketLineSink } from './line-sinks.ts'
import { onClosed } from './on-closed.ts'
import { OpenCalls } from './open-calls.ts'
import type { RequestBytes } from './request-messages.ts'
import { readMessage, readMessages } from './request-messages.ts'
import { runLineCall } from './stream-call.ts'

/** What a {@link Gateway} works with; see the options of the plugin. */
export interface GatewayParts {
  readonly services: EtcdServices
  readonly logger: Logger
  readonly bodyMaxBytes: number
}

/** Translates calls over HTTP to calls of the services. */
export class Gateway {
  readonly bodyMaxBytes: number
  readonly #services: EtcdServices
  readonly #logger: Logger
  readonly #calls = new OpenCalls()

  constructor({ services, logger, bodyMaxBytes }: GatewayParts) {
    this.bodyMaxBytes = bodyMaxBytes
    this.#services = services
    this.#logger = logger
  }

  /** Answers `POST /v3/<path>`. */
  async post(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const method = methodOf(request)
    switch (method?.type) {
      case undefined:
        return refuse(reply, notFound)
      case 'notSupported':
        return refuse(reply, notSupported)
      case 'unary':
        return this.#unary(method, request, reply)
      case 'stream':
        reply.hijack()
        await this.#stream(method, request, reply)
        return reply
    }
  }

  async #unary(method: UnaryMethod, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const call = this.#calls.open(request.headers, method)
    const stop = onClosed(reply.raw, () => {
      call.abort(new EtcdError('ETCD_CANCELED'))
    })
    try {
      const message = await readMessage(bytesOf(request), { ...method, bodyMaxBytes: this.bodyMaxBytes })
      const response = await method.call(this.#services, message, call.context)
      return await reply.type('application/json').send(messageToJson(method.response, response))
    } catch (error) {
      // The rest of a body that was not read would be taken for the next request.
      if (!request.raw.complete) reply.header('connection', 'close')
      return await refuse(reply, this.#failureOf(call.abortedBy ?? error))
    } finally {
      stop()
      call.close()
    }
  }

  async #stream(method: StreamMethod, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const call = this.#calls.open(request.headers, { waits: true })
    onClosed(reply.raw, () => {
      call.abort(new EtcdError('ETCD_CANCELED'))
    })
    const shape = { ...method, bodyMaxBytes: this.bodyMaxBytes }
    await runLineCall({
      method,
      services: this.#services,
      requests: readMessages(bytesOf(request), shape, call.abort),
      call,
      sink: httpLineSink(request.raw, reply.raw),
      failureOf: (error) => this.#failureOf(error),
    })
  }

  /** Answers one call whose messages go over a WebSocket, whatever its path. */
  async webSocket(socket: WebSocket, request: FastifyRequest): Promise<void> {
    // Before anything waits: messages that nobody listens for are lost.
    const bytes = bytesOfWebSocket(socket)
    const method = methodOf(request)
    const sink = webSocketLineSink(socket)
    if (method === undefined || method.type === 'notSupported') {
      const failure = method === undefined ? notFound : notSupported
      sink.fail(unaryErrorBody(failure), failure)
      return
    }
    const call = this.#calls.open(request.headers, { waits: true })
    socket.once('close', () => {
      call.abort(new EtcdError('ETCD_CANCELED'))
    })
    const shape = { ...method, bodyMaxBytes: this.bodyMaxBytes }
    await runLineCall({
      method,
      services: this.#services,
      requests: readMessages(bytes, shape, call.abort),
      call,
      sink,
      failureOf: (error) => this.#failureOf(error),
    })
  }

  /** Ends the calls that wait. */
  close(): Promise<void> {
    return this.#calls.close()
  }

  #failureOf(error: unknown): Failure {
    const failure = failureOf(error)
    if (failure !== undefined) return failure
    this.#logger.error('a call over HTTP failed unexpectedly', { error })
    return internal
  }
}

/** Answers a failed call with one response. */
export function refuse(reply: FastifyReply, failure: Failure): FastifyReply {
  return reply.code(failure.httpStatus).type('application/json').send(unaryErrorBody(failure))
}

function methodOf(request: FastifyRequest): GatewayMethod | undefined {
  const { params } = request
  if (typeof params !== 'object' || params === null || !('*' in params)) return undefined
  return gatewayMethods.get(String(params['*']))
}

/** What the host's hooks made of the body, or the body. */
function bytesOf(request: FastifyRequest): RequestBytes {
  return request.body instanceof Readable ? request.body : request.raw
}

/** Messages from now on. A full queue stops the socket from reading. */
function bytesOfWebSocket(socket: WebSocket): RequestBytes {
  const messages = on(socket, 'message', { close: ['close'], highWaterMark: 16, lowWaterMark: 4 })
  // Without a reader, an error of the connection would be thrown at the process.
  socket.on('error', () => undefined)
  return (async function* (): AsyncGenerator<Buffer> {
    for await (const [data] of messages as AsyncIterable<unknown[]>) if (Buffer.isBuffer(data)) yield data
  })()
}
