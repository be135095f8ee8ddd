import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createManualEnvironment } from '@orrery/environment/testing'
import { afterEach } from 'vitest'
import { createLocalCache, type LocalCacheOptions } from '../../src/local-cache/local-cache.ts'
import type { Release } from '../../src/model.ts'

const directories: string[] = []

afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true })
})

/** A directory that is removed after the test. */
export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'orrery-cache-'))
  directories.push(directory)
  return directory
}

/** A cache in a directory of its own, by a clock that the test moves. */
export async function build(options: Partial<LocalCacheOptions> = {}) {
  const environment = createManualEnvironment()
  const directory = options.directory ?? join(await newDirectory(), 'made', 'when needed')
  return { environment, directory, cache: createLocalCache({ environment, directory, ...options }) }
}

/** A release of `n/g/<file>`. */
export function releaseOf(file: string, content: string, changes: Partial<Release> = {}): Release {
  return {
    ...{ namespace: 'n', group: 'g', file, content, version: 1, name: 'v1', md5: '0'.repeat(32) },
    ...{
      sizeBytes: content.length,
      format: 'text',
      tags: {},
      comment: '',
      encrypted: false,
      origin: 'publish',
    },
    ...{ from: undefined, releasedAtMs: 0, actor: '', reason: '' },
    ...changes,
  }
}
