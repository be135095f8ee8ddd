import ajvCompiler from '@fastify/ajv-compiler'
import type { Environment } from '@orrery/environment'
import type { FastifyInstance } from 'fastify'
import type { FailureOf } from './failure.ts'
import type { QueryStringRules } from './query-string.ts'
import { parseQueryString } from './query-string.ts'
import type { Schema } from './schemas/schema.ts'

/** What a client that was refused for now may wait. Unit: s. */
const retryAfterS = 1

/** What makes the scope of one API. */
export interface ScopeRules {
  readonly environment: Environment
  /** With names, those before others that these refer to. */
  readonly schemas: readonly Schema[]
  readonly queryString: QueryStringRules
  readonly failureOf: FailureOf
}

/** A client left before it was answered: nobody hears of it, and nothing is wrong. */
export class ClientLeft extends Error {}

type Validate = (schema: Schema) => (value: unknown) => boolean

/** Makes a scope independent of how its host reads requests and writes answers. Bodies are JSON. */
export function prepareScope(fastify: FastifyInstance, rules: ScopeRules): void {
  const { schemas, queryString } = rules
  for (const schema of schemas) fastify.addSchema(schema)
  const validators = { body: validatorOf(schemas, false), others: validatorOf(schemas, 'array') }
  fastify.setValidatorCompiler<Schema>(({ schema, httpPart }) =>
    httpPart === 'body' ? validators.body(schema) : validators.others(schema),
  )
  // What is sent has its types. A serializer that picks the fields of a schema would lose those it does not know.
  fastify.setSerializerCompiler(() => (body) => JSON.stringify(body))

  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(
    'application/json',
    { parseAs: 'string' },
    fastify.getDefaultJsonParser('error', 'error'),
  )
  fastify.addHook('preValidation', (request, _reply, done) => {
    request.query = parseQueryString(request.raw.url ?? '', queryString)
    // No body says as much as an empty object.
    if (request.body === undefined && request.routeOptions.schema?.body !== undefined) request.body = {}
    done()
  })
  tellFailures(fastify, rules)
}

/** Unlike Fastify's own, it takes nothing away from what it looks at. @param coerceTypes of texts, which is all a URL has */
function validatorOf(schemas: readonly Schema[], coerceTypes: false | 'array'): Validate {
  const shared = Object.fromEntries(schemas.map((schema) => [String(schema['$id']), schema]))
  const compile = ajvCompiler()(shared, {
    customOptions: {
      coerceTypes,
      removeAdditional: false,
      useDefaults: false,
      allErrors: false,
      strict: false,
    },
  })
  return (schema) => compile({ schema })
}

function tellFailures(fastify: FastifyInstance, { environment, failureOf }: ScopeRules): void {
  fastify.setErrorHandler((error, request, reply) => {
    const { isInternal, status, ...told } = failureOf(error)
    if (isInternal && !(error instanceof ClientLeft)) {
      const { method, routeOptions } = request
      environment.logger.error('http api: a request failed', { method, route: routeOptions.url, error })
    }
    if (status === 503) reply.header('retry-after', retryAfterS)
    return reply.code(status).send(told)
  })
}
