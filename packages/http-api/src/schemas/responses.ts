import type { Schema } from './schema.ts'
import { object, ref } from './schema.ts'

/** Fields of every answer that is a refusal or a failure. @param prefix of the codes of what is served */
export function problemFields(prefix: string): Readonly<Record<'code' | 'message', Schema>> {
  return {
    code: {
      type: 'string',
      description: `For programs: begins with ${prefix}, HTTP_API_, or what a host gives.`,
    },
    message: { type: 'string', description: 'For people. May change.' },
  }
}

/** The body of every answer of a registry that is a refusal or a failure. */
export const problem: Schema = object(problemFields('REGISTRY_'), {
  $id: 'RegistryProblem',
  description: 'Why a request was refused, or failed.',
})

/** Headers of an answer. */
export type HeaderSchemas = Readonly<Record<string, Schema>>

/** An answer with JSON. */
export function answer(description: string, schema: Schema, headers?: HeaderSchemas): Schema {
  return {
    description,
    content: { 'application/json': { schema } },
    ...(headers === undefined ? {} : { headers }),
  }
}

/** An answer without a body. */
export function empty(description: string, headers?: HeaderSchemas): Schema {
  return { description, type: 'null', ...(headers === undefined ? {} : { headers }) }
}

/** The header with the revision of what is answered. */
export const etag: HeaderSchemas = {
  etag: { type: 'string', description: 'The revision, as an entity tag: "12".' },
}

const retryAfter: HeaderSchemas = {
  'retry-after': { type: 'integer', description: 'When to try again. Unit: s.' },
}

const problems = {
  400: 'REGISTRY_INVALID: something given is out of its range or form.',
  404: 'REGISTRY_NAMESPACE_NOT_FOUND, REGISTRY_SERVICE_NOT_FOUND, REGISTRY_INSTANCE_NOT_FOUND: there is none.',
  409: 'It exists already, is still in use, or an alias does not allow it.',
  410: 'HTTP_API_CHANGES_GONE: changes since that revision are no longer known, read everything.',
  412: 'REGISTRY_CONFLICT: it is at another revision.',
  413: 'HTTP_API_BODY_TOO_LARGE: the body is too large.',
  415: 'HTTP_API_MEDIA_TYPE_UNSUPPORTED: the body is not said to be JSON.',
  500: 'HTTP_API_INTERNAL: a bug of ours.',
  503: 'The member cannot serve this now: try again, or another member.',
} as const

/** Answers that are refusals or failures, beside those that every route has. */
export const refusals = createRefusals(problems, 'RegistryProblem')

/** Makes {@link refusals} of an API. @param body the name of the schema of their bodies */
export function createRefusals<Status extends number>(
  texts: Readonly<Record<Status | 400 | 500 | 503, string>>,
  body: string,
): (...statuses: readonly Status[]) => Readonly<Record<string, Schema>> {
  return (...statuses) => {
    const all = [...new Set([400, ...statuses, 500, 503] as const)]
    return Object.fromEntries(
      all.map((status) => {
        const headers = status === 503 ? retryAfter : undefined
        return [String(status), answer(texts[status], ref(body), headers)]
      }),
    )
  }
}

/** What can happen to a request with a body, besides. */
export const bodyRefusals = [413, 415] as const

/** A page of a list. */
export function pageOf(item: Schema): Schema {
  return object({
    items: { type: 'array', items: item },
    total: { type: 'integer', minimum: 0, description: 'Of the whole list.' },
  })
}
