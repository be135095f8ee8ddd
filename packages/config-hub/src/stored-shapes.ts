import { isPath } from './keys.ts'
import type {
  AuditAction,
  ConfigFile,
  Draft,
  FileKey,
  GrayReleaseInfo,
  Group,
  GroupKey,
  ReleaseInfo,
  Template,
} from './model.ts'

// What parsed values of the store are. They are looked at with every write of a file, on every member: by hand, and each field once. Fields
// that are not named here are those of a later version, and so are formats, origins and rules that are not known.

/** What stands with a draft. */
export type DraftHead = Pick<Draft, 'md5'>

/** A wrapped data key. */
export interface StoredKey {
  readonly keyId: string
  /** In base64. */
  readonly bytes: string
}

/** What of a file is in its value, and not in its key. */
export type StoredFile = Omit<ConfigFile, keyof FileKey | 'revision'> & { readonly dataKey?: StoredKey }

/** What of a group is in its value. */
export type StoredGroup = Omit<Group, keyof GroupKey | 'revision'>

/** The line before the content of a release or a draft. */
export type StoredHead = (ReleaseInfo | DraftHead) & { readonly dataKey?: StoredKey }

/** The line before the content of a template. */
export type StoredTemplate = Omit<Template, 'name' | 'content' | 'revision'>

/** A write, as a record of the trail has it. */
export interface StoredEntry {
  readonly action: AuditAction
  /** See `AuditNote`. */
  readonly subject: string
  readonly version?: number | undefined
  readonly beforeRevision?: number | undefined
  /** Time and order. */
  readonly previous?: readonly [number, number] | undefined
  readonly actor?: string | undefined
  readonly reason?: string | undefined
}

/** The ids of the audit trail have no digits for more. Unit: ms since the epoch. */
const timeMaxMs = 10 ** 14 - 1

/** Whether a value is one of a file. */
export function isStoredFile(value: unknown): value is StoredFile {
  if (!isObject(value)) return false
  const { release, gray } = value
  return (
    typeof value['format'] === 'string' &&
    typeof value['comment'] === 'string' &&
    isTexts(value['tags']) &&
    typeof value['encrypted'] === 'boolean' &&
    typeof value['hasDraft'] === 'boolean' &&
    isCount(value['latestVersion'], 0) &&
    (release === undefined || isInfo(release)) &&
    (gray === undefined || isGrayInfo(gray)) &&
    isMaybeKey(value['dataKey']) &&
    isTime(value['createdAtMs']) &&
    isTime(value['changedAtMs'])
  )
}

/** Whether a value is one of a group. */
export function isStoredGroup(value: unknown): value is StoredGroup {
  return (
    isObject(value) &&
    typeof value['comment'] === 'string' &&
    typeof value['business'] === 'string' &&
    typeof value['department'] === 'string' &&
    isTexts(value['metadata']) &&
    isTime(value['createdAtMs']) &&
    isTime(value['changedAtMs'])
  )
}

/** Whether a value says what is left of a deleted file. */
export function isStoredGone(
  value: unknown,
): value is Pick<ConfigFile, 'latestVersion'> & { readonly deletedAtMs: number } {
  return isObject(value) && isCount(value['latestVersion'], 0) && isTime(value['deletedAtMs'])
}

/** Whether a value stands before a content. What has a version is a release. */
export function isStoredHead(value: unknown): value is StoredHead {
  if (!isObject(value)) return false
  if (typeof value['md5'] !== 'string' || !isMaybeKey(value['dataKey'])) return false
  return value['version'] === undefined || isInfo(value)
}

/** Whether a value stands before the content of a template. */
export function isStoredTemplate(value: unknown): value is StoredTemplate {
  return (
    isObject(value) &&
    typeof value['format'] === 'string' &&
    typeof value['comment'] === 'string' &&
    isTime(value['createdAtMs']) &&
    isTime(value['changedAtMs'])
  )
}

/** Whether a value is an entry of the trail. */
export function isStoredEntry(value: unknown): value is StoredEntry {
  if (!isObject(value)) return false
  const { action, subject, version, beforeRevision, actor, reason } = value
  return (
    typeof action === 'string' &&
    typeof subject === 'string' &&
    isPath(subject) &&
    (version === undefined || isCount(version, 1)) &&
    (beforeRevision === undefined || isCount(beforeRevision, 0)) &&
    isMaybePlace(value['previous']) &&
    (actor === undefined || typeof actor === 'string') &&
    (reason === undefined || typeof reason === 'string')
  )
}

function isMaybePlace(value: unknown): boolean {
  if (value === undefined) return true
  return Array.isArray(value) && value.length === 2 && isCount(value[0], 0) && isCount(value[1], 1)
}

function isInfo(value: unknown): value is ReleaseInfo {
  return (
    isObject(value) &&
    isCount(value['version'], 1) &&
    typeof value['name'] === 'string' &&
    typeof value['md5'] === 'string' &&
    isCount(value['sizeBytes'], 0) &&
    typeof value['format'] === 'string' &&
    isTexts(value['tags']) &&
    typeof value['comment'] === 'string' &&
    typeof value['encrypted'] === 'boolean' &&
    typeof value['origin'] === 'string' &&
    (value['from'] === undefined || isCount(value['from'], 1)) &&
    isTime(value['releasedAtMs']) &&
    typeof value['actor'] === 'string' &&
    typeof value['reason'] === 'string'
  )
}

function isGrayInfo(value: unknown): value is GrayReleaseInfo {
  return isObject(value) && isObject(value['rule']) && isInfo(value)
}

function isMaybeKey(value: unknown): value is StoredKey | undefined {
  if (value === undefined) return true
  return isObject(value) && typeof value['keyId'] === 'string' && typeof value['bytes'] === 'string'
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Texts by name. */
function isTexts(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string')
}

function isCount(value: unknown, min: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min
}

/** Clocks of a host may tell fractions. */
function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= timeMaxMs
}
