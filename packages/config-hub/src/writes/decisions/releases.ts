import { encodeContent, encodePlainContent, releaseInfoOf } from '../../codec.ts'
import type { PublishSpec } from '../../config-hub.ts'
import { ConfigError } from '../../errors.ts'
import type { ConfigFile, GrayRule, Release, ReleaseInfo } from '../../model.ts'
import type { WrappedKey } from '../../ports.ts'
import { releaseOf } from '../../reads/release-of.ts'
import type { FileChange, StoredBytes } from '../file-change.ts'
import { md5Of } from '../file-contents.ts'
import {
  changedFile,
  ensureDataKey,
  existing,
  fileNotFound,
  type Moment,
  noDraft,
  releaseNotFound,
  requireFile,
} from '../moment.ts'

/** What is to be released. */
interface ReleasePlan {
  /** As it is before. */
  readonly file: ConfigFile
  /** What depends on how it stands in the store is not known yet: `md5`, `sizeBytes`, `encrypted`. */
  readonly info: ReleaseInfo
  readonly text: string
  /** Of the text; undefined: not known yet. */
  readonly md5: string | undefined
  /** Who sees it; undefined: everybody. */
  readonly rule: GrayRule | undefined
}

/** A release as it stands in the store. */
interface StoredRelease {
  readonly info: ReleaseInfo
  readonly value: StoredBytes
  readonly dataKey: WrappedKey | undefined
}

/**
 * Releases the draft, or the content that is given. A plain content that is given is decided on at once, and without spreading objects:
 * that alone would take longer than all the rest.
 *
 * @param rule who sees it; undefined: everybody
 */
export function decidePublish(
  moment: Moment,
  spec: PublishSpec,
  rule: GrayRule | undefined,
): FileChange<Release> | Promise<FileChange<Release>> {
  const { key, state } = moment
  requireNoGray(moment)
  if (spec.content !== undefined) {
    return publish(moment, toPlan(moment, spec, { text: spec.content, md5: undefined, rule }))
  }
  if (state.record === undefined) throw fileNotFound(key)
  if (!state.record.file.hasDraft) throw noDraft(key)
  return publishDraft(moment, spec, rule)
}

async function publishDraft(
  moment: Moment,
  spec: PublishSpec,
  rule: GrayRule | undefined,
): Promise<FileChange<Release>> {
  const { key, path, contents } = moment
  const draft = await contents.draft(path)
  if (draft === undefined) throw noDraft(key)
  const text = await contents.textOfDraft(path, draft)
  const md5 = draft.dataKey === undefined ? draft.head.md5 : undefined
  return await publish(moment, toPlan(moment, spec, { text, md5, rule }))
}

function toPlan(
  moment: Moment,
  spec: PublishSpec,
  { text, md5, rule }: Pick<ReleasePlan, 'text' | 'md5' | 'rule'>,
): ReleasePlan {
  const { author } = moment
  const file = changedFile(moment, spec)
  const version = file.latestVersion + 1
  const info: ReleaseInfo = {
    version,
    name: spec.name ?? `v${version}`,
    md5: '',
    sizeBytes: 0,
    format: file.format,
    tags: file.tags,
    comment: spec.releaseComment ?? author.reason,
    encrypted: false,
    origin: rule === undefined ? 'publish' : 'gray',
    from: undefined,
    releasedAtMs: moment.atMs,
    actor: author.actor,
    reason: author.reason,
  }
  return { file, info, text, md5, rule }
}

function publish(moment: Moment, plan: ReleasePlan): FileChange<Release> | Promise<FileChange<Release>> {
  const checking = moment.check(plan.text, plan.file.format)
  return checking === undefined ? store(moment, plan) : checking.then(() => store(moment, plan))
}

function store(moment: Moment, plan: ReleasePlan): FileChange<Release> | Promise<FileChange<Release>> {
  if (!plan.file.encrypted) return released(moment, plan, plain(plan))
  return sealed(moment, plan).then((stored) => released(moment, plan, stored))
}

function plain({ info, text, md5 = md5Of(text) }: ReleasePlan): StoredRelease {
  const whole = { ...info, md5, sizeBytes: Buffer.byteLength(text) }
  return { info: whole, value: encodePlainContent(whole, text), dataKey: undefined }
}

async function sealed(moment: Moment, { info, text }: ReleasePlan): Promise<StoredRelease> {
  const { path, contents } = moment
  const dataKey = await ensureDataKey(moment)
  const bytes = Buffer.from(text)
  const content = await contents.codec.seal(bytes, { path, at: info.version }, dataKey)
  const whole = { ...info, md5: md5Of(content), sizeBytes: bytes.length, encrypted: true }
  return { info: whole, value: encodeContent({ head: whole, dataKey, content }), dataKey }
}

function released(
  { key, state }: Moment,
  { file, text, rule }: ReleasePlan,
  { info, value, dataKey }: StoredRelease,
): FileChange<Release> {
  const { version } = info
  return {
    file: {
      ...file,
      hasDraft: false,
      latestVersion: version,
      release: rule === undefined ? info : file.release,
      gray: rule === undefined ? undefined : { ...info, rule },
    },
    dataKey: dataKey ?? state.record?.dataKey,
    releases: [{ version, value }],
    draft: file.hasDraft ? { type: 'delete' } : undefined,
    action: rule === undefined ? 'published' : 'grayPublished',
    version,
    result: () => releaseOf(key, info, text),
  }
}

/** Releases the content of an older version again. The draft stays. */
export async function decideRollback(moment: Moment, to: number): Promise<FileChange<Release>> {
  const { key, path, author, atMs, state, contents } = moment
  if (state.record === undefined) throw releaseNotFound(key, to)
  requireNoGray(moment)
  const source = await contents.release(path, to)
  if (source === undefined) throw releaseNotFound(key, to)
  const { head } = source
  const current = state.record.file
  const version = current.latestVersion + 1
  const plan: ReleasePlan = {
    file: { ...current, changedAtMs: atMs },
    info: {
      ...releaseInfoOf(head),
      ...{ version, name: `v${version}`, comment: author.reason, encrypted: false },
      ...{ origin: 'rollback', from: to, releasedAtMs: atMs, actor: author.actor, reason: author.reason },
    },
    text: await contents.textOfRelease(path, source),
    md5: head.encrypted ? undefined : head.md5,
    rule: undefined,
  }
  // What was secret then is no less secret now.
  const isSealed = head.encrypted || current.encrypted
  const change = released(moment, plan, isSealed ? await sealed(moment, plan) : plain(plan))
  const file = { ...existing(change.file), hasDraft: current.hasDraft }
  return { ...change, file, draft: undefined, action: 'rolledBack' }
}

/** Takes what everybody sees away. */
export function decideWithdraw(moment: Moment): FileChange<ConfigFile> {
  const file = requireFile(moment)
  requireNoGray(moment)
  if (file.release === undefined) throw releaseNotFound(moment.key, undefined)
  return {
    file: { ...file, release: undefined, changedAtMs: moment.atMs },
    dataKey: moment.state.record?.dataKey,
    releases: [],
    draft: undefined,
    action: 'withdrawn',
    version: file.release.version,
    result: existing,
  }
}

/** @throws ConfigError `CONFIG_GRAY_ACTIVE` */
function requireNoGray({ key, state }: Moment): void {
  const gray = state.record?.file.gray
  if (gray === undefined) return
  throw new ConfigError('CONFIG_GRAY_ACTIVE', `version ${gray.version} of ${key.file} is a gray release`)
}
