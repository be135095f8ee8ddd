import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EurekaApi } from './http/eureka-api.ts'
import { segmentCount } from './http/request-path.ts'
import { type EurekaOptions, type ResolvedEurekaOptions, resolveOptions } from './options.ts'

/** Where it is always served: versions are part of the path below. */
const defaultPath = '/eureka'

/** Batches have a limit of their own, so they have routes of their own. */
const batchPaths = ['', '/v2', '/v1'].flatMap((version) =>
  ['', '/'].map((slash) => `${version}/peerreplication/batch${slash}`),
)

/**
 * A Fastify plugin: the REST API of a Eureka server, on a registry. Its routes and its parser of bodies stay inside; the host may
 * add hooks around them, for example to authenticate.
 *
 * Source: Netflix Eureka 1.10 and 2.0, its REST operations, and what clients were seen to send.
 *
 * @throws EurekaError `EUREKA_OPTION_INVALID`
 */
export function eurekaPlugin(
  fastify: FastifyInstance,
  options: EurekaOptions,
  done: (error?: Error) => void,
): void {
  try {
    serve(fastify, resolveOptions(options))
    done()
  } catch (error) {
    // Thrown, it would be nobody's: Fastify waits for `done`.
    done(error instanceof Error ? error : new Error(String(error)))
  }
}

function serve(fastify: FastifyInstance, options: ResolvedEurekaOptions): void {
  const { connectionLimits, contextPath = defaultPath } = options
  const api = new EurekaApi(options)
  fastify.addHook('onClose', (_instance, closed) => {
    api.close()
    closed()
  })
  if (connectionLimits !== undefined) guard(fastify, connectionLimits)
  fastify.setErrorHandler((error, _request, reply) => api.fail(error, reply))
  // Clients send JSON, XML and nothing at all under any content type, and either may be compressed.
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => {
    parsed(null, body)
  })
  const paths = new Set([defaultPath, contextPath.replace(/\/+$/, '')])
  for (const path of paths) mount(fastify, api, { ...options, path })
}

interface Mount {
  readonly path: string
  readonly bodyMaxBytes: number
  readonly batchMaxBytes: number
}

function mount(fastify: FastifyInstance, api: EurekaApi, { path, bodyMaxBytes, batchMaxBytes }: Mount): void {
  const skip = segmentCount(fastify.prefix + path)
  const post = (request: FastifyRequest, reply: FastifyReply) => api.post(request, reply, skip)
  const url = `${path}/*`
  const bodyLimit = bodyMaxBytes
  fastify.route({ method: 'GET', url, handler: (request, reply) => api.get(request, reply, skip) })
  fastify.route({ method: 'PUT', url, bodyLimit, handler: (request, reply) => api.put(request, reply, skip) })
  fastify.route({
    method: 'DELETE',
    url,
    bodyLimit,
    handler: (request, reply) => api.delete(request, reply, skip),
  })
  fastify.route({ method: 'POST', url, bodyLimit, handler: post })
  for (const batchPath of batchPaths) {
    fastify.route({ method: 'POST', url: path + batchPath, bodyLimit: batchMaxBytes, handler: post })
  }
}

/** The server may have connections only once it listens, which is after this. */
function guard(
  fastify: FastifyInstance,
  connectionLimits: NonNullable<EurekaOptions['connectionLimits']>,
): void {
  let release: (() => void) | undefined
  fastify.addHook('onReady', (ready) => {
    release = connectionLimits.guard(fastify.server)
    ready()
  })
  fastify.addHook('onClose', (_instance, closed) => {
    release?.()
    closed()
  })
}
