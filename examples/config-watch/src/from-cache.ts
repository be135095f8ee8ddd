// #region readme
import { type ConfigHub, createLocalCache, type FileKey, followWithCache } from '@orrery/config-hub'

/** Where what was seen last is kept, and of which file. */
export interface CachedFile {
  readonly file: FileKey
  readonly directory: string
}

/** Goes by what was seen last until the hub says what there is now. */
export async function followFromCache(hub: ConfigHub, { file, directory }: CachedFile): Promise<void> {
  await using cache = createLocalCache({ directory })
  for await (const { stale, changes } of followWithCache(hub, { targets: [file] }, { cache, retryMs: 50 })) {
    for (const change of changes) {
      if (change.type === 'released') console.log(stale ? 'last known:' : 'now:', change.release.content)
    }
    if (!stale) break // or follow for as long as you like
    await hub.start() // elsewhere, whenever its store can be reached
  }
}
// #endregion readme
