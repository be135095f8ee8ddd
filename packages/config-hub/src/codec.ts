import { fileKeyOf, unescapeName } from './keys.ts'
import type { ConfigFile, FileKey, Group, ReleaseInfo, Template } from './model.ts'
import type { WrappedKey } from './ports.ts'
import {
  type DraftHead,
  isStoredFile,
  isStoredGone,
  isStoredGroup,
  isStoredHead,
  isStoredTemplate,
  type StoredFile,
  type StoredHead,
  type StoredKey,
} from './stored-shapes.ts'

export type { DraftHead } from './stored-shapes.ts'

// Values in the store are JSON, so that people can read them with any client. Contents follow a line of JSON as they are: they
// need no escaping, and what only wants to know about them need not parse them. Unknown fields are those of a later version. What
// decodes throws an error where a value is none that a hub writes: whoever has a client of the store can write any.

/** What is read of a key. */
export interface StoredValue {
  readonly value: Uint8Array
  readonly modRevision: number
}

/** A file, with what only the hub needs of it. */
export interface FileRecord {
  /** As `filePath` makes it. */
  readonly path: string
  readonly file: ConfigFile
  /** With it, new contents are encrypted. Undefined: none has been yet. */
  readonly dataKey: WrappedKey | undefined
}

/** A content as it stands in the store, with what is said of it. */
export interface StoredContent<Head> {
  readonly head: Head
  /** What the content is encrypted with; undefined: it is plain. */
  readonly dataKey: WrappedKey | undefined
  /** UTF-8, or sealed. */
  readonly content: Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const lineEnd = 10

/** The value of a group. */
export function encodeGroup({
  comment,
  business,
  department,
  metadata,
  createdAtMs,
  changedAtMs,
}: Group): string {
  return JSON.stringify({ comment, business, department, metadata, createdAtMs, changedAtMs })
}

/** @param path `<namespace>/<group>`, escaped @throws Error the value is no group */
export function decodeGroup(path: string, { value, modRevision }: StoredValue): Group {
  const [namespace = '', group = ''] = path.split('/').map(unescapeName)
  const stored = parse(value)
  if (!isStoredGroup(stored)) refuseValue('group')
  const { comment, business, department, metadata, createdAtMs, changedAtMs } = stored
  return Object.freeze({
    ...{ namespace, group, comment, business, department, metadata },
    ...{ createdAtMs, changedAtMs, revision: modRevision },
  })
}

/** The value of a file. */
export function encodeFile({ file, dataKey }: Pick<FileRecord, 'file' | 'dataKey'>): string {
  const { format, comment, tags, encrypted, hasDraft, latestVersion, release, gray } = file
  const { createdAtMs, changedAtMs } = file
  // Field by field, here and below: spreading parts into an object takes longer than all else that a write does here.
  return JSON.stringify({
    format,
    comment,
    tags,
    encrypted,
    hasDraft,
    latestVersion,
    release,
    gray,
    dataKey: storedKey(dataKey),
    createdAtMs,
    changedAtMs,
  })
}

/** What a release says, complete, and nothing else: neither the rule of a gray one, nor what another version of us stored. */
export function releaseInfoOf(info: ReleaseInfo): ReleaseInfo {
  return {
    version: info.version,
    name: info.name,
    md5: info.md5,
    sizeBytes: info.sizeBytes,
    format: info.format,
    tags: info.tags,
    comment: info.comment,
    encrypted: info.encrypted,
    origin: info.origin,
    from: info.from,
    releasedAtMs: info.releasedAtMs,
    actor: info.actor,
    reason: info.reason,
  }
}

/** @param path as `filePath` makes it @throws Error the value is no file */
export function decodeFile(path: string, { value, modRevision }: StoredValue): FileRecord {
  const stored = parseFile(value)
  return fileRecordOf(stored, releasesOf(stored), { path, key: fileKeyOf(path), revision: modRevision })
}

/** @throws Error the value is no file */
export function parseFile(value: Uint8Array): StoredFile {
  const stored = parse(value)
  if (!isStoredFile(stored)) refuseValue('file')
  return stored
}

/** What only the place of a value says of a file. */
export interface FilePlacement {
  /** As `filePath` makes it. */
  readonly path: string
  readonly key: FileKey
  /** Of the store, at which it was written. */
  readonly revision: number
}

/** What is said of the releases that are seen of a file. */
export type SeenReleases = Pick<ConfigFile, 'release' | 'gray'>

/** What a file says of them. */
export function releasesOf({ release, gray }: StoredFile): SeenReleases {
  return {
    release: release && Object.freeze(releaseInfoOf(release)),
    gray: gray && Object.freeze({ ...releaseInfoOf(gray), rule: gray.rule }),
  }
}

/** A file, put together. @param seen as {@link releasesOf} gives it, or equal */
export function fileRecordOf(
  stored: StoredFile,
  { release, gray }: SeenReleases,
  { path, key, revision }: FilePlacement,
): FileRecord {
  const file: ConfigFile = Object.freeze({
    namespace: key.namespace,
    group: key.group,
    file: key.file,
    format: stored.format,
    comment: stored.comment,
    tags: stored.tags,
    encrypted: stored.encrypted,
    hasDraft: stored.hasDraft,
    latestVersion: stored.latestVersion,
    release,
    gray,
    createdAtMs: stored.createdAtMs,
    changedAtMs: stored.changedAtMs,
    revision,
  })
  return { path, file, dataKey: keyOf(stored.dataKey) }
}

/** What is left of a file that was deleted. */
export interface GoneRecord {
  /** The last that was given for its name. */
  readonly latestVersion: number
  /** Unit: ms since the epoch. */
  readonly deletedAtMs: number
}

/** The value of what is left of a file. */
export function encodeGone({ latestVersion, deletedAtMs }: GoneRecord): string {
  return JSON.stringify({ latestVersion, deletedAtMs })
}

/** @throws Error the value is nothing that is left of a file */
export function decodeGone(value: Uint8Array): GoneRecord {
  const stored = parse(value)
  if (!isStoredGone(stored)) refuseValue('version')
  return { latestVersion: stored.latestVersion, deletedAtMs: stored.deletedAtMs }
}

/** The value of a release or a draft. */
export function encodeContent<Head extends ReleaseInfo | DraftHead>({
  head,
  dataKey,
  content,
}: StoredContent<Head>): Uint8Array {
  const line = encoder.encode(`${JSON.stringify({ ...head, dataKey: storedKey(dataKey) })}\n`)
  const value = new Uint8Array(line.length + content.length)
  value.set(line)
  value.set(content, line.length)
  return value
}

/** The same for a content that is plain: text, which is encoded once, by the store. */
export function encodePlainContent(head: ReleaseInfo | DraftHead, content: string): string {
  return `${JSON.stringify(head)}\n${content}`
}

/** @returns a view of the value, not a copy @throws Error the value is no content */
export function decodeContent<Head extends ReleaseInfo | DraftHead>(value: Uint8Array): StoredContent<Head> {
  const { head: line, content } = split(value)
  if (!isStoredHead(line)) refuseValue('content')
  const { dataKey, ...head }: StoredHead = line
  return { head: head as unknown as Head, dataKey: keyOf(dataKey), content }
}

/**
 * The content alone, for whoever knows what is said of it.
 *
 * @returns a view of the value, not a copy
 * @throws Error the value is no content
 */
export function contentOf(value: Uint8Array): Uint8Array {
  return value.subarray(headEnd(value) + 1)
}

/** The value of a template: a line about it, then its content. */
export function encodeTemplate({ content, ...head }: Omit<Template, 'name' | 'revision'>): string {
  return `${JSON.stringify(head)}\n${content}`
}

/** @param name as it was given @throws Error the value is no template */
export function decodeTemplate(name: string, { value, modRevision }: StoredValue): Template {
  const { head, content } = split(value)
  if (!isStoredTemplate(head)) refuseValue('template')
  const { format, comment, createdAtMs, changedAtMs } = head
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString()
  return Object.freeze({
    ...{ name, content: text, format, comment, createdAtMs, changedAtMs, revision: modRevision },
  })
}

function storedKey(key: WrappedKey | undefined): StoredKey | undefined {
  if (key === undefined) return undefined
  return { keyId: key.keyId, bytes: Buffer.from(key.bytes).toString('base64') }
}

function keyOf(stored: StoredKey | undefined): WrappedKey | undefined {
  return stored === undefined
    ? undefined
    : { keyId: stored.keyId, bytes: Buffer.from(stored.bytes, 'base64') }
}

/** What stands before and after the first line end. @returns views of the value, no copies */
function split(value: Uint8Array): { readonly head: unknown; readonly content: Uint8Array } {
  const end = headEnd(value)
  return { head: parse(value.subarray(0, end)), content: value.subarray(end + 1) }
}

function headEnd(value: Uint8Array): number {
  const end = value.indexOf(lineEnd)
  if (end === -1) throw new Error('a content has a line before it')
  return end
}

function parse(value: Uint8Array): unknown {
  return JSON.parse(decoder.decode(value))
}

/** @throws Error always */
function refuseValue(what: string): never {
  throw new Error(`the value is no ${what} of a hub`)
}
