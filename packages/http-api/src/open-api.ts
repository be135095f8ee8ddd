import fastifySwagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'

/** A document of OpenAPI, as far as it is looked at here. */
interface OpenApiDocument {
  readonly components?: { readonly schemas?: object | undefined } | undefined
  readonly paths?: object | undefined
}

/** What the document of one API says of itself. */
export interface DocumentRules {
  /** Under which name the scope keeps the document: another one for each API. */
  readonly decorator: string
  /** The path of the document. */
  readonly url: string
  readonly title: string
  readonly description: string
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  /** With which the names of its schemas begin. */
  readonly schemaPrefix: string
}

/** Body of a request that may be left out: marks an operation for {@link describeRoutes}. */
export const optionalBody = { 'x-optional-body': true } as const

/**
 * Collects the routes that are added to `fastify` from now on, for the document that {@link addOpenApiRoute} serves.
 *
 * Everything has a name of its own, or stays in the scope of `fastify`: a host may describe its routes with the same
 * plugin.
 */
export async function describeRoutes(
  fastify: FastifyInstance,
  { decorator, title, description, tags, schemaPrefix }: DocumentRules,
): Promise<void> {
  await fastify.register(fastifySwagger, {
    mode: 'dynamic',
    decorator: decorator as 'swagger',
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { title, description, version: '1' },
      tags: [...tags],
    },
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, index) => nameOf(json, index) },
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject
      return tidied(document.openapiObject, schemaPrefix)
    },
  })
}

function nameOf(json: Readonly<Record<string, unknown>>, index: number): string {
  return typeof json['$id'] === 'string' ? json['$id'] : `def-${index}`
}

/** Schemas of the host are not ours to show. Bodies are always required for Fastify, though they may be empty. */
function tidied<Document extends OpenApiDocument>(document: Document, schemaPrefix: string): Document {
  const schemas = entriesOf(document.components?.schemas).filter(([name]) => name.startsWith(schemaPrefix))
  const paths: Record<string, unknown> = {}
  for (const [path, operations] of entriesOf(document.paths)) {
    paths[path] = Object.fromEntries(
      entriesOf(operations).map(([method, operation]) => [method, tidiedOperation(operation)]),
    )
  }
  return {
    ...document,
    components: { ...document.components, schemas: Object.fromEntries(schemas) },
    paths,
  }
}

function entriesOf(record: unknown): readonly (readonly [name: string, value: unknown])[] {
  return typeof record === 'object' && record !== null ? Object.entries(record) : []
}

function tidiedOperation(operation: unknown): unknown {
  if (typeof operation !== 'object' || operation === null || !('x-optional-body' in operation))
    return operation
  const rest: Record<string, unknown> = Object.fromEntries(
    entriesOf(operation).filter(([name]) => name !== 'x-optional-body'),
  )
  return { ...rest, requestBody: { ...Object.fromEntries(entriesOf(rest['requestBody'])), required: false } }
}

/** The route of the document, which is not in itself. */
export function addOpenApiRoute(fastify: FastifyInstance, { url, decorator }: DocumentRules): void {
  let document: string | undefined
  fastify.get(url, { schema: { hide: true } }, (_request, reply) => {
    document ??= JSON.stringify(documentOf(fastify, decorator))
    return reply.type('application/json; charset=utf-8').send(document)
  })
}

function documentOf(fastify: FastifyInstance, decorator: string): unknown {
  // Declaring the decorator would put it into the types of every host.
  const read: unknown = Reflect.get(fastify, decorator)
  return typeof read === 'function' ? (read.call(fastify) as unknown) : undefined
}
