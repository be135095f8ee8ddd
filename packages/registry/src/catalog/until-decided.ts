import type { KeyValue } from '@orrery/mvcc'
import { RegistryError } from '../errors.ts'
import type { WriteOptions } from '../registry.ts'
import type { CatalogDeps } from './catalog-deps.ts'
import { isAt, requireRevision } from './conditions.ts'

/** How often a write is decided anew because somebody else was faster. */
const attemptsMax = 64

/**
 * Reads, decides and writes, until nobody is faster.
 *
 * @param attempt gives undefined when something came in between
 * @throws RegistryError `REGISTRY_OVERLOADED`: something came in between each time
 */
export async function untilDecided<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let n = 0; n < attemptsMax; n++) {
    const result = await attempt()
    if (result !== undefined) return result
  }
  throw new RegistryError('REGISTRY_OVERLOADED', `others changed it ${attemptsMax} times meanwhile`)
}

/** What is to be written, and what the caller gets when it has been. */
export interface Change<T> {
  readonly value: string
  readonly result: (revision: number) => T
}

/** A change of what one key has. */
export interface Rewrite<T> {
  readonly key: string
  readonly read: (kv: KeyValue) => T
  readonly change: (current: T) => Change<T>
  /** Why a key that does not exist cannot be changed. */
  readonly missing: () => RegistryError
}

/** Reads, changes and writes a key, until nobody is faster. Resolves when the view shows it. */
export async function rewrite<T>(
  { store, view }: CatalogDeps,
  { key, read, change, missing }: Rewrite<T>,
  options: WriteOptions,
): Promise<T> {
  const written = await untilDecided(async () => {
    const kv = await store.get(key, options)
    if (kv === undefined) throw missing()
    requireRevision(options, kv)
    const { value, result } = change(read(kv))
    const { succeeded, revision } = await store.txn(
      { compare: [isAt(key, kv)], success: [{ type: 'put', key, value }] },
      options,
    )
    return succeeded ? { revision, result } : undefined
  })
  await view.reached(written.revision, options)
  return written.result(written.revision)
}
