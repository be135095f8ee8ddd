import type { IncomingHttpHeaders } from 'node:http'
import type { Invalid } from './query-string.ts'
import { invalidRequest } from './registry-failure.ts'

/** A revision as an entity tag. */
export function entityTag(revision: number): string {
  return `"${revision}"`
}

/**
 * {@link revisionToMeet} of a registry.
 *
 * @throws RegistryError `REGISTRY_INVALID` when the header is no revision, or is another one than the parameter
 */
export function ifRevisionOf(
  ifRevision: number | undefined,
  headers: IncomingHttpHeaders,
): number | undefined {
  return revisionToMeet(ifRevision, headers, invalidRequest)
}

/**
 * At which revision a write has to meet its subject: the parameter `ifRevision`, or the header `If-Match`.
 *
 * @throws what `invalid` makes, when the header is no revision, or is another one than the parameter
 */
export function revisionToMeet(
  ifRevision: number | undefined,
  headers: IncomingHttpHeaders,
  invalid: Invalid,
): number | undefined {
  const header = headers['if-match']
  if (header === undefined) return ifRevision
  const [, quoted, bare] = /^(?:"(\d{1,16})"|(\d{1,16}))$/.exec(header) ?? []
  const revision = Number(quoted ?? bare ?? NaN)
  if (!Number.isSafeInteger(revision)) {
    throw invalid('If-Match has to be one revision, as in "12"')
  }
  if (ifRevision !== undefined && ifRevision !== revision) {
    throw invalid('ifRevision and If-Match are different revisions')
  }
  return revision
}

/** The revisions in a list of entity tags, as `If-None-Match` has it; those of others are none. */
export function revisionsIn(header: string | undefined): readonly number[] {
  if (header === undefined) return []
  return header
    .slice(0, 4_096)
    .split(',')
    .flatMap((tag) => {
      const [, digits] = /^\s*(?:W\/)?"(\d{1,16})"\s*$/.exec(tag) ?? []
      return digits === undefined ? [] : [Number(digits)]
    })
}

/** The header `Last-Event-ID` of a stream that is taken up again: the revision of what it had last. */
export function lastEventRevisionOf(headers: IncomingHttpHeaders): number | undefined {
  const header = headers['last-event-id']
  return typeof header === 'string' && /^\d{1,16}$/.test(header) ? Number(header) : undefined
}
