import { join } from 'node:path'
import { CodedError, hasCode } from '@orrery/environment'
import type { Disk } from '@orrery/wal'
import { StoreError } from './errors.ts'

// What opening a directory takes, whether a store alone or a member of a cluster keeps it.

/** Address space, not memory. Pages that a transaction replaces stay occupied until the next one. */
export function mapMaxBytesFor(quotaBytes: number): number {
  return quotaBytes === 0 ? 2 ** 40 : Math.min(Math.max(Math.ceil(quotaBytes) * 2, 2 ** 34), 2 ** 46)
}

/** Makes the directory this process's own until `disk` is closed. */
export async function lock(disk: Disk, directory: string): Promise<void> {
  await disk.submit([
    { type: 'makeDirectory', path: directory },
    { type: 'lock', path: join(directory, 'LOCK') },
  ])
}

/** What was opened so far, closed in reverse order when a later step fails. */
export class Undo {
  readonly #steps: (() => Promise<unknown>)[] = []

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step)
  }

  async run(): Promise<void> {
    for (const step of this.#steps.reverse()) await step().catch(() => {})
  }
}

/** The directory's content is not what a store wrote. */
export function damaged(why: string): StoreError {
  return new StoreError('STORE_DAMAGED', why)
}

/** One kind of error for whoever opens a directory, with the part's own as its cause. */
export function openError(directory: string, error: unknown): unknown {
  if (error instanceof StoreError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (hasCode(error, 'WAL_LOCKED')) {
    return new StoreError('STORE_LOCKED', `${directory}: ${message}`, { cause: error })
  }
  const damagedCodes = ['WAL_CORRUPT', 'WAL_MISSING', 'WAL_UNSUPPORTED_VERSION', 'LMDB_DAMAGED']
  if (hasCode(error, ...damagedCodes)) {
    return new StoreError('STORE_DAMAGED', `${directory}: ${message}`, { cause: error })
  }
  if (error instanceof CodedError || (error instanceof Error && 'errno' in error)) {
    return new StoreError('STORE_FAILED', `${directory}: ${message}`, { cause: error })
  }
  return error
}
