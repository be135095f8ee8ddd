import type {
  ConfigClient,
  ConfigFile,
  ConfigHub,
  FileKey,
  Fingerprint,
  WatchTarget,
} from '@orrery/config-hub'
import { configLimits } from '@orrery/config-hub'
import { pathOf, watchedOf } from './watched.ts'

/** What a client sees. */
export interface Present {
  /** Of the store, at which this was so. */
  readonly revision: number
  readonly files: readonly Fingerprint[]
  /**
   * What a watch is to know of a client that is told all of these: which of them it has already, and that of each other one it may
   * have something, so that it is told if that goes. No more than a watch takes: what is left out is sent again.
   */
  readonly known: readonly Fingerprint[]
}

/** Who asks, for what. */
export interface PresentQuery {
  readonly targets: readonly WatchTarget[]
  readonly client: ConfigClient
  /** The client has what it saw at this revision. Undefined: nobody knows what it has. */
  readonly sinceRevision: number | undefined
  /** What the client says it has, which may be more than this member has seen. @defaultValue nothing */
  readonly ahead?: readonly Fingerprint[] | undefined
  /** @defaultValue as many as a watch takes */
  readonly knownMaxItems?: number | undefined
}

/** The MD5 of no content: who is said to have it is told whatever there is, and when there is nothing. */
const otherMd5 = 'other'

/** What a client sees of what it watches, now; and what it has seen elsewhere that is not here yet. */
export function presentOf(hub: ConfigHub, query: PresentQuery): Present {
  const { targets, client, sinceRevision, ahead = [] } = query
  const { knownMaxItems = configLimits.knownMaxItems } = query
  const files = new Map<string, Fingerprint>()
  const known: Fingerprint[] = []
  for (const target of targets) {
    for (const file of filesOf(hub, target)) {
      const path = pathOf(file)
      const seen = files.has(path) ? undefined : hub.peek({ ...keyOf(file), client })
      if (seen === undefined) continue
      const fingerprint = { ...keyOf(file), version: seen.version, md5: seen.md5 }
      files.set(path, fingerprint)
      if (known.length >= knownMaxItems) continue
      known.push(isKnown(file, sinceRevision) ? fingerprint : { ...keyOf(file), md5: otherMd5 })
    }
  }
  const isWatched = watchedOf(ahead.length === 0 ? [] : targets)
  for (const one of ahead) {
    const path = pathOf(one)
    if (files.has(path) || !isAhead(hub, one) || !isWatched(one)) continue
    files.set(path, { ...keyOf(one), version: one.version, md5: one.md5 })
  }
  return { revision: hub.stats().revision, files: [...files.values()], known }
}

/** Where a release is gray, the client may have seen another one then: what it says of itself may have changed. */
function isKnown({ revision, gray }: ConfigFile, sinceRevision: number | undefined): boolean {
  return sinceRevision !== undefined && revision <= sinceRevision && gray === undefined
}

/**
 * Whether somebody who has a version that he does not see here may see it all the same, because this member lags. If he does not, the
 * watch tells him when it has caught up. Of a file that is not here, it is not known which versions it had.
 */
function isAhead(hub: ConfigHub, fingerprint: Fingerprint): boolean {
  const { version = 0, md5 } = fingerprint
  if (version === 0 || md5 === '') return false
  const file = hub.files.get(keyOf(fingerprint))
  return file === undefined || version > file.latestVersion || version === file.gray?.version
}

function* filesOf(hub: ConfigHub, target: WatchTarget): Iterable<ConfigFile> {
  const { namespace, group, file, prefix } = target
  if (file !== undefined) {
    const found = hub.files.get({ namespace, group, file })
    if (found !== undefined) yield found
    return
  }
  const limit = configLimits.pageMaxItems
  for (let offset = 0; ; offset += limit) {
    const { items, total } = hub.files.list({ namespace, group, prefix, offset, limit })
    yield* items
    if (offset + limit >= total) return
  }
}

function keyOf({ namespace, group, file }: FileKey): FileKey {
  return { namespace, group, file }
}
