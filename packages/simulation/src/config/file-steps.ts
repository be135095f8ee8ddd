import type { AuditAction, ReleaseInfo } from '@orrery/config-hub'
import type { FileMoment } from './config-history.ts'
import { isSameRelease } from './same-release.ts'
import type { StoredEntry } from './stored-config.ts'

/** What one revision does to one file. */
export interface FileStep {
  readonly path: string
  readonly before: FileMoment
  readonly after: FileMoment
  readonly entry: StoredEntry
  readonly content: (version: number) => string | undefined
}

/** What of it actions are judged by. */
interface Seen {
  readonly latest: number
  readonly full: ReleaseInfo | undefined
  readonly gray: ReleaseInfo | undefined
  readonly hasDraft: boolean
}

/** What is wrong with what was done to a file. */
export function stepViolation(step: FileStep): string | undefined {
  const { path, before, after, entry } = step
  const { action } = entry
  if (after.file === undefined) {
    if (action !== 'fileDeleted' || before.file === undefined) return `${path} went by ${action}`
    if (after.draft !== undefined) return `a draft of ${path} is left`
    return after.latestVersion === before.latestVersion ? undefined : `${path} forgot its last version`
  }
  if (after.file.hasDraft !== (after.draft !== undefined)) return `${path} does not know of its draft`
  const [b, a] = [seenOf(before), seenOf({ ...after, file: after.file })]
  const isRight = rules[action]?.(b, a, step) ?? false
  if (isRight) return undefined
  return `${action} made ${describe(a)} of ${path}, which was ${describe(b)}`
}

function seenOf({ file, latestVersion }: FileMoment): Seen {
  return {
    latest: file?.latestVersion ?? latestVersion,
    full: file?.release,
    gray: file?.gray,
    hasDraft: file?.hasDraft ?? false,
  }
}

type Rule = (before: Seen, after: Seen, step: FileStep) => boolean

/** What each action makes of a file. */
const rules: Partial<Record<AuditAction, Rule>> = {
  draftSaved: (b, a) => isSameSeen(b, a),
  draftDiscarded: (b, a) => b.hasDraft && !a.hasDraft && isSameSeen(b, a),
  published: (b, a) => isNew(b, a, a.full, 'publish') && !a.hasDraft,
  rolledBack: (b, a, { content }) =>
    isNew(b, a, a.full, 'rollback') && a.hasDraft === b.hasDraft && isCopyOf(a.full, a.full?.from, content),
  withdrawn: (b, a) =>
    b.full !== undefined &&
    b.gray === undefined &&
    a.full === undefined &&
    a.gray === undefined &&
    isAt(a, b),
  grayPublished: (b, a) =>
    b.gray === undefined &&
    isNextVersion(a.gray, 'gray', b.latest + 1) &&
    a.latest === b.latest + 1 &&
    isSame(b.full, a.full) &&
    !a.hasDraft,
  grayRuleChanged: (b, a, { content }) => {
    const fulls = b.full === undefined ? 0 : 1
    return (
      isRestated(b.full, a.full, { version: b.latest + 1, content }) &&
      b.gray !== undefined &&
      isRestated(b.gray, a.gray, { version: b.latest + fulls + 1, content }) &&
      a.latest === b.latest + fulls + 1
    )
  },
  grayPromoted: (b, a) =>
    b.gray !== undefined &&
    a.gray === undefined &&
    a.full?.version === b.gray.version &&
    a.full.origin === 'promote' &&
    a.full.md5 === b.gray.md5 &&
    isAt(a, b),
  grayStopped: (b, a, { content }) =>
    b.gray !== undefined &&
    a.gray === undefined &&
    isRestated(b.full, a.full, { version: b.latest + 1, content }) &&
    a.latest === (b.full === undefined ? b.latest : b.latest + 1),
}

function isAt(a: Seen, b: Seen): boolean {
  return a.latest === b.latest
}

function isSame(one: ReleaseInfo | undefined, other: ReleaseInfo | undefined): boolean {
  return one === undefined || other === undefined ? one === other : isSameRelease(one, other)
}

function isSameSeen(b: Seen, a: Seen): boolean {
  return isAt(a, b) && isSame(a.full, b.full) && isSame(a.gray, b.gray)
}

function isNextVersion(
  info: ReleaseInfo | undefined,
  origin: ReleaseInfo['origin'],
  version: number,
): info is ReleaseInfo {
  return info?.version === version && info.origin === origin
}

/** Something new for everybody, while nothing is gray. */
function isNew(b: Seen, a: Seen, info: ReleaseInfo | undefined, origin: ReleaseInfo['origin']): boolean {
  const version = b.latest + 1
  return (
    b.gray === undefined &&
    a.gray === undefined &&
    isNextVersion(info, origin, version) &&
    a.latest === version
  )
}

function isCopyOf(
  info: ReleaseInfo | undefined,
  from: number | undefined,
  content: FileStep['content'],
): boolean {
  if (info === undefined || from === undefined) return false
  const copied = content(from)
  return copied !== undefined && content(info.version) === copied
}

/** The same content, format and tags again, with a new version; or nothing again. */
function isRestated(
  before: ReleaseInfo | undefined,
  after: ReleaseInfo | undefined,
  { version, content }: { readonly version: number; readonly content: FileStep['content'] },
): boolean {
  if (before === undefined || after === undefined) return before === after
  return (
    isNextVersion(after, 'restate', version) &&
    content(version) === content(before.version) &&
    isCopyOf(after, after.from, content) &&
    after.format === before.format &&
    JSON.stringify(after.tags) === JSON.stringify(before.tags)
  )
}

function describe({ latest, full, gray, hasDraft }: Seen): string {
  const name = (info: ReleaseInfo | undefined): string =>
    info === undefined ? 'nothing' : `v${info.version} (${info.origin})`
  return `${name(full)}, gray ${name(gray)}, latest ${latest}${hasDraft ? ', draft' : ''}`
}

/** What is seen of a file, in a few words. */
export function describeFile(moment: FileMoment): string {
  return moment.file === undefined ? 'no file' : describe(seenOf(moment))
}
