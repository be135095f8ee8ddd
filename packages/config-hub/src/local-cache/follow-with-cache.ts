import { type Clock, type Environment, hasCode } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { CallOptions } from '../calls.ts'
import type { ConfigHub } from '../config-hub.ts'
import type { ChangeBatch, ConfigChange, ConfigWatch, WatchQuery } from '../watches.ts'
import { filePath } from '../keys.ts'
import type { CachedRelease } from './cache-file.ts'
import type { LocalCache } from './local-cache.ts'

/** How a hub is followed that may not be ready. */
export interface FollowWithCacheOptions extends CallOptions {
  /** How often a hub that is not ready is asked again. Unit: ms. @defaultValue `1_000` */
  readonly retryMs?: number | undefined
  /** Gets a warning when the cache fails, which stops nothing. @defaultValue Node's clock, no log */
  readonly environment?: Environment | undefined
}

/** Changes, and how much they can be relied upon. */
export type FollowedBatch =
  /** From the hub. */
  | (ChangeBatch & { readonly stale: false })
  /** From the local cache: what was seen last. It may have changed since. */
  | { readonly stale: true; readonly changes: readonly ConfigChange[]; readonly oldestSavedAtMs: number }

/**
 * Watches a hub. If that is not ready, what the local cache has comes first, marked `stale`; as soon as the hub is ready, what differs
 * from it, and all changes from then on, which are saved in the cache before the next ones are asked for. If it is ready at once, the
 * cache meanwhile forgets what is not seen any more of the targets: nobody was there to be told.
 *
 * While nothing happens, only the signal ends the iteration from outside.
 *
 * @param query `known` is what the caller has without the cache
 * @throws what `hub.watch` throws, except that it is not ready; `signal.reason`
 */
export async function* followWithCache(
  hub: Pick<ConfigHub, 'peek' | 'state' | 'watch'>,
  query: WatchQuery,
  { cache, ...options }: FollowWithCacheOptions & { readonly cache: LocalCache },
): AsyncGenerator<FollowedBatch, undefined, undefined> {
  const { signal, retryMs = 1_000, environment = systemEnvironment() } = options
  const { logger, clock } = environment
  const notSaved = (error: unknown): void => logger.warn('the local cache of configuration failed', { error })

  signal?.throwIfAborted()
  const isReady = hub.state === 'ready'
  const cached = isReady ? [] : await loadCached(cache, query, notSaved)
  const oldestSavedAtMs = Math.min(...cached.map(({ savedAtMs }) => savedAtMs))
  if (cached.length > 0) yield { stale: true, changes: cached.map(changeOf), oldestSavedAtMs }

  const watch = await whenReady(() => hub.watch(withKnown(query, cached), { signal }), {
    clock,
    retryMs,
    signal,
  })
  let saved: Promise<void> = Promise.resolve()
  // Beside the watch: whoever waits for what there is now does not wait for the disk. What was given as stale is told as removed.
  const forgotten = isReady ? forgetUnseen(hub, cache, query).catch(notSaved) : saved
  try {
    for await (const batch of watch) {
      saved = save(cache, batch.changes).catch(notSaved)
      yield { stale: false, ...batch }
      await saved
    }
  } finally {
    watch.close()
    await forgotten
    await saved
  }
  return undefined
}

async function loadCached(
  cache: LocalCache,
  { targets }: WatchQuery,
  failed: (error: unknown) => void,
): Promise<readonly CachedRelease[]> {
  try {
    const { releases, ignored } = await cache.loadAll(targets)
    for (const { error } of ignored) failed(error)
    return releases
  } catch (error) {
    failed(error)
    return []
  }
}

/**
 * Removes from the cache what the hub does not show. What it shows after that is saved after that.
 *
 * @throws what the cache throws, and `hub.peek`
 */
async function forgetUnseen(
  hub: Pick<ConfigHub, 'peek'>,
  cache: LocalCache,
  { targets, client }: WatchQuery,
): Promise<void> {
  // What is damaged or too old is never given, and so need not be removed.
  const { releases } = await cache.loadAll(targets)
  const unseen = releases
    .map(({ release: { namespace, group, file } }) => ({ namespace, group, file }))
    .filter((key) => hub.peek({ ...key, client }) === undefined)
  if (unseen.length > 0) await cache.remove(unseen)
}

function changeOf({ release }: CachedRelease): ConfigChange {
  return { type: 'released', release }
}

/** Whoever was given the cached releases has them: only what differs from them is news. */
function withKnown(query: WatchQuery, cached: readonly CachedRelease[]): WatchQuery {
  if (cached.length === 0) return query
  const known = new Map(query.known?.map((fingerprint) => [filePath(fingerprint), fingerprint]))
  for (const { release } of cached) {
    const { namespace, group, file, version, md5 } = release
    known.set(filePath(release), { namespace, group, file, version, md5 })
  }
  return { ...query, known: [...known.values()] }
}

async function save(cache: LocalCache, changes: readonly ConfigChange[]): Promise<void> {
  const releases = changes.flatMap((change) => (change.type === 'released' ? [change.release] : []))
  const removed = changes.flatMap((change) => (change.type === 'removed' ? [change.key] : []))
  if (releases.length > 0) await cache.save(releases)
  if (removed.length > 0) await cache.remove(removed)
}

interface Waiting {
  readonly clock: Clock
  readonly retryMs: number
  readonly signal: AbortSignal | undefined
}

async function whenReady(
  watch: () => ConfigWatch,
  { clock, retryMs, signal }: Waiting,
): Promise<ConfigWatch> {
  for (;;) {
    signal?.throwIfAborted()
    try {
      return watch()
    } catch (error) {
      if (!hasCode(error, 'CONFIG_NOT_READY')) throw error
    }
    await pause(clock, retryMs, signal)
  }
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = (): void => {
      timer.cancel()
      resolve() // the caller looks at the signal
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
