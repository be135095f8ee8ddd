import type {
  ConfigClient,
  ConfigFile,
  ConfigHub,
  FileKey,
  Fingerprint,
  WatchTarget,
} from '@orrery/config-hub'
import { configLimits } from '@orrery/config-hub'

/** What a client sees. */
export interface Present {
  /** Of the store, at which this was so. */
  readonly revision: number
  readonly files: readonly Fingerprint[]
  /** Those of them that the client has already. */
  readonly known: readonly Fingerprint[]
}

/** Who asks, for what. */
export interface PresentQuery {
  readonly targets: readonly WatchTarget[]
  readonly client: ConfigClient
  /** The client has what it saw at this revision. Undefined: it has nothing. */
  readonly sinceRevision: number | undefined
}

/** What a client sees of what it watches, now. */
export function presentOf(hub: ConfigHub, { targets, client, sinceRevision }: PresentQuery): Present {
  const files = new Map<string, Fingerprint>()
  const known: Fingerprint[] = []
  for (const target of targets) {
    for (const file of filesOf(hub, target)) {
      const path = [file.namespace, file.group, file.file].join('\n')
      const seen = files.has(path) ? undefined : hub.peek({ ...keyOf(file), client })
      if (seen === undefined) continue
      const fingerprint = { ...keyOf(file), version: seen.version, md5: seen.md5 }
      files.set(path, fingerprint)
      if (isKnown(file, sinceRevision)) known.push(fingerprint)
    }
  }
  return { revision: hub.stats().revision, files: [...files.values()], known }
}

/** Where a release is gray, the client may have seen another one then: what it says of itself may have changed. */
function isKnown({ revision, gray }: ConfigFile, sinceRevision: number | undefined): boolean {
  return sinceRevision !== undefined && revision <= sinceRevision && gray === undefined
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
