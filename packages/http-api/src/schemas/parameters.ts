import type { Location, Metadata, PageRequest } from '@orrery/registry'
import type { Invalid } from '../query-string.ts'
import { invalidRequest } from '../registry-failure.ts'
import type { Schema } from './schema.ts'
import { object, revision } from './schema.ts'

// Parts of paths, and parameters of query strings. Texts become numbers and flags where the schema says so.

/** The path of a namespace. */
export interface NamespaceParams {
  readonly namespace: string
}

/** The path of a service. */
export interface ServiceParams extends NamespaceParams {
  readonly service: string
}

/** The path of an instance. */
export interface InstanceParams extends ServiceParams {
  readonly id: string
}

const pathPart = (description: string): Schema => ({ type: 'string', minLength: 1, description })

const namespacePart = pathPart('The namespace. A slash in it is written %2F.')
const servicePart = pathPart('The service. A slash in it is written %2F.')
const idPart = pathPart('The instance. A slash in it is written %2F.')

/** {@link NamespaceParams} */
export const namespaceParams = object({ namespace: namespacePart })
/** {@link ServiceParams} */
export const serviceParams = object({ namespace: namespacePart, service: servicePart })
/** {@link InstanceParams} */
export const instanceParams = object({ namespace: namespacePart, service: servicePart, id: idPart })

/** A query string that may have these parameters and no others. */
export function query(parameters: Readonly<Record<string, Schema>>): Schema {
  return object(parameters, { optional: 'all' })
}

/** Parameters that are `true` or `false`; without a value they are `true`. */
const flagNames = [
  'healthyOnly',
  'linearizable',
  'withInstances',
  'healthy',
  'isolated',
  'withHealthyInstance',
] as const

/** {@link flagNames}, to look them up. */
export const flags: ReadonlySet<string> = new Set(flagNames)

/** One of {@link flagNames}. */
export function flagParameter(
  name: (typeof flagNames)[number],
  description: string,
): Readonly<Record<string, Schema>> {
  return { [name]: { type: 'boolean', description } }
}

/** A parameter that is taken as it is. */
export const textParameter = (description: string): Schema => ({ type: 'string', description })

/** Which part of a list: a `PageRequest`. */
export const page = {
  offset: { type: 'integer', minimum: 0, description: 'How many to leave out at the begin. Default: 0.' },
  limit: { type: 'integer', minimum: 1, maximum: 10_000, description: 'How many at most. Default: 100.' },
} satisfies Record<keyof PageRequest, Schema>

/** The parts of a location, each a parameter. */
export const locationParameters = {
  region: textParameter('In this region.'),
  zone: textParameter('In this zone.'),
  campus: textParameter('In this campus.'),
} satisfies Record<keyof Location, Schema>

/** Labels: see {@link metadataOf}. */
export const metadataParameter: Readonly<Record<string, Schema>> = {
  metadata: {
    type: 'array',
    items: { type: 'string', pattern: '^[^:]+:' },
    maxItems: 64,
    description: 'With this label, as key:value. Repeated: with all of them.',
  },
}

/** The revision to write over. */
export const ifRevisionParameter: Readonly<Record<string, Schema>> = {
  ifRevision: revision(
    'Writes only if it is at this revision; 0: only if it does not exist. The same as the header If-Match.',
  ),
}

/** The parameter above. */
export interface IfRevisionQuery {
  readonly ifRevision?: number
}

/** The same as a header. */
export const ifMatchHeader: Schema = {
  type: 'object',
  properties: {
    'if-match': { type: 'string', description: 'The revision to write over, as an entity tag: "12".' },
  },
}

/** What the caller has of what he asks for. */
export const ifNoneMatchHeader: Schema = {
  type: 'object',
  properties: {
    'if-none-match': { type: 'string', description: 'Revisions that the caller has, as entity tags: "12".' },
  },
}

/** What the reader of a stream had last. */
export const lastEventIdHeader: Schema = {
  type: 'object',
  properties: {
    'last-event-id': { type: 'string', description: 'The revision of the snapshot that the caller has.' },
  },
}

/** {@link labelsOf} the parameter `metadata`. @throws RegistryError `REGISTRY_INVALID` when a key is there twice */
export function metadataOf(labels: readonly string[] | undefined): Metadata | undefined {
  return labels && labelsOf(labels, 'metadata', invalidRequest)
}

/**
 * Labels from `key:value`. The first colon separates, so that a key with one in it cannot be asked for.
 *
 * @param parameter what they were given as
 * @throws what `invalid` makes, when a key is there twice
 */
export function labelsOf(labels: readonly string[], parameter: string, invalid: Invalid): Metadata {
  const entries = labels.map((label) => {
    const colon = label.indexOf(':')
    return [label.slice(0, colon), label.slice(colon + 1)] as const
  })
  if (new Set(entries.map(([key]) => key)).size < entries.length) {
    throw invalid(`${parameter} has the same key twice`)
  }
  return Object.fromEntries(entries)
}

/** Where something has to be; undefined: anywhere. */
export function locationOf({
  region,
  zone,
  campus,
}: {
  readonly [Part in keyof Location]?: string | undefined
}): Partial<Location> | undefined {
  if (region === undefined && zone === undefined && campus === undefined) return undefined
  return {
    ...(region === undefined ? {} : { region }),
    ...(zone === undefined ? {} : { zone }),
    ...(campus === undefined ? {} : { campus }),
  }
}
