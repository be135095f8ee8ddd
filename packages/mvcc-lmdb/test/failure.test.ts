import { createManualEnvironment } from '@orrery/environment/testing'
import { LmdbError, openLmdbBackend, verifyLmdb } from '@orrery/mvcc-lmdb'
import { execFileSync } from 'node:child_process'
import { mkdirSync, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import type * as workerThreads from 'node:worker_threads'
import { expect, test, vi } from 'vitest'
import { contentsOf, freshPath, openBackend, recordOf } from './support.ts'

/** Every worker that was started, so that a test can kill one. */
const workers = vi.hoisted((): Worker[] => [])

vi.mock('node:worker_threads', async (original) => {
  const threads = await original<typeof workerThreads>()
  class ObservedWorker extends threads.Worker {
    constructor(...parts: ConstructorParameters<typeof Worker>) {
      super(...parts)
      workers.push(this)
    }
  }
  return { ...threads, Worker: ObservedWorker }
})

/** Opens a backend with one durable revision, and keeps what it reports. */
async function openWithOne(path: string, mapMaxBytes?: number) {
  const environment = createManualEnvironment()
  const options = mapMaxBytes === undefined ? {} : { mapMaxBytes }
  const backend = await openBackend(path, options, environment)
  backend.put(1, 0, false, recordOf(1))
  backend.seal(1)
  await backend.flush()
  const failures: Error[] = []
  backend.onFailure = (error) => failures.push(error)
  return { backend, failures, environment }
}

/** After a failure: nothing durable is lost, nothing later is kept. */
async function expectOnlyTheFirst(path: string): Promise<void> {
  expect(await verifyLmdb(path)).toMatchObject({ intact: true, revisions: 1, index: 1 })
  const reopened = await openBackend(path)
  expect(reopened.durableIndex).toBe(1)
  expect(contentsOf(reopened)).toHaveLength(1)
  reopened.put(2, 0, false, recordOf(2))
  reopened.seal(2)
  await reopened.flush()
  await reopened.close()
}

test('a write that contradicts the files stops the backend, once; reads go on', async () => {
  const path = freshPath()
  const { backend, failures, environment } = await openWithOne(path)
  backend.put(2, 0, false, recordOf(2))
  backend.delete(3, 0, false)
  backend.seal(2)
  const flushed = backend.flush()

  await expect(flushed).rejects.toMatchObject({ code: 'LMDB_INCONSISTENT' })
  expect(failures).toHaveLength(1)
  expect(failures[0]).toBeInstanceOf(LmdbError)
  expect(failures[0]?.message).toContain(path)
  expect(environment.logger.lines.filter(({ level }) => level === 'error')).toHaveLength(1)

  backend.put(4, 0, false, recordOf(4))
  backend.seal(4)
  expect(backend.get(1, 0)).toEqual(recordOf(1))
  expect(backend.get(2, 0)).toEqual(recordOf(2))
  expect(backend.get(4, 0)).toEqual(recordOf(4))
  expect(backend.pendingBytes).toBeGreaterThan(0)
  environment.clock.advance(1_000)
  await expect(backend.flush()).rejects.toMatchObject({ code: 'LMDB_INCONSISTENT' })
  await backend.close()
  expect(failures).toHaveLength(1)
  await expectOnlyTheFirst(path)
})

test('a revision that exists is not overwritten', async () => {
  const path = freshPath()
  const { backend } = await openWithOne(path)
  backend.put(1, 0, false, recordOf(9))
  backend.seal(2)
  await expect(backend.flush()).rejects.toMatchObject({ code: 'LMDB_INCONSISTENT' })
  await backend.close()
  await expectOnlyTheFirst(path)
})

test('a second writer is noticed by the first', async () => {
  const path = freshPath()
  const { backend } = await openWithOne(path)
  const second = await openBackend(path)
  second.put(2, 0, false, recordOf(2))
  second.seal(2)
  await second.flush()
  backend.put(3, 0, false, recordOf(3))
  backend.seal(3)
  await expect(backend.flush()).rejects.toMatchObject({ code: 'LMDB_INCONSISTENT' })
})

test('a file that would outgrow its map stops the backend before the map is moved', async () => {
  const path = freshPath()
  const { backend, failures } = await openWithOne(path, 2 ** 20)
  for (let main = 2; main <= 1_000; main++) backend.put(main, 0, false, recordOf(main, 0, 1_000))
  backend.seal(2)
  await expect(backend.flush()).rejects.toMatchObject({ code: 'LMDB_MAP_FULL' })
  expect(failures).toHaveLength(1)
  expect(contentsOf(backend)).toHaveLength(1_000)
  await backend.close()
  await expectOnlyTheFirst(path)
})

test('a worker that dies stops the backend; reads go on', async () => {
  const path = freshPath()
  const { backend, failures } = await openWithOne(path)
  backend.put(2, 0, false, recordOf(2))
  backend.seal(2)
  const worker = workers.at(-1)
  const failed = new Promise<void>((resolve) => {
    backend.onFailure = (error) => {
      failures.push(error)
      resolve()
    }
  })
  await worker?.terminate()
  await failed

  expect(failures).toMatchObject([{ code: 'LMDB_WORKER_LOST' }])
  expect(contentsOf(backend)).toHaveLength(2)
  await expect(backend.flush()).rejects.toMatchObject({ code: 'LMDB_WORKER_LOST' })
  await backend.close()
  await expectOnlyTheFirst(path)
})

test('no worker outlives its backend', async () => {
  for (let round = 0; round < 3; round++) {
    const paths = Array.from({ length: 5 }, freshPath)
    const environment = createManualEnvironment()
    const backends = await Promise.all(paths.map((path) => openLmdbBackend({ path, environment })))
    await Promise.all(backends.map((backend) => backend.close()))
    expect(environment.clock.pending).toBe(0)
  }
  expect(workers.length).toBeGreaterThanOrEqual(15)
  // A worker that has exited has no thread id.
  expect(workers.filter(({ threadId }) => threadId !== -1)).toEqual([])
})

/** Mounts a small file system, if this process may. */
function mountSmallDisk(path: string, bytes: number): boolean {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(bytes)}`, 'tmpfs', path], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

test('a full disk stops the backend before LMDB meets it, and what is durable survives', async (context) => {
  const disk = join(dirname(freshPath()), 'disk')
  if (!mountSmallDisk(disk, 8 * 2 ** 20)) {
    process.stderr.write('SKIPPED: a full disk cannot be tested, mounting a tmpfs is not permitted here\n')
    context.skip()
  }
  try {
    const path = join(disk, 'backend')
    const backend = await openBackend(path)
    let index = 0
    for (let failed = false; !failed; ) {
      index++
      for (let sub = 0; sub < 500; sub++) backend.put(index, sub, false, recordOf(index, sub, 400))
      backend.seal(index)
      failed = await backend.flush().then(
        () => false,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'LMDB_DISK_FULL' })
          return true
        },
      )
    }
    expect(index).toBeGreaterThan(5)
    expect(statfsSync(disk).bavail).toBeGreaterThan(0)
    expect(contentsOf(backend)).toHaveLength(index * 500)
    await backend.close()

    execFileSync('mount', ['-o', 'remount,size=64m', disk])
    const reopened = await openBackend(path)
    expect(reopened.durableIndex).toBe(index - 1)
    expect(contentsOf(reopened)).toHaveLength((index - 1) * 500)
    reopened.put(index, 0, false, recordOf(index))
    reopened.seal(index)
    await reopened.flush()
    await reopened.close()
  } finally {
    execFileSync('umount', ['-l', disk])
  }
})
