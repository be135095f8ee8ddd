import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { CallOptions, Page, PageRequest, Slice, SliceRequest, WriteOptions } from './calls.ts'
import type {
  AuditAction,
  AuditEntry,
  ConfigClient,
  ConfigFile,
  ContentFormat,
  Draft,
  FileKey,
  FileSpec,
  GrayRule,
  Group,
  GroupKey,
  GroupSpec,
  Metadata,
  Release,
  ReleaseInfo,
  Template,
} from './model.ts'
import type { KeyPort } from './ports.ts'
import type {
  ConfigWatch,
  PendingPoll,
  PollListener,
  PollOptions,
  PollResult,
  RunningWatch,
  WatchListener,
  WatchQuery,
} from './watches.ts'

/** What a hub is made of. */
export interface ConfigHubDeps {
  /** Where everything is kept. The hub neither opens nor closes it. */
  readonly store: Store
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment | undefined
  /** Who wraps the keys of encrypted files. Without it, there are none. The hub does not close it. */
  readonly keys?: KeyPort | undefined
}

/** Groups. Reads are answered from memory; whoever wrote sees what he wrote. */
export interface Groups {
  get(key: GroupKey): Group | undefined
  /** In order of namespace and name. */
  list(query?: PageRequest & { readonly namespace?: string | undefined }): Page<Group>
  /** Namespaces that have groups, in order. */
  namespaces(): readonly string[]
  /** @throws ConfigError `CONFIG_INVALID`, `CONFIG_GROUP_EXISTS` */
  create(key: GroupKey, spec?: GroupSpec, options?: WriteOptions): Promise<Group>
  /** @throws ConfigError `CONFIG_INVALID`, `CONFIG_GROUP_NOT_FOUND`, `CONFIG_CONFLICT` */
  update(key: GroupKey, changes: GroupSpec, options?: WriteOptions): Promise<Group>
  /** @throws ConfigError `CONFIG_GROUP_NOT_FOUND`, `CONFIG_GROUP_IN_USE`, `CONFIG_CONFLICT` */
  delete(key: GroupKey, options?: WriteOptions): Promise<void>
}

/** Which files are wanted. */
export interface FileQuery extends PageRequest {
  readonly namespace?: string | undefined
  readonly group?: string | undefined
  /** Names that begin so. */
  readonly prefix?: string | undefined
  /** All of these tags, with these values. */
  readonly tags?: Metadata | undefined
  /** Those that somebody may see, or those that nobody does. */
  readonly released?: boolean | undefined
}

/** Files and their drafts. */
export interface Files {
  /** From memory. */
  get(key: FileKey): ConfigFile | undefined
  /** From memory, in order of namespace, group and name. */
  list(query?: FileQuery): Page<ConfigFile>
  /**
   * What is edited: the draft, or what was released last. Undefined: the file has no content at all.
   *
   * @throws ConfigError `CONFIG_FILE_NOT_FOUND`, `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED`
   */
  draft(key: FileKey, options?: CallOptions): Promise<Draft | undefined>
  /**
   * Creates or changes a file. Nobody who reads or watches sees anything of it until it is published.
   *
   * @throws ConfigError `CONFIG_INVALID`, `CONFIG_GROUP_NOT_FOUND`, `CONFIG_CONFLICT`, `CONFIG_KEYS_MISSING`, `CONFIG_OVERLOADED`
   */
  save(key: FileKey, spec: FileSpec, options?: WriteOptions & ContentCondition): Promise<ConfigFile>
  /** Forgets the draft. @throws ConfigError `CONFIG_FILE_NOT_FOUND`, `CONFIG_NO_DRAFT`, `CONFIG_CONFLICT` */
  discardDraft(key: FileKey, options?: WriteOptions): Promise<ConfigFile>
  /**
   * Deletes a file with its draft and all releases. Its versions are never given again.
   *
   * @throws ConfigError `CONFIG_FILE_NOT_FOUND`, `CONFIG_CONFLICT`
   */
  delete(key: FileKey, options?: WriteOptions): Promise<void>
}

/** That a file has the content that the caller thinks it has. */
export interface ContentCondition {
  /**
   * MD5 of what {@link Files.draft} gives; empty: the file has no content. Otherwise the call fails with `CONFIG_CONFLICT`.
   * @defaultValue whatever it has
   */
  readonly ifMd5?: string | undefined
}

/** What is released. */
export interface PublishSpec extends FileSpec {
  /** What people call the release. @defaultValue `v<version>` */
  readonly name?: string | undefined
  /** Of the release. @defaultValue the reason that the options give, or empty */
  readonly releaseComment?: string | undefined
}

/** Releases: what was ever released is their history. */
export interface Releases {
  /**
   * Releases for everybody: the draft, or the content that is given, which creates or changes the file in the same step.
   *
   * @throws ConfigError `CONFIG_INVALID`, `CONFIG_CONTENT_INVALID`, `CONFIG_NO_DRAFT`, `CONFIG_FILE_NOT_FOUND`,
   * `CONFIG_GROUP_NOT_FOUND`, `CONFIG_GRAY_ACTIVE`, `CONFIG_CONFLICT`, `CONFIG_KEYS_MISSING`, `CONFIG_OVERLOADED`
   */
  publish(key: FileKey, spec?: PublishSpec, options?: WriteOptions & ContentCondition): Promise<Release>
  /**
   * Releases the content of an older version again, as a new version.
   *
   * @throws ConfigError `CONFIG_RELEASE_NOT_FOUND`, `CONFIG_GRAY_ACTIVE`, `CONFIG_CONFLICT`
   */
  rollback(key: FileKey, version: number, options?: WriteOptions): Promise<Release>
  /**
   * Takes what everybody sees away; the file and its history stay.
   *
   * @throws ConfigError `CONFIG_FILE_NOT_FOUND`, `CONFIG_RELEASE_NOT_FOUND`, `CONFIG_GRAY_ACTIVE`, `CONFIG_CONFLICT`
   */
  withdraw(key: FileKey, options?: WriteOptions): Promise<ConfigFile>
  /** @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED` */
  get(key: FileKey, version: number, options?: CallOptions): Promise<Release | undefined>
  /** The newest first. */
  history(key: FileKey, request?: SliceRequest): Promise<Slice<ReleaseInfo>>
  /**
   * What differs between two versions, or between one and the draft.
   *
   * @throws ConfigError `CONFIG_RELEASE_NOT_FOUND`, `CONFIG_NO_DRAFT`
   */
  diff(key: FileKey, sides: DiffSides, options?: CallOptions): Promise<ContentDiff>
  /**
   * The content as it stands in the store, for whom plain contents are not meant. What is not encrypted is given as it is.
   *
   * `publicKey` is RSA, PEM (SPKI): the data key is given, encrypted for it; only the owner of the private key can use it.
   * Without it, no data key is given.
   *
   * @throws ConfigError `CONFIG_RELEASE_NOT_FOUND`, `CONFIG_PUBLIC_KEY_INVALID`, `CONFIG_KEYS_MISSING`
   */
  sealed(
    key: FileKey,
    version: number,
    options?: CallOptions & { readonly publicKey?: string },
  ): Promise<SealedRelease>
}

/** Two contents of a file. */
export interface DiffSides {
  readonly from: number
  readonly to: number | 'draft'
}

/** What differs between two contents. */
export interface ContentDiff {
  /** In the unified format, with three lines around each change; empty: nothing differs. */
  readonly unified: string
  /** Lines that only the second has. */
  readonly added: number
  /** Lines that only the first has. */
  readonly removed: number
}

/** A release whose content is encrypted. */
export interface SealedRelease {
  readonly info: ReleaseInfo
  /** AES-256-GCM: 12 bytes of nonce, the cipher text, 16 bytes of tag. Of what is not encrypted: UTF-8. */
  readonly content: Uint8Array
  /** The data key, encrypted by RSA-OAEP with SHA-256. */
  readonly dataKey: Uint8Array | undefined
}

/** Gray releases: one of a file at a time. */
export interface GrayReleases {
  /**
   * Releases for those who match the rule.
   *
   * @throws ConfigError what {@link Releases.publish} throws, `CONFIG_INVALID` for the rule
   */
  publish(
    key: FileKey,
    spec: PublishSpec & { readonly rule: GrayRule },
    options?: WriteOptions & ContentCondition,
  ): Promise<Release>
  /** Says anew who sees it. Both what is gray and what is everybody's get new versions. @throws ConfigError `CONFIG_GRAY_NOT_FOUND` … */
  changeRule(key: FileKey, rule: GrayRule, options?: WriteOptions): Promise<ConfigFile>
  /** From now on everybody sees it. @throws ConfigError `CONFIG_GRAY_NOT_FOUND`, `CONFIG_CONFLICT` */
  promote(key: FileKey, options?: WriteOptions): Promise<ConfigFile>
  /** Nobody sees it any more; what is everybody's gets a new version. @throws ConfigError `CONFIG_GRAY_NOT_FOUND`, `CONFIG_CONFLICT` */
  stop(key: FileKey, options?: WriteOptions): Promise<ConfigFile>
}

/** A question for what somebody sees of a file. */
export interface ReadQuery extends FileKey {
  readonly client?: ConfigClient | undefined
}

/** Contents to begin with. */
export interface Templates {
  get(name: string, options?: CallOptions): Promise<Template | undefined>
  /** In order of their names. */
  list(request?: SliceRequest): Promise<Slice<Template>>
  /** Creates or replaces one. @throws ConfigError `CONFIG_INVALID`, `CONFIG_CONFLICT` */
  save(name: string, spec: TemplateSpec, options?: WriteOptions): Promise<Template>
  /** @throws ConfigError `CONFIG_TEMPLATE_NOT_FOUND`, `CONFIG_CONFLICT` */
  delete(name: string, options?: WriteOptions): Promise<void>
}

/** What is given of a template. */
export interface TemplateSpec {
  readonly content: string
  /** @defaultValue `text` */
  readonly format?: ContentFormat | undefined
  readonly comment?: string | undefined
}

/** Files as zip archives, with everything that is said of them. */
export interface Archives {
  /**
   * Drafts, or where there are none, releases. Encrypted files are left out unless `decrypt` is set, which writes them plainly.
   *
   * @throws ConfigError `CONFIG_INVALID` when it is too much for one archive
   */
  export(
    query: Omit<FileQuery, 'offset' | 'limit'>,
    options?: CallOptions & { readonly decrypt?: boolean },
  ): Promise<Uint8Array>
  /**
   * Saves the files of an archive as drafts.
   *
   * @throws ConfigError `CONFIG_ARCHIVE_INVALID`, `CONFIG_CONFLICT` with the policy `abort`: nothing was written
   */
  import(archive: Uint8Array, options: ImportOptions): Promise<ImportResult>
}

/** How an archive is taken in. */
export interface ImportOptions extends Omit<WriteOptions, 'ifRevision'> {
  /** Into this namespace. @defaultValue that of the archive */
  readonly namespace?: string | undefined
  /** What becomes of files that exist: left as they are, given the new content, or nothing is imported at all. */
  readonly conflict: 'skip' | 'overwrite' | 'abort'
}

/** What became of the files of an archive, in its order. */
export interface ImportResult {
  readonly files: readonly ImportedFile[]
}

/** What became of a file of an archive. */
export interface ImportedFile extends FileKey {
  readonly outcome: 'created' | 'overwritten' | 'skipped' | 'failed'
  /** Why it failed. */
  readonly error: string | undefined
}

/** Which entries of the audit trail are wanted. */
export interface AuditQuery extends SliceRequest {
  /** Of this namespace; with `group` and `file`, of these. Without it, of all. */
  readonly namespace?: string | undefined
  readonly group?: string | undefined
  /** Empty: of the group itself. Namespace and group empty: of the template of this name. */
  readonly file?: string | undefined
  /** Not before. Unit: ms since the epoch. */
  readonly fromMs?: number | undefined
  /** Before. Unit: ms since the epoch. */
  readonly toMs?: number | undefined
  readonly actions?: readonly AuditAction[] | undefined
  readonly actor?: string | undefined
}

/** Who wrote what, when, and why. */
export interface AuditTrail {
  /** The newest first. Entries of one subject are in the order of their revisions. */
  list(query?: AuditQuery): Promise<Slice<AuditEntry>>
}

/** Keys of encrypted files. */
export interface DataKeys {
  /**
   * A new data key for a file: what is released of it is released again, encrypted with it; older releases keep theirs.
   *
   * @throws ConfigError `CONFIG_FILE_NOT_FOUND`, `CONFIG_KEYS_MISSING`, `CONFIG_INVALID` when it is not encrypted
   */
  rotate(key: FileKey, options?: WriteOptions): Promise<ConfigFile>
  /**
   * Wraps data keys anew that were wrapped with another key than the port's current one. Contents stay as they are.
   *
   * @returns how many were
   */
  rewrap(options?: CallOptions): Promise<number>
}

/** - `created`: not started
 *  - `loading`: reads its state
 *  - `ready`: serves
 *  - `failed`: the store ended
 *  - `closed` */
export type ConfigHubState = 'created' | 'loading' | 'ready' | 'failed' | 'closed'

/** A snapshot of what a hub does. */
export interface ConfigHubStats {
  readonly groups: number
  readonly files: number
  /** Files of which somebody sees something. */
  readonly released: number
  readonly watchers: number
  readonly polls: number
  /** Changes given to watchers and polls so far. */
  readonly delivered: number
  /** Releases that watchers never got because newer ones came first. */
  readonly skipped: number
  readonly cache: {
    readonly entries: number
    readonly bytes: number
    readonly hits: number
    readonly misses: number
  }
  readonly writes: { readonly queued: number; readonly done: number; readonly conflicts: number }
  /** Everything up to this revision of the store is seen. */
  readonly revision: number
}

/** A configuration centre over a store. */
export interface ConfigHub extends AsyncDisposable {
  readonly state: ConfigHubState
  readonly groups: Groups
  readonly files: Files
  readonly releases: Releases
  readonly gray: GrayReleases
  readonly templates: Templates
  readonly archives: Archives
  readonly audit: AuditTrail
  readonly dataKeys: DataKeys

  /** Reads the state, then follows it. @throws what the store throws */
  start(options?: CallOptions): Promise<void>

  /** What somebody sees of a file, without the content. From memory, at once. */
  peek(query: ReadQuery): ReleaseInfo | undefined
  /**
   * What somebody sees of a file. From memory where it is there; whoever published sees what he published.
   *
   * @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED`
   */
  read(query: ReadQuery, options?: CallOptions): Promise<Release | undefined>
  /** The same, not older than any write that was acknowledged anywhere before the call. */
  readLinearizable(query: ReadQuery, options?: CallOptions): Promise<Release | undefined>

  /** @throws ConfigError `CONFIG_INVALID`, `CONFIG_OVERLOADED`, `CONFIG_NOT_READY`, `CONFIG_CLOSED` */
  watch(query: WatchQuery, options?: CallOptions): ConfigWatch
  /**
   * As {@link ConfigHub.watch}, for who has very many of them: none has a promise, and a change leaves nothing to collect behind. The
   * listener is never called before this has returned; what is thrown here, it is not told. It is told when it is its turn among all who
   * watch, and what it does then, it does in that turn.
   *
   * @throws ConfigError as {@link ConfigHub.watch}
   */
  startWatch(query: WatchQuery, listener: WatchListener): RunningWatch
  /** Waits for changes, once. Answers at once when there are some already. @throws as {@link ConfigHub.watch} */
  poll(query: WatchQuery, options?: PollOptions): Promise<PollResult>
  /**
   * As {@link ConfigHub.poll}, for who has thousands of them wait: none has a promise, or a signal. The listener is never called before
   * this has returned, not even where there is something to tell already; what is thrown here, it is not told.
   *
   * @throws ConfigError as {@link ConfigHub.watch}, at once
   */
  startPoll(query: WatchQuery, listener: PollListener, options?: Omit<PollOptions, 'signal'>): PendingPoll

  /**
   * Resolves when everything up to a revision of the store is seen here.
   *
   * @throws what the store ended with; ConfigError `CONFIG_CLOSED` when the hub closes; the signal's reason
   */
  reached(revision: number, options?: CallOptions): Promise<void>
  stats(): ConfigHubStats

  /** Ends all watches and polls. Safe to call twice. */
  close(): Promise<void>
}
