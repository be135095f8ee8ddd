import type { SeenReleases } from '../codec.ts'
import type { ReleaseInfo } from '../model.ts'
import type { FileEntry } from './file-entry.ts'
import { GrayLine, isSameContent, ReleaseLine } from './release-line.ts'

/** Whether somebody sees something of a file. */
export function isReleased({ full, gray }: FileEntry): boolean {
  return full.info !== undefined || gray !== undefined
}

/** Gives a file new lines, where something else is seen. @returns whether there are new ones */
export function show(entry: FileEntry, { release, gray }: SeenReleases, revision: number): boolean {
  const { full: oldFull, gray: oldGray } = entry
  if (release === oldFull.info && gray === oldGray?.info) return false
  const nth = Math.max(oldFull.nth, oldGray?.nth ?? 0)
  if (release !== oldFull.info) {
    entry.full = new ReleaseLine(entry.path, release, { revision, nth: nthOf(nth, release, oldFull) })
  }
  if (gray === undefined) entry.gray = undefined
  else if (gray !== oldGray?.info) {
    entry.gray = new GrayLine(entry.path, gray, { revision, nth: nthOf(nth, gray, oldGray) })
  }
  return true
}

/** What is said of a release stays the same object as long as it is said: the whole record is written anew with every draft. */
export function interned<Info extends ReleaseInfo>(
  known: Info | undefined,
  info: Info | undefined,
): Info | undefined {
  const isSame = known?.version === info?.version && known?.origin === info?.origin
  return isSame && known !== undefined ? known : info
}

/** Only what differs for those who see it is counted. */
function nthOf(nth: number, info: ReleaseInfo | undefined, before: ReleaseLine | undefined): number {
  if (info === undefined) return nth
  const isNew = before?.info === undefined || !isSameContent(before.info, info)
  return isNew ? nth + 1 : before.nth
}
