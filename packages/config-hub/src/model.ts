/** Texts by name. */
export type Metadata = Readonly<Record<string, string>>

/** Names a group. */
export interface GroupKey {
  readonly namespace: string
  readonly group: string
}

/** Names a file. Slashes in its name make a tree for people; for the hub a name is a name. */
export interface FileKey extends GroupKey {
  readonly file: string
}

/** What contents can be. All but `text` and `html` are checked when they are released. */
export const contentFormats = ['text', 'json', 'yaml', 'xml', 'properties', 'toml', 'html'] as const

/** One of {@link contentFormats}. */
export type ContentFormat = (typeof contentFormats)[number]

/** What is given of a group. */
export interface GroupSpec {
  readonly comment?: string | undefined
  readonly business?: string | undefined
  readonly department?: string | undefined
  readonly metadata?: Metadata | undefined
}

/** Files that belong together. */
export interface Group extends GroupKey {
  readonly comment: string
  readonly business: string
  readonly department: string
  readonly metadata: Metadata
  /** Unit: ms since the epoch. */
  readonly createdAtMs: number
  /** Unit: ms since the epoch. */
  readonly changedAtMs: number
  /** Of the store, at its last change. */
  readonly revision: number
}

/** What is given of a file. What is not given stays as it is. */
export interface FileSpec {
  /** The draft. */
  readonly content?: string | undefined
  /** @defaultValue by the ending of its name, or `text` */
  readonly format?: ContentFormat | undefined
  readonly comment?: string | undefined
  readonly tags?: Metadata | undefined
  /** Contents stand in the store encrypted from now on; those that are there already stay as they are. @defaultValue `false` */
  readonly encrypted?: boolean | undefined
}

/** A file, without contents. */
export interface ConfigFile extends FileKey {
  readonly format: ContentFormat
  readonly comment: string
  readonly tags: Metadata
  readonly encrypted: boolean
  /** There is a draft that has not been released. */
  readonly hasDraft: boolean
  /** The highest version that was ever given for this name, deleted files of it included; 0: none. */
  readonly latestVersion: number
  /** What everybody sees whom no gray release is for. */
  readonly release: ReleaseInfo | undefined
  /** What those see who match its rule. */
  readonly gray: GrayReleaseInfo | undefined
  /** Unit: ms since the epoch. */
  readonly createdAtMs: number
  /** Unit: ms since the epoch. */
  readonly changedAtMs: number
  /** Of the store, at its last change: of the draft, of a release, of anything. */
  readonly revision: number
}

/** A content that nobody sees yet. */
export interface Draft extends FileKey {
  readonly content: string
  /** MD5 of the content as UTF-8. 32 hexadecimal digits. */
  readonly md5: string
  /** The version that it equals; undefined: it has not been released. */
  readonly releasedAs: number | undefined
  /** It stands in the store encrypted, whatever its file says of contents to come. */
  readonly encrypted: boolean
}

/**
 * How a release came to be.
 *
 * - `publish`: for everybody
 * - `gray`: for some, by a rule
 * - `promote`: it was gray, now it is everybody's; same version
 * - `rollback`: the content of an older version again
 * - `restate`: the content of `from` again, because who sees it has changed: versions only grow, for every watcher
 */
export type ReleaseOrigin = 'publish' | 'gray' | 'promote' | 'rollback' | 'restate'

/** A release, without its content. Immutable. */
export interface ReleaseInfo {
  /** From 1 on, growing with each release of a file name, deleted files of it included. */
  readonly version: number
  /** What people call it. */
  readonly name: string
  /** Of the content as it stands in the store, which for an encrypted one is its cipher text. 32 hexadecimal digits. */
  readonly md5: string
  /** Of the content as UTF-8. Unit: bytes. */
  readonly sizeBytes: number
  readonly format: ContentFormat
  readonly tags: Metadata
  readonly comment: string
  readonly encrypted: boolean
  readonly origin: ReleaseOrigin
  /** The version whose content this is, where it is an older one's. */
  readonly from: number | undefined
  /** Unit: ms since the epoch. */
  readonly releasedAtMs: number
  /** Who released it. Empty: not known. */
  readonly actor: string
  readonly reason: string
}

/** A release that not everybody sees. */
export interface GrayReleaseInfo extends ReleaseInfo {
  readonly rule: GrayRule
}

/** A release. Immutable, and shared by all who read it. */
export interface Release extends FileKey, ReleaseInfo {
  readonly content: string
}

/** How a label is compared. A client without the label never matches, not even one that asks for another value. */
export type LabelMatcher =
  | { readonly label: string; readonly type: 'exact' | 'notEquals'; readonly value: string }
  | { readonly label: string; readonly type: 'in' | 'notIn'; readonly values: readonly string[] }
  /**
   * The whole value, in the syntax of RE2: no look-around, no back references, and time in proportion to the text. Values of
   * more than 512 characters never match.
   */
  | { readonly label: string; readonly type: 'regex'; readonly value: string }
  /** A decimal integer from `from` to `to`, both included. */
  | { readonly label: string; readonly type: 'range'; readonly from: number; readonly to: number }

/** Who sees a gray release: whoever matches everything that is given. Something is given. */
export interface GrayRule {
  /** All of them match. At least one. */
  readonly labels?: readonly LabelMatcher[] | undefined
  /**
   * The client's address is one of these, or in one of these networks: `10.1.2.3`, `10.1.0.0/16`, `2001:db8::/32`. An address of
   * IPv4 is in no network of IPv6, not even in `::/0`; one that is mapped into IPv6 counts as IPv4. At least one.
   */
  readonly addresses?: readonly string[] | undefined
  /**
   * So many of a hundred clients, by a hash of the client's id (or its address, where it has no id) and the file: the same
   * ones each time, and more percent only add to them. From 0 to 100, in steps of 0.01. A client with neither never matches.
   */
  readonly percent?: number | undefined
}

/** Who reads or watches, for gray releases. Without anything, it sees what everybody sees. */
export interface ConfigClient {
  readonly id?: string | undefined
  /** IPv4 or IPv6, without a port. */
  readonly address?: string | undefined
  readonly labels?: Metadata | undefined
}

/** A content to begin with. */
export interface Template {
  readonly name: string
  readonly content: string
  readonly format: ContentFormat
  readonly comment: string
  /** Unit: ms since the epoch. */
  readonly createdAtMs: number
  /** Unit: ms since the epoch. */
  readonly changedAtMs: number
  readonly revision: number
}

/** What a write did. */
export const auditActions = [
  'groupCreated',
  'groupChanged',
  'groupDeleted',
  'draftSaved',
  'draftDiscarded',
  'fileDeleted',
  'published',
  'rolledBack',
  'withdrawn',
  'grayPublished',
  'grayRuleChanged',
  'grayPromoted',
  'grayStopped',
  'dataKeyRotated',
  'templateSaved',
  'templateDeleted',
] as const

/** One of {@link auditActions}. */
export type AuditAction = (typeof auditActions)[number]

/** One write, as the audit trail has it. */
export interface AuditEntry {
  /** Its place in the trail: they sort as texts. */
  readonly id: string
  /** Unit: ms since the epoch. */
  readonly atMs: number
  readonly action: AuditAction
  /** Who did it, as the caller said. Empty: not said. */
  readonly actor: string
  readonly reason: string
  /** Empty for templates. */
  readonly namespace: string
  /** Empty for templates. */
  readonly group: string
  /** Empty where a group is meant; the name of a template. */
  readonly file: string
  /** The release that it made, or that it was about. */
  readonly version: number | undefined
  /** Revision of its subject before; 0: there was none. */
  readonly beforeRevision: number
  /** Revision of the store at which it was done. */
  readonly revision: number
}
