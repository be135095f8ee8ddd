import type { Fingerprint } from '../watches.ts'
import type { FileEntry } from '../view/file-entry.ts'
import { isSameContent, ReleaseLine } from '../view/release-line.ts'

/** What somebody has of a file, as he says. */
export class Known {
  /** 0: he does not know. */
  readonly version: number
  /** Empty: he has no content; undefined: he does not know. */
  readonly md5: string | undefined
  /** As {@link ReleaseLine.nth}. */
  readonly nth: number

  constructor({ version = 0, md5 }: Pick<Fingerprint, 'version' | 'md5'>, nth: number) {
    this.version = version
    this.md5 = md5 ?? (version === 0 ? '' : undefined)
    this.nth = nth
  }
}

/** What somebody has of a file: what he was given last, or what he says. */
export type Given = ReleaseLine | Known

/**
 * What there is to tell.
 *
 * - `same`: nothing; what is seen takes the place of what was given
 * - `differs`: what is seen now
 * - `ahead`: nothing, for this member lags behind what he has seen
 */
export type Verdict = 'same' | 'differs' | 'ahead'

/** Whoever says nothing of a file has nothing of it. What he misses before he asks first counts as skipped. */
export function nothingOf({ info, nth }: ReleaseLine): Known {
  return new Known({}, info === undefined ? nth : nth - 1)
}

/** Compares what somebody has with what he sees. */
export function compare(given: Given, line: ReleaseLine, latestVersion: number): Verdict {
  if (given === line) return 'same'
  return given instanceof ReleaseLine ? compareLines(given, line) : compareKnown(given, line, latestVersion)
}

function compareLines({ info: given }: ReleaseLine, { info }: ReleaseLine): Verdict {
  if (given === undefined || info === undefined) return given === info ? 'same' : 'differs'
  return isSameContent(given, info) ? 'same' : 'differs'
}

function compareKnown(known: Known, { info }: ReleaseLine, latestVersion: number): Verdict {
  const { version, md5 } = known
  if (version > latestVersion) return 'ahead'
  if (info === undefined) return md5 === '' ? 'same' : 'differs'
  // What he was told is gone does not come back: a new release would have a higher version.
  if (md5 === '') return version > 0 && info.version <= version ? 'ahead' : 'differs'
  if (md5 === undefined) return info.version === version ? 'same' : 'differs'
  if (md5 !== info.md5) return 'differs'
  // Of another version with the same content, the tags may be others. Not of the one that was restated, even if it was gray then.
  const isRestated = info.from === version && (info.origin === 'restate' || info.origin === 'promote')
  return version === 0 || version === info.version || isRestated ? 'same' : 'differs'
}

/** The version that somebody was given last, or says he has. 0: none, or not known. */
export function versionOf(given: Given): number {
  return given instanceof ReleaseLine ? (given.info?.version ?? 0) : given.version
}

/**
 * The version of what somebody saw last who sees nothing any more. Who does not say may have had any; but not the gray one, or it is not
 * that he was told of: it may become everybody's yet, and then he is to be told.
 */
export function lastSeenVersion(given: Given, { gray, latestVersion }: FileEntry): number {
  const version = versionOf(given) || latestVersion
  return gray === undefined ? version : Math.min(version, gray.info.version - 1)
}

/** Whether what is seen came after what somebody was given. */
export function isLater({ revision, info }: ReleaseLine, given: Given): boolean {
  if (given instanceof ReleaseLine) return revision > given.revision
  return (info?.version ?? 0) > given.version
}

/** How many releases somebody was never given, when he is given this one. */
export function skippedBetween(given: Given, line: ReleaseLine): number {
  return Math.max(0, line.nth - given.nth - (line.info === undefined ? 0 : 1))
}

/**
 * Whether this member lags behind somebody, or may do so: he has a version that is not here yet, was told that something is gone that is
 * here, or has what is gray here and does not see it. Of the last, either what he says of himself has changed, or the release was promoted
 * since; and what is not here yet may come as gray first, so that nothing is told him until this member has caught up.
 */
export function isDoubtful(known: Known, entry: FileEntry, line: ReleaseLine): boolean {
  const { version } = known
  if (version === 0) return false
  if (compare(known, line, entry.latestVersion) === 'ahead') return true
  return entry.gray?.info.version === version && line !== entry.gray
}
