import { hash } from 'node:crypto'
import type { AuditAction } from '@orrery/config-hub'
import type { FileMoment } from './config-history.ts'
import { stepViolation } from './file-steps.ts'
import { isSameRelease } from './same-release.ts'
import { type StoredChange, type StoredEntry, type StoredRelease, timeOfRecord } from './stored-config.ts'

/** Everything that is known of a name. */
interface FileLine {
  moment: FileMoment
  gone: number | undefined
  /** The highest version that was ever written. */
  highestVersion: number
  readonly kept: Map<number, StoredRelease>
}

/** What a hub may do to its store: each revision is held against the state before it. */
export class ConfigRules {
  readonly #releasesMaxItems: number
  readonly #lines = new Map<string, FileLine>()
  readonly #groups = new Map<string, number>()
  readonly #contents = new Map<string, string>()
  /** The last entry of each subject: its record, and its revision. Ids descend. */
  readonly #last = new Map<string, { readonly id: string; readonly revision: number }>()

  constructor(releasesMaxItems: number) {
    this.#releasesMaxItems = releasesMaxItems
  }

  moment(path: string): FileMoment {
    return this.#line(path).moment
  }

  /** Versions that are kept, ascending. */
  kept(path: string): readonly number[] {
    return [...this.#line(path).kept.keys()].sort((a, b) => a - b)
  }

  /** Takes all changes of a revision. @returns what is wrong with it */
  take(revision: number, changes: readonly StoredChange[]): string | undefined {
    const entries = new Map<string, StoredEntry>()
    const violations: (string | undefined)[] = [this.#takeEntries(revision, changes, entries)]
    const paths = new Set(changes.flatMap((one) => (isOfFile(one) ? [one.path] : [])))
    const groups = new Set(changes.flatMap((one) => (one.area === 'group' ? [one.path] : [])))
    for (const subject of entries.keys()) {
      const isChanged = subject.endsWith('/') ? groups.has(subject.slice(0, -1)) : paths.has(subject)
      if (!isChanged) violations.push(`the trail has an entry of ${subject}, which did not change`)
    }
    for (const group of groups) {
      const isThere = changes.some((one) => one.area === 'group' && one.path === group && one.isThere)
      violations.push(this.#takeGroup(group, isThere, { revision, entry: entries.get(`${group}/`) }))
    }
    for (const path of paths) {
      const own = changes.filter((one) => isOfFile(one) && one.path === path)
      violations.push(this.#takeFile(path, own, { revision, entry: entries.get(path) }))
    }
    violations.push(this.#homelessFile(paths, groups))
    return violations.find((violation) => violation !== undefined)
  }

  #takeEntries(
    revision: number,
    changes: readonly StoredChange[],
    into: Map<string, StoredEntry>,
  ): string | undefined {
    const places = changes.flatMap((one) => (one.area === 'recordOf' && one.isThere ? [one] : []))
    let found = 0
    for (const change of changes) {
      if (change.area !== 'record') continue
      const { id, entries = [] } = change
      for (const entry of entries) {
        const { subject } = entry
        if (into.has(subject)) return `the trail has two entries of ${subject}`
        into.set(subject, entry)
        const last = this.#last.get(subject)
        if (last !== undefined && id >= last.id)
          return `the entry ${id} of ${subject} stands before an older one`
        this.#last.set(subject, { id, revision })
        if (subject.endsWith('/')) {
          const isFound = places.some((place) => place.subject === subject && place.id === id)
          if (!isFound) return `the entry of ${subject} is not found by its subject`
          found++
        } else if (String(entry.previous) !== String(last && [timeOfRecord(last.id), last.revision])) {
          return `the entry of ${subject} does not lead to the one before it`
        }
      }
    }
    return places.length === found ? undefined : 'the trail points at an entry that is not there'
  }

  #takeGroup(
    path: string,
    isThere: boolean,
    { revision, entry }: { readonly revision: number; readonly entry: StoredEntry | undefined },
  ): string | undefined {
    const before = this.#groups.get(path)
    if (isThere) this.#groups.set(path, revision)
    else this.#groups.delete(path)
    if (entry === undefined) return `the trail knows nothing of the group ${path}`
    const { action, beforeRevision } = entry
    const expected: AuditAction =
      before === undefined ? 'groupCreated' : isThere ? 'groupChanged' : 'groupDeleted'
    if (action !== expected) return `the trail says ${action} of the group ${path}, not ${expected}`
    return beforeRevision === (before ?? 0)
      ? undefined
      : `the trail says that the group ${path} was at ${beforeRevision}, not at ${before ?? 0}`
  }

  #takeFile(
    path: string,
    changes: readonly StoredChange[],
    { revision, entry }: { readonly revision: number; readonly entry: StoredEntry | undefined },
  ): string | undefined {
    const line = this.#line(path)
    const before = line.moment
    const broken = this.#apply(line, changes, revision)
    if (broken !== undefined) return broken
    if (entry === undefined) return `the trail knows nothing of ${path}`
    const was = before.file === undefined ? 0 : before.changedRevision
    if (entry.beforeRevision !== was)
      return `the trail says that ${path} was at ${entry.beforeRevision}, not at ${was}`
    const content = (version: number): string | undefined => this.#contents.get(`${path}@${version}`)
    return stepViolation({ path, before, after: line.moment, entry, content }) ?? this.#lost(path, line)
  }

  #apply(line: FileLine, changes: readonly StoredChange[], revision: number): string | undefined {
    let { file, draft } = line.moment
    for (const change of changes) {
      if (change.area === 'file') file = change.file
      else if (change.area === 'gone') line.gone = change.version
      else if (change.area === 'draft') draft = change.content
      else if (change.area === 'release') {
        const violation = this.#applyRelease(line, change)
        if (violation !== undefined) return violation
      }
    }
    const latestVersion = file?.latestVersion ?? line.gone ?? 0
    line.moment = { file, draft, latestVersion, changedRevision: revision }
    return undefined
  }

  #applyRelease(
    line: FileLine,
    { path, version, release }: Extract<StoredChange, { area: 'release' }>,
  ): string | undefined {
    if (release === undefined) {
      line.kept.delete(version)
      return undefined
    }
    if (version <= line.highestVersion) {
      return `version ${version} of ${path} was given again, after ${line.highestVersion}`
    }
    line.highestVersion = version
    line.kept.set(version, release)
    this.#contents.set(`${path}@${version}`, release.content)
    const { md5 } = release.head
    if (hash('md5', release.content, 'hex') === md5) return undefined
    return `version ${version} of ${path} is not what its MD5 says`
  }

  /** What is seen can be read, and what is kept is not too much. */
  #lost(path: string, { moment: { file }, kept }: FileLine): string | undefined {
    for (const info of [file?.release, file?.gray]) {
      if (info === undefined) continue
      const head = kept.get(info.version)?.head
      if (head === undefined) return `version ${info.version} of ${path} is seen, and is not there`
      if (!isSameRelease(head, { ...info, origin: head.origin }))
        return `version ${info.version} of ${path} is not what the file says of it`
    }
    if (file === undefined && kept.size > 0) return `releases of ${path} are left, though it was deleted`
    const isTooMuch = kept.size > this.#releasesMaxItems + 2
    return isTooMuch ? `${kept.size} releases of ${path} are kept` : undefined
  }

  /** Files are in groups, whatever happens at the same time. */
  #homelessFile(paths: ReadonlySet<string>, groups: ReadonlySet<string>): string | undefined {
    const groupOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))
    for (const [path, { moment }] of this.#lines) {
      const group = groupOf(path)
      if (!paths.has(path) && !groups.has(group)) continue
      if (moment.file !== undefined && !this.#groups.has(group)) return `${path} is in no group`
    }
    return undefined
  }

  #line(path: string): FileLine {
    let line = this.#lines.get(path)
    if (line === undefined) {
      const moment = { file: undefined, latestVersion: 0, changedRevision: 0, draft: undefined }
      this.#lines.set(path, (line = { moment, gone: undefined, highestVersion: 0, kept: new Map() }))
    }
    return line
  }
}

function isOfFile(
  change: StoredChange,
): change is Extract<StoredChange, { area: 'file' | 'gone' | 'release' | 'draft' }> {
  return ['file', 'gone', 'release', 'draft'].includes(change.area)
}
