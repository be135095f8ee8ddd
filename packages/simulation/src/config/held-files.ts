import type {
  ConfigClient,
  Fingerprint,
  FileKey,
  ReleaseInfo,
  WatchQuery,
  WatchTarget,
} from '@orrery/config-hub'
import type { Random } from '@orrery/environment'
import { chance, pick } from '../time/draw.ts'
import type { Trace } from '../time/trace.ts'
import type { ConfigHistory, FileMoment } from './config-history.ts'
import type { ConfigWorld } from './config-world.ts'
import { isSameRelease, isSameSubstance } from './same-release.ts'
import { groupPathOf, pathOf } from './stored-config.ts'

/** Who is told of what. */
export interface Interest {
  readonly name: string
  readonly client: ConfigClient
  readonly targets: readonly WatchTarget[]
}

/** What somebody was told became of a file. */
export interface ToldChange {
  readonly key: FileKey
  /** Of what was released; of a removal, what was seen last. */
  readonly version: number
  /** Undefined: it was removed. */
  readonly info: ReleaseInfo | undefined
  /** Undefined: it was not told. */
  readonly content: string | undefined
}

/**
 * What a client says of itself when it comes to a hub.
 *
 * - `all`: versions, MD5s, and up to which revision it has seen everything
 * - `known`: versions and MD5s
 * - `versions`: versions
 * - `md5s`: MD5s, and up to which revision it has seen everything
 * - `nothing`: it has forgotten everything
 */
const memories = ['all', 'known', 'versions', 'md5s', 'nothing'] as const

/** What a client may have kept of what it was told. */
export type Memory = (typeof memories)[number]

/** Most remember everything. */
export function drawMemory(random: Random): Memory {
  return chance(random, 0.4) ? 'all' : (pick(random, memories) ?? 'all')
}

/** What a client has of a file. */
interface Held {
  readonly key: FileKey
  readonly version: number
  /** Undefined: it was told that there is nothing any more. */
  readonly info: ReleaseInfo | undefined
  /** What it said of it when it came. Undefined: it was told of it since. */
  readonly claim: Fingerprint | undefined
  /** A hub told it that lagged, and could not know that there was something newer. */
  readonly isOld: boolean
}

/** A batch, and what the client had before and after it. */
interface Step {
  readonly revision: number
  readonly changes: readonly ToldChange[]
  readonly before: ReadonlyMap<string, Held>
  readonly after: ReadonlyMap<string, Held>
  /** Once, everything up to this revision was told. */
  readonly seenRevision: number
}

/**
 * What one client has of the files that it watches, by what it was told; each thing it is told is held against what it has, and against
 * what the rule gave it at that revision.
 */
export class HeldFiles {
  readonly #interest: Interest
  readonly #history: ConfigHistory
  readonly #trace: Trace
  readonly #fail: (violation: string) => void
  #held: ReadonlyMap<string, Held> = new Map()
  /** Everything up to this revision was told. */
  #seenRevision = 0
  /** Nothing older may be told at this hub. */
  #floorRevision = 0
  readonly counts = { told: 0, unchanged: 0 }

  constructor(interest: Interest, { history, cluster }: ConfigWorld) {
    this.#interest = interest
    this.#history = history
    this.#trace = cluster.simulation.trace
    this.#fail = (violation) => cluster.fail(`${interest.name}: ${violation}`)
  }

  /** It comes to a hub. @param at which, for the trace */
  come(memory: Memory, at: string): WatchQuery {
    const { targets, client } = this.#interest
    if (memory === 'nothing') {
      this.#held = new Map()
      this.#seenRevision = 0
    }
    const afterRevision = memory === 'all' || memory === 'md5s' ? this.#seenRevision : 0
    this.#floorRevision = afterRevision
    this.#held = new Map(
      Array.from(this.#held, ([path, held]) => [path, { ...held, claim: claimOf(held, memory) }]),
    )
    const known = [...this.#held.values()].flatMap(({ claim }) => claim ?? [])
    const query = { targets, client, known }
    if (this.#trace.isRecording)
      this.#note(`comes to ${at} after ${afterRevision} with ${JSON.stringify(known)}`)
    return afterRevision === 0 ? query : { ...query, afterRevision }
  }

  /** It was told of changes. Everything up to the revision is in them. */
  told(revision: number, changes: readonly ToldChange[]): void {
    if (!this.#advance(revision)) return
    this.counts.told += changes.length
    if (this.#trace.isRecording) this.#note(`is told at ${revision}: ${changes.map(describe).join()}`)
    const before = this.#held
    const after = new Map(before)
    const isOld = revision < this.#seenRevision
    for (const { key, version, info } of changes) {
      const path = pathOf(key)
      if (!this.#isWatched(key)) this.#fail(`was told of ${path}, which it does not watch`)
      if (after.get(path) !== before.get(path)) this.#fail(`was told of ${path} twice in a batch`)
      after.set(path, { key, version, info, claim: undefined, isOld })
    }
    this.#held = after
    this.#judge({ revision, changes, before, after, seenRevision: this.#seenRevision })
    this.#moved(revision)
  }

  /** It was told that there is nothing to tell, up to a revision. */
  unchanged(revision: number): void {
    this.counts.unchanged++
    if (this.#trace.isRecording) this.#note(`is told nothing until ${revision}`)
    const held = this.#held
    // A member that lags behind what its client has seen, or may do so, says no more than the client did.
    if (revision <= this.#floorRevision) return
    this.#judge({
      ...{ revision, changes: [], before: held, after: held },
      seenRevision: this.#seenRevision,
    })
    this.#moved(revision)
  }

  /** What it lacks, when it had to be told everything. */
  lacking(): string | undefined {
    const { name } = this.#interest
    const revision = this.#history.revision
    const lacking = this.#lacking(this.#held, { revision, isLagging: false })
    return lacking === undefined ? undefined : `${name} was not told everything until ${revision}: ${lacking}`
  }

  #moved(revision: number): void {
    if (revision < this.#seenRevision) return
    this.#seenRevision = revision
    this.#held = new Map(Array.from(this.#held, ([path, held]) => [path, { ...held, isOld: false }]))
  }

  #note(what: string): void {
    this.#trace.add(`${this.#interest.name} ${what}`)
  }

  /** @returns whether it may be told as of this revision */
  #advance(revision: number): boolean {
    if (revision < this.#floorRevision) {
      this.#fail(`was told of ${revision}, though it was to be told nothing before ${this.#floorRevision}`)
      return false
    }
    this.#floorRevision = revision + 1
    return true
  }

  #judge(step: Step): void {
    for (const change of step.changes) {
      const violation = this.#backwards(change, step)
      if (violation !== undefined) this.#fail(violation)
    }
    this.#history.when(step.revision, () => {
      const violation = this.#untrue(step)
      return violation === undefined ? undefined : `${this.#interest.name}: ${violation}`
    })
  }

  /** What is wrong with what was told by what it had. */
  #backwards({ key, version, info }: ToldChange, { before, revision }: Step): string | undefined {
    const path = pathOf(key)
    const held = before.get(path)
    const at = `at ${revision} was told`
    if (info === undefined) {
      if (held?.info === undefined) return `${at} that ${path} was removed, which it did not have`
      return version < held.version
        ? `${at} that version ${version} of ${path} was removed, when it had ${held.version}`
        : undefined
    }
    if (held !== undefined && version <= held.version)
      return `${at} version ${version} of ${path}, after ${held.version}`
    if (held?.info === undefined || !isSameSubstance(held.info, info)) return undefined
    return mayRepeat(held.claim, info) ? undefined : `${at} version ${version} of ${path}, which it had`
  }

  /** What is wrong with what was told by what was so. */
  #untrue({ revision, changes, after, seenRevision }: Step): string | undefined {
    for (const { key, info, content } of changes) {
      const path = pathOf(key)
      const seen = this.#seen(path, this.#history.at(path, revision))
      const what = `at ${revision} was told ${info ? `version ${info.version}` : 'nothing'} of ${path}`
      if (info === undefined ? seen !== undefined : seen === undefined || !isSameRelease(seen, info))
        return `${what}, where it sees ${seen ? `version ${seen.version}` : 'nothing'}`
      if (content !== undefined && info && content !== this.#history.content(path, info.version))
        return `${what} with another content`
    }
    const lacking = this.#lacking(after, { revision, isLagging: revision < seenRevision })
    return lacking === undefined ? undefined : `at ${revision} was not told everything: ${lacking}`
  }

  #lacking(
    held: ReadonlyMap<string, Held>,
    { revision, isLagging }: { readonly revision: number; readonly isLagging: boolean },
  ): string | undefined {
    for (const path of this.#history.paths) {
      if (!this.#isWatched(keyOf(path))) continue
      const seen = this.#seen(path, this.#history.at(path, revision))
      const has = held.get(path)
      // What it has may be newer.
      if (hasSeen(has, seen) || (isLagging && has?.isOld === false)) continue
      const name = (info: ReleaseInfo | undefined): string => (info ? `version ${info.version}` : 'nothing')
      return `it has ${name(has?.info)} of ${path}, and sees ${name(seen)}`
    }
    return undefined
  }

  #seen(path: string, moment: FileMoment): ReleaseInfo | undefined {
    return this.#history.seen(path, this.#interest.client, moment)
  }

  #isWatched(key: FileKey): boolean {
    return this.#interest.targets.some((target) => {
      if (groupPathOf(target) !== groupPathOf(key)) return false
      return target.file === undefined ? key.file.startsWith(target.prefix ?? '') : target.file === key.file
    })
  }
}

function describe({ key, version, info }: ToldChange): string {
  return `${pathOf(key)} ${info === undefined ? 'without' : 'with'} v${version}`
}

function claimOf({ key, version, info }: Held, memory: Memory): Fingerprint {
  const { namespace, group, file } = key
  const md5 = info?.md5 ?? ''
  if (memory === 'md5s') return { namespace, group, file, md5, ...(info ? {} : { version }) }
  if (memory === 'versions' && info !== undefined) return { namespace, group, file, version }
  return { namespace, group, file, version, md5 }
}

/** Whether a hub cannot know that a client has this already. */
function mayRepeat(claim: Fingerprint | undefined, info: ReleaseInfo): boolean {
  if (claim === undefined) return false
  const { version = 0, md5 } = claim
  // Which one of those with this MD5 it has, of other tags maybe, nobody knows.
  if (version === 0) return true
  const isRestated = md5 === info.md5 && info.origin === 'restate' && info.from === version
  return version !== info.version && !isRestated
}

/** Whether there is nothing to tell. */
function hasSeen(held: Held | undefined, seen: ReleaseInfo | undefined): boolean {
  const info = held?.info
  if (info === undefined || seen === undefined) return info === seen
  const { version = 0, md5 } = held?.claim ?? { version: 1 }
  return isSameSubstance(info, seen) || (version === 0 && md5 === seen.md5)
}

function keyOf(path: string): FileKey {
  const [namespace = '', group = '', file = ''] = path.split('/').map(decodeURIComponent)
  return { namespace, group, file }
}
