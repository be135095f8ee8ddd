import type { Environment } from '@orrery/environment'
import type { Backend } from '@orrery/mvcc'
import { mkdir } from 'node:fs/promises'
import type { Committed } from './committer.ts'
import { Committer } from './committer.ts'
import { LmdbError } from './errors.ts'
import type { LmdbBackendOptions } from './options.ts'
import { resolveOptions } from './options.ts'
import { LmdbReader } from './reader.ts'
import { verifyLmdb, wasLeftOpen } from './verify.ts'
import { WriteBehind } from './write-behind.ts'

/**
 * A {@link Backend} on LMDB. Writes are visible at once, and durable later, in batches that end at a
 * {@link LmdbBackend.seal}: after a crash the files hold exactly the writes before some seal, at least those that
 * {@link LmdbBackend.durableIndex} had reported.
 */
export interface LmdbBackend extends Backend, AsyncDisposable {
  /**
   * Everything written since the last seal belongs together. Cheap: called after every applied entry.
   *
   * @param index of the log entry whose effects these writes are; never decreases
   */
  seal(index: number): void
  /**
   * Resolves when everything sealed before the call is durable.
   *
   * @throws LmdbError as `onFailure` reports it
   */
  flush(): Promise<void>
  /** Index of the last durable seal: right after opening, what the files had. 0: none. */
  readonly durableIndex: number
  /**
   * What was written and is not durable yet. Whoever writes faster than the disk waits for this to fall.
   * Unit: bytes.
   */
  readonly pendingBytes: number
  /** Extent of the file as of the last commit. It never shrinks. Unit: bytes. */
  readonly sizeBytes: number
  /** Of it, pages that hold data. Unit: bytes. */
  readonly sizeInUseBytes: number
  /**
   * Called once, when a batch could not be made durable. Nothing is retried. Later writes stay in memory
   * only, so that reads remain consistent until the host has stopped.
   */
  onFailure: ((error: Error) => void) | undefined
  /** Called with the index of each seal that ends a durable batch. */
  onDurable: ((index: number) => void) | undefined
  /**
   * Makes durable what is sealed, drops what is not, and releases files and worker. Never rejects: a failure
   * went to `onFailure`. Safe to call twice.
   */
  close(): Promise<void>
}

/** What {@link openLmdbBackend} needs from its host. */
export interface LmdbBackendDependencies {
  /** A directory of its own. Created, readable by its owner only, if its parent exists. */
  readonly path: string
  readonly environment: Pick<Environment, 'clock' | 'logger'>
}

/**
 * Opens a directory, or creates it.
 *
 * One backend at a time may have a directory open; the second to write would be noticed and stopped
 * (`LMDB_INCONSISTENT`), not prevented.
 *
 * @throws LmdbError `LMDB_OPEN_FAILED`, `LMDB_DAMAGED`, `LMDB_DISK_FULL`, `LMDB_WORKER_LOST`
 * @throws RangeError when an option is out of range
 */
export async function openLmdbBackend(
  { path, environment }: LmdbBackendDependencies,
  options: LmdbBackendOptions = {},
): Promise<LmdbBackend> {
  const resolved = resolveOptions(options)
  const { mapMaxBytes } = resolved
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return
    throw new LmdbError('LMDB_OPEN_FAILED', `${path}: ${String(error)}`, { cause: error })
  })
  if (wasLeftOpen(path)) {
    environment.logger.info('the backend was not closed cleanly', { path })
    if (resolved.verifyAfterUncleanShutdown) {
      const { intact, problems } = await verifyLmdb(path, { mapMaxBytes })
      if (!intact) throw new LmdbError('LMDB_DAMAGED', `${path}: ${problems.join('; ')}`)
    }
  }
  const committer = new Committer(path, mapMaxBytes)
  try {
    const opened = await new Promise<Committed>((resolve, reject) => {
      committer.onCommitted = resolve
      committer.onFailed = reject
    })
    const reader = new LmdbReader(path, mapMaxBytes)
    return new WriteBehind({ committer, reader, opened, environment, options: resolved })
  } catch (error) {
    await committer.close(false)
    if (error instanceof LmdbError) throw error
    throw new LmdbError('LMDB_OPEN_FAILED', `${path}: ${String(error)}`, { cause: error })
  }
}
