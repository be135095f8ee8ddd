import type { Schema } from '../../schemas/schema.ts'
import { object, revision } from '../../schemas/schema.ts'
import { query, textParameter } from '../../schemas/parameters.ts'

/** The path of a group. */
export interface GroupParams {
  readonly namespace: string
  readonly group: string
}

/** The path of a file. */
export interface FileParams extends GroupParams {
  readonly file: string
}

/** The path of a release. */
export interface ReleaseParams extends FileParams {
  readonly version: number
}

const namespacePart = pathPart('The namespace. A slash in it is written %2F.')
const groupPart = pathPart('The group. A slash in it is written %2F.')
const filePart = pathPart('The file. A slash in it is written %2F.')

function pathPart(description: string): Schema {
  return { type: 'string', minLength: 1, description }
}

/** {@link GroupParams} */
export const groupParams = object({ namespace: namespacePart, group: groupPart })
/** {@link FileParams} */
export const fileParams = object({ namespace: namespacePart, group: groupPart, file: filePart })
/** {@link ReleaseParams} */
export const releaseParams = object({
  namespace: namespacePart,
  group: groupPart,
  file: filePart,
  version: version('The version.'),
})
/** The path of a template. */
export const templateParams = object({ name: pathPart('The template. A slash in it is written %2F.') })

/** A version of a file. */
export function version(description: string): Schema {
  return { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description }
}

const flagNames = ['released', 'linearizable', 'decrypt'] as const

/** Parameters that are `true` or `false`; without a value they are `true`. */
export const flags: ReadonlySet<string> = new Set(flagNames)

/** One of {@link flags}. */
export function flagParameter(
  name: (typeof flagNames)[number],
  description: string,
): Readonly<Record<string, Schema>> {
  return { [name]: { type: 'boolean', description } }
}

const labels = (description: string): Schema => ({
  type: 'array',
  items: { type: 'string', pattern: '^[^:]+:' },
  maxItems: 64,
  description,
})

/** Which files are wanted, page aside. */
export const fileFilters: Readonly<Record<string, Schema>> = {
  namespace: textParameter('Of this namespace.'),
  group: textParameter('Of groups of this name.'),
  prefix: textParameter('Whose names begin so.'),
  tag: labels('With this tag, as key:value. Repeated: with all of them.'),
  ...flagParameter('released', 'Those that somebody may see, or those that nobody does.'),
}

/** The same, as it is read. */
export interface FileFilters {
  readonly namespace?: string
  readonly group?: string
  readonly prefix?: string
  readonly tag?: readonly string[]
  readonly released?: boolean
}

/** Which part of a list that is read from the store. */
export const slice: Readonly<Record<'after' | 'limit', Schema>> = {
  after: textParameter('What the part before gave as next.'),
  limit: { type: 'integer', minimum: 1, maximum: 10_000, description: 'How many at most. Default: 100.' },
}

/** The same, as it is read. */
export interface SliceParameters {
  readonly after?: string
  readonly limit?: number
}

/** Who reads or watches. */
export const clientParameters: Readonly<Record<keyof ClientParameters, Schema>> = {
  clientId: textParameter('The id of the client, for gray releases. As the header X-Client-Id.'),
  clientAddress: textParameter(
    'Its address. As the header X-Client-Address. Default: where the request comes from.',
  ),
  label: labels(
    'A label of the client, as key:value. Repeated: all of them. As the header X-Client-Labels, ' +
      'where they are separated by commas, each escaped as in a URL.',
  ),
}

/** The same, as it is read. */
export interface ClientParameters {
  readonly clientId?: string
  readonly clientAddress?: string
  readonly label?: readonly string[]
}

/** For whom a data key is given. */
export const publicKeyParameter: Readonly<Record<'publicKey', Schema>> = {
  publicKey: textParameter(
    'RSA, of 2048 bits and more: base64url or base64 of its SPKI in DER. An encrypted content is told encrypted, with its data ' +
      'key encrypted for this key. As the header X-Public-Key.',
  ),
}

/** The content that a file has to have. */
export const ifMd5Parameter: Readonly<Record<'ifMd5', Schema>> = {
  ifMd5: textParameter('Writes only if the draft, or what was released last, has this MD5; empty: nothing.'),
}

/** A query string without parameters. */
export const noQuery: Schema = query({})

/** What the caller has of what he asks for. */
export const afterRevisionParameter: Readonly<Record<'afterRevision', Schema>> = {
  afterRevision: revision(
    'The caller has seen everything up to there: waits until this member has, too, or answers 503.',
  ),
}
