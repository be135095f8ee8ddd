import type { ConfigClient, GrayReleaseInfo, ReleaseInfo } from '@orrery/config-hub'
import type { Store } from '@orrery/store'
import { ConfigRules } from './config-rules.ts'
import { describeFile } from './file-steps.ts'
import { matchesPlainly } from './gray-oracle.ts'
import {
  configArea,
  parseChange,
  type StoredChange,
  type StoredEntry,
  type StoredFile,
} from './stored-config.ts'
import { Timeline } from './timeline.ts'
import type { Trace } from '../time/trace.ts'

/** An entry of the trail, and where it was written. */
export interface HistoryEntry extends StoredEntry {
  /** Of its record. */
  readonly id: string
  readonly revision: number
}

/** What a name of a file stood for. */
export interface FileMoment {
  /** Undefined: there was no such file. */
  readonly file: StoredFile | undefined
  /** The highest version that was ever given for the name. */
  readonly latestVersion: number
  /** The revision of the file's last change. */
  readonly changedRevision: number
  /** Files of its group, and whether that exists, are looked up at the same revision. */
  readonly draft: string | undefined
}

/** Something that is to be judged as soon as a revision is known. */
interface Pending {
  readonly revision: number
  readonly judge: () => string | undefined
}

const text = new TextDecoder()
const nothing: FileMoment = { file: undefined, latestVersion: 0, changedRevision: 0, draft: undefined }

/**
 * Everything that the store of a cluster has ever held of hubs, by revision: what they say of it is judged by this. It is read at all
 * members, so that it is never behind what a hub has seen by more than a moment, and nothing may be compacted before it is here.
 */
export class ConfigHistory {
  readonly #files = new Map<string, Timeline<FileMoment>>()
  /** At which revision they were changed last; 0: there is none. */
  readonly #groups = new Map<string, Timeline<number>>()
  readonly #contents = new Map<string, string>()
  readonly #matches = new WeakMap<GrayReleaseInfo, Map<ConfigClient, boolean>>()
  readonly #rules: ConfigRules
  readonly #fail: (violation: string) => void
  readonly #trace: Trace
  #pending: Pending[] = []
  /** Of the trail, in the order in which they were written. */
  readonly entries: HistoryEntry[] = []
  /** Everything up to this revision is here. An empty store is at 1. */
  revision = 1

  /** @param trace says what happened, when somebody wants to know */
  constructor(fail: (violation: string) => void, trace: Trace, releasesMaxItems: number) {
    this.#fail = fail
    this.#trace = trace
    this.#rules = new ConfigRules(releasesMaxItems)
  }

  /** Reads what a process's store has to tell, until it ends. */
  async follow(store: Store): Promise<void> {
    try {
      for await (const { events } of store.watch({ ...configArea, startRevision: this.revision + 1 })) {
        let changes: StoredChange[] = []
        for (const [at, { type, kv }] of events.entries()) {
          const { modRevision: revision, keyString } = kv
          const change = parseChange(keyString, type === 'put' ? text.decode(kv.value) : undefined)
          if (change === undefined) this.#fail(`${keyString} is no key of a hub`)
          else changes.push(change)
          if (events[at + 1]?.kv.modRevision === revision) continue
          if (revision > this.revision) this.#take(revision, changes)
          changes = []
        }
      }
    } catch {
      // The store ended. Another one goes on.
    }
  }

  /** Judges something when a revision is known. @param judge says what is wrong; undefined: nothing */
  when(revision: number, judge: () => string | undefined): void {
    if (revision <= this.revision) this.#judge(judge)
    else this.#pending.push({ revision, judge })
  }

  /** The lowest revision that is waited for; undefined: none is. */
  get awaited(): number | undefined {
    return this.#pending.length === 0 ? undefined : Math.min(...this.#pending.map(({ revision }) => revision))
  }

  /** Names of files that ever were, as they stand in the store. */
  get paths(): readonly string[] {
    return [...this.#files.keys()]
  }

  /** Groups that exist now, as they stand in the store. */
  get groups(): readonly string[] {
    return [...this.#groups].filter(([, { last = 0 }]) => last > 0).map(([path]) => path)
  }

  /** What a name stood for. */
  at(path: string, revision: number): FileMoment {
    return this.#files.get(path)?.at(revision) ?? nothing
  }

  /** What a name stood for at some time. @param to both included */
  between(path: string, from: number, to: number): readonly FileMoment[] {
    return (this.#files.get(path)?.between(from, to) ?? [undefined]).map((moment) => moment ?? nothing)
  }

  /** At which revisions a group was changed last, as seen at some time; 0: there was none. */
  groupBetween(path: string, from: number, to: number): readonly number[] {
    return (this.#groups.get(path)?.between(from, to) ?? [0]).map((revision) => revision ?? 0)
  }

  /** What a client sees by the rule. */
  seen(path: string, client: ConfigClient, { file }: FileMoment): ReleaseInfo | undefined {
    const gray = file?.gray
    return gray !== undefined && this.#isMatch(gray, client, path) ? gray : file?.release
  }

  /** The content of a release, whether it is still kept or not. */
  content(path: string, version: number): string | undefined {
    return this.#contents.get(`${path}@${version}`)
  }

  /** Versions of a file that are kept now, ascending. */
  kept(path: string): readonly number[] {
    return this.#rules.kept(path)
  }

  #isMatch(gray: GrayReleaseInfo, client: ConfigClient, path: string): boolean {
    let known = this.#matches.get(gray)
    if (known === undefined) this.#matches.set(gray, (known = new Map<ConfigClient, boolean>()))
    let isMatch = known.get(client)
    if (isMatch === undefined) known.set(client, (isMatch = matchesPlainly(gray.rule, client, path)))
    return isMatch
  }

  #take(revision: number, changes: readonly StoredChange[]): void {
    const violation = this.#rules.take(revision, changes)
    if (violation !== undefined) this.#fail(`revision ${revision}: ${violation}`)
    for (const change of changes) {
      if (change.area === 'release' && change.release !== undefined) {
        this.#contents.set(`${change.path}@${change.version}`, change.release.content)
      } else if (change.area === 'record' && change.entries !== undefined) {
        this.entries.push(...change.entries.map((entry) => ({ ...entry, id: change.id, revision })))
      } else if (change.area === 'group') {
        lineOf(this.#groups, change.path).push(revision, change.isThere ? revision : 0)
      }
    }
    const touched = changes.flatMap((one) => (one.area === 'file' || one.area === 'draft' ? [one.path] : []))
    for (const path of new Set(touched)) {
      lineOf(this.#files, path).push(revision, { ...this.#rules.moment(path), changedRevision: revision })
    }
    this.revision = revision
    if (this.#trace.isRecording) this.#describe(revision, changes)
    this.#settle()
  }

  #describe(revision: number, changes: readonly StoredChange[]): void {
    for (const change of changes) {
      if (change.area !== 'record') continue
      for (const { action, subject, reason = '' } of change.entries ?? []) {
        const file = describeFile(this.at(subject, revision))
        this.#trace.add(`revision ${revision}: ${reason} ${action} of ${subject}: ${file}`)
      }
    }
  }

  #settle(): void {
    if (this.#pending.length === 0) return
    const due = this.#pending.filter(({ revision }) => revision <= this.revision)
    this.#pending = this.#pending.filter(({ revision }) => revision > this.revision)
    for (const { judge } of due) this.#judge(judge)
  }

  #judge(judge: () => string | undefined): void {
    const violation = judge()
    if (violation !== undefined) this.#fail(violation)
  }
}

function lineOf<Value>(lines: Map<string, Timeline<Value>>, path: string): Timeline<Value> {
  let line = lines.get(path)
  if (line === undefined) lines.set(path, (line = new Timeline()))
  return line
}
