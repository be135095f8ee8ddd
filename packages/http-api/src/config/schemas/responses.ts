import { createRefusals, problemFields } from '../../schemas/responses.ts'
import type { Schema } from '../../schemas/schema.ts'
import { object } from '../../schemas/schema.ts'

/** The body of every answer that is a refusal or a failure. */
export const problem: Schema = object(
  {
    ...problemFields('CONFIG_'),
    line: { type: 'integer', minimum: 1, description: 'Where a content is not of its format.' },
    column: { type: 'integer', minimum: 1, description: 'In that line. Unit: UTF-16 code units.' },
  },
  {
    $id: 'ConfigProblem',
    description: 'Why a request was refused, or failed.',
    optional: ['line', 'column'],
  },
)

const texts = {
  400: 'CONFIG_INVALID, CONFIG_CONTENT_INVALID, …: something given is out of its range or form.',
  403: 'HTTP_API_PLAIN_FORBIDDEN: it would tell what stands encrypted.',
  404: 'CONFIG_GROUP_NOT_FOUND, CONFIG_FILE_NOT_FOUND, CONFIG_RELEASE_NOT_FOUND, …: there is none.',
  409: 'It exists already, is still in use, has no draft, has a gray release, or the member has no keys.',
  412: 'CONFIG_CONFLICT: it is at another revision, or has another content.',
  413: 'HTTP_API_BODY_TOO_LARGE: the body is too large.',
  415: 'HTTP_API_MEDIA_TYPE_UNSUPPORTED: the body is of another type than the route takes.',
  500: 'HTTP_API_INTERNAL: a bug of ours. CONFIG_DECRYPTION_FAILED: a content or key does not open.',
  503: 'The member cannot serve this now: try again, or another member.',
} as const

/** Answers that are refusals or failures, beside those that every route has. */
export const refusals = createRefusals<keyof typeof texts>(texts, 'ConfigProblem')

/** A part of a list that is read from the store. */
export function sliceOf(item: Schema): Schema {
  return object(
    {
      items: { type: 'array', items: item },
      next: { type: 'string', description: 'Give it as after to read on. Absent: that was all.' },
    },
    { optional: ['next'] },
  )
}

/** An answer that is a text. */
export function textAnswer(description: string): Schema {
  return { description, content: { 'text/plain': { schema: { type: 'string' } } } }
}
