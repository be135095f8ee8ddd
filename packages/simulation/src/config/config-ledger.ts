import type { AuditAction, ConfigClient, GrayRule, Metadata, Release } from '@orrery/config-hub'
import type { ConfigHistory, HistoryEntry } from './config-history.ts'
import { isRefusedRightly } from './refusals.ts'
import { isSameRelease } from './same-release.ts'

/** What somebody wants written. */
export interface AskedWrite {
  readonly action: AuditAction
  readonly actor: string
  /** As the trail calls it: a path of a file, or of a group with a slash at its end. */
  readonly subject: string
  readonly content?: string
  readonly tags?: Metadata
  readonly rule?: GrayRule
  /** The version that is released again. */
  readonly from?: number
  readonly ifRevision?: number
}

/** What was answered to a write. */
export interface AnsweredWrite {
  /** Of its subject, where the answer tells. */
  readonly revision: number | undefined
  /** What was released, where the answer tells. */
  readonly release: Release | undefined
  /** What the hub that was asked had seen when it answered. */
  readonly seenRevision: number
}

/** A write, and what became of it. */
interface WriteRecord {
  readonly reason: string
  readonly asked: AskedWrite
  /** What was acknowledged of the subject before it was asked for. */
  readonly floor: () => number
  outcome:
    | { readonly type: 'unknown' }
    | { readonly type: 'acknowledged'; readonly answer: AnsweredWrite }
    | { readonly type: 'refused'; readonly code: string }
}

/** What somebody was shown of a file. */
export interface ShownRelease {
  readonly by: string
  readonly path: string
  readonly client: ConfigClient
  readonly release: Release | undefined
  /** It is not older than this revision. Asked when everything is known. */
  readonly floor: () => number
}

/** Everything that was written, with what came of it, and what was shown where it had to be the newest. */
export class ConfigLedger {
  readonly #history: ConfigHistory
  readonly #writes = new Map<string, WriteRecord>()
  /** By subject, in the order in which they were acknowledged. */
  readonly #acknowledged = new Map<string, WriteRecord[]>()
  readonly #shown: ShownRelease[] = []
  /** By what they were written for. Made when everything is known. */
  #entries: ReadonlyMap<string, HistoryEntry> | undefined
  readonly counts = { acknowledged: 0, refused: 0, unknown: 0 }

  constructor(history: ConfigHistory) {
    this.#history = history
  }

  /** Somebody is about to write. @returns the reason that he gives, which nobody else does */
  begin(asked: AskedWrite): string {
    const reason = `w${this.#writes.size + 1}`
    const floor = this.floor(asked.subject)
    this.#writes.set(reason, { reason, asked, floor, outcome: { type: 'unknown' } })
    this.counts.unknown++
    return reason
  }

  acknowledged(reason: string, answer: AnsweredWrite): void {
    const record = this.#record(reason)
    record.outcome = { type: 'acknowledged', answer }
    this.counts.unknown--
    this.counts.acknowledged++
    const { subject } = record.asked
    const before = this.#acknowledged.get(subject)
    if (before === undefined) this.#acknowledged.set(subject, [record])
    else before.push(record)
  }

  /** It was refused for good: nothing was written. */
  refused(reason: string, code: string): void {
    this.#record(reason).outcome = { type: 'refused', code }
    this.counts.unknown--
    this.counts.refused++
  }

  /** What has been acknowledged of a subject before now. @returns its revision, for when everything is known */
  floor(subject: string): () => number {
    const count = this.#acknowledged.get(subject)?.length ?? 0
    return () => {
      const records = this.#acknowledged.get(subject)?.slice(0, count) ?? []
      return Math.max(1, ...records.map(({ reason }) => this.#entryOf(reason)?.revision ?? 0))
    }
  }

  /** Somebody was shown something that is not older than he knows. */
  shown(shown: ShownRelease): void {
    this.#shown.push(shown)
  }

  /** What is wrong, when everything is known. */
  violation(): string | undefined {
    this.#entries = undefined
    return this.#strangeEntry() ?? this.#wrongWrite() ?? this.#staleRelease()
  }

  #strangeEntry(): string | undefined {
    const seen = new Set<string>()
    for (const { action, reason = '', actor, subject, revision } of this.#history.entries) {
      const record = this.#writes.get(reason)
      if (record === undefined) return `nobody asked for ${action} of ${subject} at ${revision}`
      const { asked } = record
      if (actor !== asked.actor) return `${reason} of ${asked.actor} is told of ${actor ?? 'nobody'}`
      // A group comes to be with its first file.
      if (action === 'groupCreated' && asked.action !== action) continue
      if (action !== asked.action || subject !== asked.subject)
        return `${reason} asked for ${asked.action} of ${asked.subject}, and did ${action} of ${subject}`
      if (seen.has(reason)) return `${reason}, ${action} of ${subject}, was done twice`
      seen.add(reason)
    }
    return undefined
  }

  #wrongWrite(): string | undefined {
    for (const record of this.#writes.values()) {
      const { reason, asked, outcome } = record
      const entry = this.#entryOf(reason)
      const what = `${reason}, ${asked.action} of ${asked.subject},`
      if (outcome.type === 'acknowledged' && entry === undefined) return `${what} was acknowledged, and lost`
      if (outcome.type === 'refused' && entry !== undefined)
        return `${what} was refused with ${outcome.code}, and done at ${entry.revision}`
      const wrong =
        (outcome.type === 'refused' ? this.#wrongRefusal(record, outcome.code) : undefined) ??
        (entry === undefined ? undefined : this.#wrongEffect(asked, entry)) ??
        (entry === undefined || outcome.type !== 'acknowledged'
          ? undefined
          : this.#wrongAnswer(asked, entry, outcome.answer))
      if (wrong !== undefined) return `${what} ${wrong}`
    }
    return undefined
  }

  #wrongRefusal({ asked, floor }: WriteRecord, code: string): string | undefined {
    const from = floor()
    return isRefusedRightly(this.#history, { asked, from, code })
      ? undefined
      : `was refused with ${code}, which was never so after ${from}`
  }

  /** It did what was asked for. */
  #wrongEffect(asked: AskedWrite, { revision, version, beforeRevision }: HistoryEntry): string | undefined {
    const { subject, content, tags, rule, from, ifRevision } = asked
    const { file } = this.#history.at(subject, revision)
    if (ifRevision !== undefined && ifRevision !== beforeRevision)
      return `was done at ${beforeRevision}, though only for ${ifRevision}`
    if (content !== undefined) {
      const written = version === undefined ? this.#history.at(subject, revision).draft : undefined
      const released = version === undefined ? undefined : this.#history.content(subject, version)
      if ((written ?? released) !== content) return `wrote something else at ${revision}`
    }
    if (tags !== undefined && JSON.stringify(file?.tags) !== JSON.stringify(tags))
      return `gave other tags at ${revision}`
    if (rule !== undefined && JSON.stringify(file?.gray?.rule) !== JSON.stringify(rule))
      return `gave another rule at ${revision}`
    if (from !== undefined && file?.release?.from !== from)
      return `went back to another version at ${revision}`
    return undefined
  }

  #wrongAnswer({ subject }: AskedWrite, entry: HistoryEntry, answer: AnsweredWrite): string | undefined {
    const { revision, version } = entry
    if (answer.seenRevision < revision)
      return `was answered when its member had seen ${answer.seenRevision}, not ${revision}`
    if (answer.revision !== undefined && answer.revision !== revision)
      return `was answered as done at ${answer.revision}, not at ${revision}`
    const { release } = answer
    if (release === undefined) return undefined
    const { file } = this.#history.at(subject, revision)
    const info = file?.gray?.version === version ? file?.gray : file?.release
    const isRight =
      info !== undefined &&
      isSameRelease(info, release) &&
      this.#history.content(subject, release.version) === release.content
    return isRight ? undefined : `was answered with version ${release.version}, not ${version}`
  }

  #staleRelease(): string | undefined {
    for (const { by, path, client, release, floor } of this.#shown) {
      const from = floor()
      const isRight = this.#history.between(path, from, Infinity).some((moment) => {
        const info = this.#history.seen(path, client, moment)
        if (info === undefined || release === undefined) return info === release
        return isSameRelease(info, release) && this.#history.content(path, info.version) === release.content
      })
      if (isRight) continue
      return `${by} was shown ${release ? `version ${release.version}` : 'nothing'} of ${path}, older than ${from}`
    }
    return undefined
  }

  /** What the trail says of a write itself. */
  #entryOf(reason: string): HistoryEntry | undefined {
    this.#entries ??= new Map(
      this.#history.entries
        .filter((entry) => this.#writes.get(entry.reason ?? '')?.asked.action === entry.action)
        .map((entry) => [entry.reason ?? '', entry]),
    )
    return this.#entries.get(reason)
  }

  #record(reason: string): WriteRecord {
    const record = this.#writes.get(reason)
    if (record === undefined) throw new Error(`nobody began ${reason}`)
    return record
  }
}
