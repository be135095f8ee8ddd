import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Environment } from '@orrery/environment'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import type { BackendDirectory } from './stored-states.ts'

/** Backends on LMDB, each in a directory of its own. */
export function lmdbBackends(
  directory: string,
  environment: Environment,
  mapMaxBytes: number,
): BackendDirectory {
  return {
    open: (name) => openLmdbBackend({ path: join(directory, name), environment }, { mapMaxBytes }),
    remove: (name) => rm(join(directory, name), { recursive: true, force: true }),
    list: async () => (await readdir(directory)).filter((name) => name.startsWith('db-')),
  }
}
