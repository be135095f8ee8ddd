import { releaseInfoOf } from '../codec.ts'
import { compileRule } from '../gray/match-rule.ts'
import type { RuleMatcher } from '../gray/match-rule.ts'
import type { ConfigClient, GrayReleaseInfo, ReleaseInfo } from '../model.ts'
import type { CachedRelease } from '../reads/cached-release.ts'

/** Where a release stands among those of its line. */
interface LinePlace {
  /** Of the store, since which it is seen. */
  readonly revision: number
  /** How many different releases were seen of the file when it came. Only differences count. */
  readonly nth: number
}

/**
 * What those see of a file who see the same. A file has one line for everybody and, while a gray release is active, a second one. It is
 * made anew when another release is seen, and only then: whoever was given one compares it with the present one by identity.
 */
export class ReleaseLine implements LinePlace {
  /** Of the file, as `filePath` makes it. Empty while nothing was ever seen. */
  readonly path: string
  /** Undefined: there is nothing to see. */
  readonly info: ReleaseInfo | undefined
  readonly revision: number
  readonly nth: number
  /** Where its content is in memory. Written by the cache only. */
  slot: CachedRelease | undefined

  constructor(path: string, info: ReleaseInfo | undefined, { revision, nth }: LinePlace) {
    this.path = path
    this.info = info
    this.revision = revision
    this.nth = nth
    this.slot = undefined
  }

  /** What of it is told. */
  get told(): ReleaseInfo | undefined {
    return this.info
  }
}

/** What those see who match the rule of a gray release. */
export class GrayLine extends ReleaseLine {
  declare readonly info: GrayReleaseInfo
  #matches: RuleMatcher | undefined
  #told: ReleaseInfo | undefined

  constructor(path: string, info: GrayReleaseInfo, place: LinePlace) {
    super(path, info, place)
    this.#matches = undefined
    this.#told = undefined
  }

  /** Without the rule: whoever sees a gray release need not know who else does. */
  override get told(): ReleaseInfo {
    return (this.#told ??= Object.freeze(releaseInfoOf(this.info)))
  }

  /** Whether a client is one of them. The rule is compiled once, when somebody asks. */
  matches(client: ConfigClient): boolean {
    this.#matches ??= compileRule(this.info.rule)
    return this.#matches(client, this.path)
  }
}

/** What is seen of files of which nothing was ever seen. */
export const unseen = new ReleaseLine('', undefined, { revision: 0, nth: 0 })

/** Whether somebody who has one has the other: what is said of a content besides its text, and who made it, does not count. */
export function isSameContent(a: ReleaseInfo, b: ReleaseInfo): boolean {
  return a === b || (a.md5 === b.md5 && a.format === b.format && isSameMetadata(a.tags, b.tags))
}

function isSameMetadata(a: ReleaseInfo['tags'], b: ReleaseInfo['tags']): boolean {
  if (a === b) return true
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
