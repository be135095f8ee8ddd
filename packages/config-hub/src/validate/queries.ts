import type { PageRequest, SliceRequest } from '../calls.ts'
import type { AuditQuery, DiffSides, FileQuery } from '../config-hub.ts'
import type { Fingerprint, PollOptions, WatchQuery, WatchTarget } from '../watches.ts'
import { configLimits as limits } from '../limits.ts'
import { auditActions, type ConfigClient } from '../model.ts'
import { toClient } from './client.ts'
import { arrayOf, fieldsOf, flagOf, integerOf, objectOf, refuse, textOf } from './fields.ts'
import { checkFileKey, checkGroupKey } from './names.ts'
import { tagsOf } from './specs.ts'

/** A {@link WatchQuery} that nobody changes any more, with all that was not given. */
export interface CheckedWatchQuery {
  readonly targets: readonly WatchTarget[]
  readonly client: ConfigClient
  readonly known: readonly Fingerprint[]
  /** 0: not given. */
  readonly afterRevision: number
}

/** @returns a copy @throws ConfigError `CONFIG_INVALID` */
export function checkWatchQuery(query: WatchQuery): CheckedWatchQuery {
  const { targets, client, known, afterRevision } = objectOf(query, 'query')
  return {
    targets: arrayOf(targets, 'targets', { min: 1, max: limits.targetsMaxItems }).map(targetOf),
    client: toClient(client),
    known:
      known === undefined
        ? []
        : arrayOf(known, 'known', { min: 0, max: limits.knownMaxItems }).map(fingerprintOf),
    afterRevision: afterRevision === undefined ? 0 : integerOf(afterRevision, 'afterRevision', { min: 0 }),
  }
}

/** @returns how long the poll waits. Unit: ms. @throws ConfigError `CONFIG_INVALID` */
export function checkPollOptions(options: PollOptions): number {
  const { timeoutMs } = objectOf(options, 'options')
  if (timeoutMs === undefined) return limits.pollDefaultMs
  return integerOf(timeoutMs, 'timeoutMs', { min: 0, max: limits.pollMaxMs })
}

/** @returns it complete @throws ConfigError `CONFIG_INVALID` */
export function checkPage(request: PageRequest): { readonly offset: number; readonly limit: number } {
  const { offset } = objectOf(request, 'query')
  return {
    offset: offset === undefined ? 0 : integerOf(offset, 'offset', { min: 0 }),
    limit: limitOf(request.limit),
  }
}

/** What stands for a place in a list: the key of an entry, which is made of several names. */
const cursorMaxChars = 4_096

/** @returns it complete; `after` is of its right type, no more @throws ConfigError `CONFIG_INVALID` */
export function checkSlice(request: SliceRequest): {
  readonly after: string | undefined
  readonly limit: number
} {
  const { after } = objectOf(request, 'query')
  return {
    after: after === undefined ? undefined : textOf(after, 'after', cursorMaxChars),
    limit: limitOf(request.limit),
  }
}

/** `after` stands for no place in the list. @throws ConfigError `CONFIG_INVALID` always */
export function refuseAfter(): never {
  return refuse('after', 'must be what an earlier slice gave')
}

/** What may be of any value finds nothing; only types are looked at. @throws ConfigError `CONFIG_INVALID` */
export function checkFileQuery(query: FileQuery): void {
  checkPage(query)
  const { namespace, group, prefix, tags, released } = query
  checkOptionalText(namespace, 'namespace', limits.namespaceMaxChars)
  checkOptionalText(group, 'group', limits.groupMaxChars)
  checkOptionalText(prefix, 'prefix', limits.fileMaxChars)
  if (tags !== undefined) tagsOf(tags)
  if (released !== undefined) flagOf(released, 'released')
}

/** @throws ConfigError `CONFIG_INVALID` */
export function checkAuditQuery(query: AuditQuery): void {
  checkSlice(query)
  const { namespace, group, file, fromMs, toMs, actions, actor } = query
  checkOptionalText(namespace, 'namespace', limits.namespaceMaxChars)
  checkOptionalText(group, 'group', limits.groupMaxChars)
  checkOptionalText(file, 'file', limits.fileMaxChars)
  if (group !== undefined && namespace === undefined) refuse('group', 'must have a namespace with it')
  if (file !== undefined && group === undefined) refuse('file', 'must have a group with it')
  if (fromMs !== undefined) integerOf(fromMs, 'fromMs', { min: 0 })
  if (toMs !== undefined) integerOf(toMs, 'toMs', { min: 0 })
  checkOptionalText(actor, 'actor', limits.actorMaxChars)
  if (actions === undefined) return
  for (const action of arrayOf(actions, 'actions', { min: 0, max: auditActions.length })) {
    if (!auditActions.some((known) => known === action)) {
      refuse('actions', `must be some of ${auditActions.join(', ')}`)
    }
  }
}

/** @throws ConfigError `CONFIG_INVALID` */
export function checkVersion(version: unknown, field = 'version'): asserts version is number {
  integerOf(version, field, { min: 1 })
}

/** @throws ConfigError `CONFIG_INVALID` */
export function checkDiffSides(sides: DiffSides): void {
  const { from, to } = objectOf(sides, 'sides')
  checkVersion(from, 'from')
  if (to !== 'draft') checkVersion(to, 'to')
}

function targetOf(target: unknown): WatchTarget {
  checkGroupKey(target)
  const { namespace, group } = target
  const { file, prefix } = fieldsOf(target, 'targets')
  if (file === undefined) {
    if (prefix === undefined) return { namespace, group }
    return { namespace, group, prefix: textOf(prefix, 'prefix', limits.fileMaxChars) }
  }
  if (prefix !== undefined) refuse('prefix', 'must not be given with a file')
  checkFileKey(target)
  return { namespace, group, file: target.file }
}

function fingerprintOf(fingerprint: unknown): Fingerprint {
  checkFileKey(fingerprint)
  const { namespace, group, file } = fingerprint
  const { version, md5 } = fieldsOf(fingerprint, 'known')
  return {
    namespace,
    group,
    file,
    version: version === undefined ? 0 : integerOf(version, 'version', { min: 0 }),
    // Of whatever form: what is no MD5 of ours differs from all of them, and so the client is told.
    ...(md5 === undefined ? {} : { md5: textOf(md5, 'md5', limits.md5MaxChars).toLowerCase() }),
  }
}

function limitOf(limit: unknown): number {
  if (limit === undefined) return limits.pageDefaultItems
  return integerOf(limit, 'limit', { min: 1, max: limits.pageMaxItems })
}

function checkOptionalText(value: unknown, field: string, maxChars: number): void {
  if (value !== undefined) textOf(value, field, maxChars)
}
