import { type Environment, hasCode } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { AuditIds } from '../audit/audit-id.ts'
import { type AuditAuthor, type AuditNote, lastEntryOf } from '../audit/audit-record.ts'
import type { FileRecord } from '../codec.ts'
import type { CallOptions, WriteOptions } from '../calls.ts'
import type { ContentCondition, PublishSpec } from '../config-hub.ts'
import type { ContentCheck } from '../content-checks.ts'
import { ConfigError } from '../errors.ts'
import { checkGrayRule } from '../gray/gray-rule.ts'
import { filePath, groupPath } from '../keys.ts'
import type { ConfigFile, FileKey, FileSpec, GrayRule, Release } from '../model.ts'
import type { ResolvedConfigHubOptions } from '../options.ts'
import { checkFileKey } from '../validate/names.ts'
import { checkVersion } from '../validate/queries.ts'
import {
  checkWriteOptions,
  toFileSpec,
  toGrayPublishSpec,
  toGroup,
  toPublishSpec,
} from '../validate/specs.ts'
import { abortable } from './abortable.ts'
import { contentMd5 } from './content-condition.ts'
import { decideRotation } from './decisions/data-key.ts'
import { decideDelete, decideDiscard, decideSave } from './decisions/drafts.ts'
import { decidePromote, decideRuleChange, decideStop } from './decisions/gray.ts'
import { decidePublish, decideRollback, decideWithdraw } from './decisions/releases.ts'
import type { FileWrite, GroupCreation } from './file-batch.ts'
import { bytesOf, type FileChange, opsOf } from './file-change.ts'
import type { FileContents } from './file-contents.ts'
import {
  type FilePlace,
  type FileState,
  notBefore,
  readState,
  type SeenState,
  seenState,
} from './file-state.ts'
import { createGroup, groupSubject } from './group-creation.ts'
import type { Moment } from './moment.ts'
import { attemptsMax, requireRevision, tooOften } from './until-decided.ts'
import { type FileLine, WriteQueue } from './write-queue.ts'

/** What a config writer works with. */
export interface ConfigWriterParts {
  readonly store: Pick<Store, 'txn' | 'range'>
  readonly environment: Environment
  readonly seen: SeenState
  readonly contents: FileContents
  /** What contents have to pass when they are released. */
  readonly check: ContentCheck
  readonly ids: AuditIds
  /** Resolves when a revision of the store is seen here. */
  readonly reached: (revision: number, options: CallOptions) => Promise<void>
}

/** What of a hub's options concerns those who write. */
export type ConfigWriterOptions = Pick<
  ResolvedConfigHubOptions,
  'prefix' | 'autoCreate' | 'contentMaxBytes' | 'releasesMaxItems' | 'writes'
>

/** What a writer has done so far. */
export interface WriteStats {
  /** Writes that wait. */
  readonly queued: number
  readonly done: number
  /** How often something was decided anew, because somebody else had been faster. */
  readonly conflicts: number
}

/**
 * Writes files. Each write is decided on what this member has seen, or has written itself, and the store checks that it is still so; where
 * it is not, or where it would have to be refused, the store is asked, and it is decided again. Calls for one file take effect in their order.
 */
export class ConfigWriter {
  readonly #parts: ConfigWriterParts
  readonly #options: ConfigWriterOptions
  readonly #queue: WriteQueue
  #done = 0
  #conflicts = 0

  constructor(parts: ConfigWriterParts, options: ConfigWriterOptions) {
    const { store, environment, ids } = parts
    this.#parts = parts
    this.#options = options
    this.#queue = new WriteQueue({ store, environment, ids, prefix: options.prefix }, options.writes)
  }

  get stats(): WriteStats {
    return { queued: this.#queue.queued, done: this.#done, conflicts: this.#conflicts }
  }

  /** As `Files.save`. */
  async save(
    key: FileKey,
    spec: FileSpec,
    options: WriteOptions & ContentCondition = {},
  ): Promise<ConfigFile> {
    const checked = toFileSpec(spec, this.#options.contentMaxBytes)
    return await this.#write(key, (moment) => decideSave(moment, checked), options)
  }

  /** As `Files.discardDraft`. */
  async discardDraft(key: FileKey, options: WriteOptions = {}): Promise<ConfigFile> {
    return await this.#write(key, decideDiscard, options)
  }

  /** As `Files.delete`. */
  async delete(key: FileKey, options: WriteOptions = {}): Promise<void> {
    await this.#write(key, decideDelete, options)
  }

  /** As `Releases.publish`. */
  async publish(
    key: FileKey,
    spec: PublishSpec = {},
    options: WriteOptions & ContentCondition = {},
  ): Promise<Release> {
    const checked = toPublishSpec(spec, this.#options.contentMaxBytes)
    return await this.#write(key, (moment) => decidePublish(moment, checked, undefined), options)
  }

  /** As `Releases.rollback`. */
  async rollback(key: FileKey, version: number, options: WriteOptions = {}): Promise<Release> {
    checkVersion(version)
    return await this.#write(key, (moment) => decideRollback(moment, version), options)
  }

  /** As `Releases.withdraw`. */
  async withdraw(key: FileKey, options: WriteOptions = {}): Promise<ConfigFile> {
    return await this.#write(key, decideWithdraw, options)
  }

  /** As `GrayReleases.publish`. */
  async publishGray(
    key: FileKey,
    spec: PublishSpec & { readonly rule: GrayRule },
    options: WriteOptions & ContentCondition = {},
  ): Promise<Release> {
    const checked = toGrayPublishSpec(spec, this.#options.contentMaxBytes)
    return await this.#write(key, (moment) => decidePublish(moment, checked, checked.rule), options)
  }

  /** As `GrayReleases.changeRule`. */
  async changeGrayRule(key: FileKey, rule: GrayRule, options: WriteOptions = {}): Promise<ConfigFile> {
    const checked = checkGrayRule(rule)
    return await this.#write(key, (moment) => decideRuleChange(moment, checked), options)
  }

  /** As `GrayReleases.promote`. */
  async promoteGray(key: FileKey, options: WriteOptions = {}): Promise<ConfigFile> {
    return await this.#write(key, decidePromote, options)
  }

  /** As `GrayReleases.stop`. */
  async stopGray(key: FileKey, options: WriteOptions = {}): Promise<ConfigFile> {
    return await this.#write(key, decideStop, options)
  }

  /** As `DataKeys.rotate`. */
  async rotateDataKey(key: FileKey, options: WriteOptions = {}): Promise<ConfigFile> {
    return await this.#write(key, decideRotation, options)
  }

  /** Runs something for a file between its writes, none of which is in flight meanwhile. @param path as `filePath` makes it */
  between<T>(path: string, run: () => Promise<T>): Promise<T> {
    return this.#queue.inOrder(path, (line) => {
      line.state = undefined
      return run()
    })
  }

  /** Writes what waits, and takes no more. */
  close(): Promise<void> {
    return this.#queue.close()
  }

  async #write<Result>(
    key: FileKey,
    decide: Decide<Result>,
    options: WriteOptions & ContentCondition,
  ): Promise<Result> {
    checkFileKey(key)
    checkWriteOptions(options)
    options.signal?.throwIfAborted()
    const call: Call = { key, path: filePath(key), groupPath: groupPath(key), options }
    const written = this.#queue.inOrder(call.path, (line) => this.#untilDecided(call, decide, line))
    const { result, revision } = await abortable(written, options.signal)
    await this.#parts.reached(revision, options)
    return result
  }

  async #untilDecided<Result>(call: Call, decide: Decide<Result>, line: FileLine): Promise<Written<Result>> {
    let state = this.#knownState(call, line)
    let isFresh = false
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      call.options.signal?.throwIfAborted()
      line.state = undefined
      try {
        const written = await this.#try({ call, decide, line }, state)
        if (written !== undefined) return written
        this.#conflicts++
      } catch (error) {
        // This member may only not have heard of it yet.
        if (isFresh || !dependsOnState(error)) throw error
      }
      state = await readState(this.#storeParts(), call, call.options)
      isFresh = true
    }
    throw tooOften()
  }

  /** @returns undefined: it is not so any more */
  async #try<Result>(
    { call, decide, line }: Attempt<Result>,
    state: FileState,
  ): Promise<Written<Result> | undefined> {
    const { key, path, groupPath, options } = call
    const { contents, check, environment } = this.#parts
    const { prefix, releasesMaxItems } = this.#options
    requireRevision(options, state.record?.file.revision ?? 0)
    if (options.ifMd5 !== undefined) await this.#requireContent(call, state, options.ifMd5)
    const author = { actor: options.actor ?? '', reason: options.reason ?? '' }
    const atMs = Math.max(Math.floor(environment.clock.wallMs()), state.notBefore.atMs)
    const decided = decide({ key, path, author, state, atMs, contents, check })
    const change = decided instanceof Promise ? await decided : decided
    const creation = state.hasGroup ? undefined : await this.#createGroup(call, { author, atMs })
    const order = Math.max(state.notBefore.order, creation?.place.order ?? 0)
    const ops = opsOf({ prefix, releasesMaxItems }, { state, change }, { path, atMs })
    const write: FileWrite = {
      path,
      groupPath,
      expected: state.record?.file.revision ?? 0,
      gone: state.gone?.modRevision ?? 0,
      creation,
      ops,
      note: noteOf(state, change, { path, author, place: { atMs, order } }),
      bytes: bytesOf(ops) + author.actor.length + author.reason.length,
    }
    const { type, revision } = await this.#queue.submit(write, options)
    if (type === 'differs') return undefined
    this.#done++
    const record = recordOf(path, change, revision)
    line.state = stateAfter(state, { record, atMs, revision })
    return { result: change.result(record?.file), revision }
  }

  /** What this member knows by what it has written itself, or has seen, whichever is newer. */
  #knownState({ key }: Call, { state }: FileLine): FileState {
    const seen = seenState(this.#parts.seen, key)
    return state === undefined || state.revision < seen.revision ? seen : state
  }

  async #requireContent({ path, options }: Call, state: FileState, ifMd5: string): Promise<void> {
    const md5 = await contentMd5({ contents: this.#parts.contents, path }, state, options)
    if (md5 === ifMd5) return
    throw new ConfigError('CONFIG_CONFLICT', `its content has the MD5 '${md5}', not '${ifMd5}'`)
  }

  /** @throws ConfigError `CONFIG_GROUP_NOT_FOUND` */
  async #createGroup(
    { key, groupPath, options }: Call,
    { author, atMs }: { readonly author: AuditAuthor; readonly atMs: number },
  ): Promise<GroupCreation> {
    const { namespace, group } = key
    if (!this.#options.autoCreate) {
      throw new ConfigError('CONFIG_GROUP_NOT_FOUND', `there is no group ${group} in ${namespace}`)
    }
    const { ids } = this.#parts
    const last = await lastEntryOf(this.#storeParts(), groupSubject(groupPath), options)
    const draft = toGroup({ namespace, group }, {})
    return createGroup({ prefix: this.#options.prefix, ids }, { draft, last, atMs }, author)
  }

  #storeParts(): { readonly store: ConfigWriterParts['store']; readonly prefix: string } {
    return { store: this.#parts.store, prefix: this.#options.prefix }
  }
}

/** Decides what becomes of a file. */
type Decide<Result> = (moment: Moment) => FileChange<Result> | Promise<FileChange<Result>>

/** Somebody wants something written. */
interface Call extends FilePlace {
  readonly key: FileKey
  readonly options: WriteOptions & ContentCondition
}

/** What is tried. */
interface Attempt<Result> {
  readonly call: Call
  readonly decide: Decide<Result>
  readonly line: FileLine
}

/** What was written, and at which revision. */
interface Written<Result> {
  readonly result: Result
  readonly revision: number
}

/** Whether what was refused may be accepted if more is known of the store. */
function dependsOnState(error: unknown): boolean {
  return hasCode(error, ...stateCodes)
}

const stateCodes = [
  'CONFIG_INVALID',
  'CONFIG_CONTENT_INVALID',
  'CONFIG_GROUP_NOT_FOUND',
  'CONFIG_FILE_NOT_FOUND',
  'CONFIG_RELEASE_NOT_FOUND',
  'CONFIG_NO_DRAFT',
  'CONFIG_GRAY_ACTIVE',
  'CONFIG_GRAY_NOT_FOUND',
  'CONFIG_CONFLICT',
] as const

function noteOf(
  { record, notBefore }: FileState,
  { action, version }: FileChange<unknown>,
  { path, author, place }: Pick<AuditNote, 'author' | 'place'> & { readonly path: string },
): AuditNote {
  return {
    subject: path,
    action,
    version,
    beforeRevision: record?.file.revision ?? 0,
    author,
    place,
    previous: notBefore.order === 0 ? undefined : notBefore,
  }
}

function recordOf(
  path: string,
  { file, dataKey }: FileChange<unknown>,
  revision: number,
): FileRecord | undefined {
  return file && { path, file: Object.freeze({ ...file, revision }), dataKey }
}

/** What a write leaves behind. */
function stateAfter(
  before: FileState,
  {
    record,
    atMs,
    revision,
  }: { readonly record: FileRecord | undefined; readonly atMs: number; readonly revision: number },
): FileState {
  if (record !== undefined) {
    return { record, gone: undefined, hasGroup: true, notBefore: notBefore(record, undefined), revision }
  }
  const latestVersion = before.record?.file.latestVersion ?? 0
  const gone = { latestVersion, deletedAtMs: atMs, modRevision: revision }
  return { record, gone, hasGroup: true, notBefore: notBefore(record, gone), revision }
}
