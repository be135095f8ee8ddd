import type {
  AuditAction,
  FileKey,
  GrayReleaseInfo,
  GroupKey,
  Metadata,
  ReleaseInfo,
} from '@orrery/config-hub'

/** A file as it stands in the store. */
export interface StoredFile {
  readonly hasDraft: boolean
  readonly latestVersion: number
  readonly release?: ReleaseInfo
  readonly gray?: GrayReleaseInfo
  readonly format: string
  readonly comment: string
  readonly tags: Metadata
}

/** An entry of the trail as it stands in the store. */
export interface StoredEntry {
  readonly action: AuditAction
  /** As {@link pathOf} gives it; of a group, with a slash at its end. */
  readonly subject: string
  readonly version?: number
  readonly beforeRevision: number
  /** Of a file: the time of its entry before this one, and its revision then. */
  readonly previous?: readonly [number, number]
  readonly actor?: string
  readonly reason?: string
}

/** What is left of a file that was deleted. */
interface GoneFile {
  readonly latestVersion: number
}

/** A release as it stands in the store. */
export interface StoredRelease {
  readonly head: ReleaseInfo
  readonly content: string
}

/** What became of one key of a hub. Undefined: it was deleted. */
export type StoredChange =
  | { readonly area: 'group'; readonly path: string; readonly isThere: boolean }
  | { readonly area: 'file'; readonly path: string; readonly file: StoredFile | undefined }
  | { readonly area: 'gone'; readonly path: string; readonly version: number | undefined }
  | {
      readonly area: 'release'
      readonly path: string
      readonly version: number
      readonly release: StoredRelease | undefined
    }
  | { readonly area: 'draft'; readonly path: string; readonly content: string | undefined }
  | { readonly area: 'record'; readonly id: string; readonly entries: readonly StoredEntry[] | undefined }
  | {
      readonly area: 'recordOf'
      readonly subject: string
      readonly id: string
      readonly isThere: boolean
    }

/** Under which everything stands. */
export const configArea = { key: 'config/', rangeEnd: 'config0' } as const

/** The time that the id of a record says: it stands upside down. Unit: ms since the epoch. */
export function timeOfRecord(id: string): number {
  return 10 ** 14 - 1 - Number(id.slice(0, 14))
}

/** What a file is called in the store. */
export function pathOf({ namespace, group, file }: FileKey): string {
  return [namespace, group, file].map(escape).join('/')
}

/** What a group is called in the store. */
export function groupPathOf({ namespace, group }: GroupKey): string {
  return [namespace, group].map(escape).join('/')
}

function escape(name: string): string {
  return encodeURIComponent(name).replaceAll('%3A', ':')
}

/**
 * Reads a key and its value as the layout of the store says, without the help of a hub.
 *
 * @param key with the prefix of the hub
 * @param value undefined: it was deleted
 * @returns undefined: no hub writes such a key here
 */
export function parseChange(key: string, value: string | undefined): StoredChange | undefined {
  const [, area = '', ...rest] = /^config\/(live\/\w+|drafts|audit\/\w+)\/(.*)$/.exec(key) ?? []
  const name = rest.join('/')
  switch (area) {
    case 'live/groups':
      return { area: 'group', path: name, isThere: value !== undefined }
    case 'live/files':
      return { area: 'file', path: name, file: parsed(value) as StoredFile | undefined }
    case 'live/gone':
      return { area: 'gone', path: name, version: (parsed(value) as GoneFile | undefined)?.latestVersion }
    case 'live/releases': {
      const { before, after } = cutAtLast(name)
      return { area: 'release', path: before, version: Number(after), release: releaseOf(value) }
    }
    case 'drafts':
      return { area: 'draft', path: name, content: releaseOf(value)?.content }
    case 'audit/all':
      return { area: 'record', id: name, entries: parsed(value) as StoredEntry[] | undefined }
    case 'audit/of': {
      const { before, after } = cutAtLast(name)
      return { area: 'recordOf', subject: before, id: after, isThere: value !== undefined }
    }
    default:
      return undefined
  }
}

function parsed(value: string | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(value)
}

/** A line about it, then the content. */
function releaseOf(value: string | undefined): StoredRelease | undefined {
  if (value === undefined) return undefined
  const end = value.indexOf('\n')
  return { head: JSON.parse(value.slice(0, end)) as ReleaseInfo, content: value.slice(end + 1) }
}

function cutAtLast(name: string): { readonly before: string; readonly after: string } {
  const at = name.lastIndexOf('/')
  return { before: name.slice(0, at), after: name.slice(at + 1) }
}
