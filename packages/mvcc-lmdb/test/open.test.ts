import { createManualEnvironment } from '@orrery/environment/testing'
import { openLmdbBackend, verifyLmdb } from '@orrery/mvcc-lmdb'
import { open } from 'lmdb'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contentsOf, freshPath, openBackend, recordOf } from './support.ts'

const environment = createManualEnvironment()

/** Creates files with many revisions, and closes them. */
async function createFiles(path: string, revisions = 500): Promise<void> {
  const backend = await openBackend(path)
  for (let main = 1; main <= revisions; main++) backend.put(main, 0, false, recordOf(main, 0, 200))
  backend.seal(revisions)
  await backend.close()
}

/** Flips one bit in the middle of a record. */
function damageRecord(path: string, main: number): void {
  const file = join(path, 'data.mdb')
  const bytes = readFileSync(file)
  const at = bytes.indexOf(Buffer.from(recordOf(main, 0, 200)))
  expect(at).toBeGreaterThan(0)
  bytes[at + 100] = (bytes[at + 100] ?? 0) ^ 1
  writeFileSync(file, bytes)
}

test('the directory and its files are their owner’s alone', async () => {
  const path = freshPath()
  await createFiles(path)
  expect(statSync(path).mode & 0o777).toBe(0o700)
  expect(statSync(join(path, 'data.mdb')).mode & 0o777).toBe(0o600)
})

test('a directory whose name has a dot is a directory', async () => {
  const path = `${freshPath()}.mdb`
  await createFiles(path)
  expect(statSync(path).isDirectory()).toBe(true)
})

test('a parent that does not exist is refused by name', async () => {
  const path = join(freshPath(), 'child')
  await expect(openLmdbBackend({ path, environment })).rejects.toMatchObject({ code: 'LMDB_OPEN_FAILED' })
  await expect(openLmdbBackend({ path, environment })).rejects.toThrow(path)
})

test('a path that is a file is refused', async () => {
  const path = freshPath()
  writeFileSync(path, 'a file')
  await expect(openLmdbBackend({ path, environment })).rejects.toMatchObject({ code: 'LMDB_OPEN_FAILED' })
})

test('files that are not LMDB’s are refused as damaged', async () => {
  const path = freshPath()
  mkdirSync(path)
  writeFileSync(join(path, 'data.mdb'), Buffer.alloc(20_000, 'not a database '))
  await expect(openLmdbBackend({ path, environment })).rejects.toMatchObject({ code: 'LMDB_DAMAGED' })
  await expect(openLmdbBackend({ path, environment })).rejects.toThrow(path)
  expect(await verifyLmdb(path)).toMatchObject({ intact: false })
})

test('files of another program are refused and left as they are', async () => {
  const path = freshPath()
  mkdirSync(path)
  const foreign = open({ path, keyEncoding: 'binary', encoding: 'binary' })
  foreign.openDB('theirs', {}).putSync('key', 'value')
  await foreign.close()

  await expect(openLmdbBackend({ path, environment })).rejects.toMatchObject({ code: 'LMDB_DAMAGED' })
  const again = open({ path, keyEncoding: 'binary', encoding: 'binary' })
  expect([...again.getKeys()].map(String)).toEqual(['theirs\0'])
  expect(String(again.openDB('theirs', {}).get('key'))).toBe('value')
  await again.close()
})

test('an empty data file, as a crash during creation leaves it, is a new one', async () => {
  const path = freshPath()
  mkdirSync(path)
  writeFileSync(join(path, 'data.mdb'), '')
  const backend = await openBackend(path)
  expect(backend.durableIndex).toBe(0)
  expect(contentsOf(backend)).toEqual([])
})

test('what a loss of power during creation leaves is replaced, whatever it is, and nothing later is', async () => {
  const path = freshPath()
  mkdirSync(path)
  // The names and the size are on disk, the header is not.
  for (const name of ['creating', 'open']) writeFileSync(join(path, name), '')
  for (const name of ['data.mdb', 'lock.mdb']) writeFileSync(join(path, name), Buffer.alloc(8_192))
  const backend = await openBackend(path, { verifyAfterUncleanShutdown: true })
  expect(existsSync(join(path, 'creating'))).toBe(false)
  backend.put(1, 0, false, recordOf(1))
  backend.seal(1)
  await backend.close()
  expect((await openBackend(path)).durableIndex).toBe(1)
})

test('verification finds a flipped bit, and says where', async () => {
  const path = freshPath()
  await createFiles(path)
  expect(await verifyLmdb(path)).toEqual({
    intact: true,
    revisions: 500,
    metaValues: 2,
    index: 500,
    problems: [],
  })
  damageRecord(path, 300)
  const report = await verifyLmdb(path)
  expect(report).toMatchObject({ intact: false, revisions: 500 })
  expect(report.problems).toEqual(['revision 0000000000012c00000000 has a wrong checksum'])
})

test('verification survives a file that ends early', async () => {
  for (const keptBytes of [1, 100, 5_000, 20_000, 90_000]) {
    const path = freshPath()
    await createFiles(path)
    truncateSync(join(path, 'data.mdb'), keptBytes)
    const report = await verifyLmdb(path)
    expect(report.intact).toBe(false)
    expect(report.problems).not.toEqual([])
  }
})

test('a file that ends early is refused, and does not kill the process', async () => {
  for (const keptBytes of [1, 100, 5_000, 20_000, 90_000]) {
    const path = freshPath()
    await createFiles(path)
    truncateSync(join(path, 'data.mdb'), keptBytes)
    await expect(openLmdbBackend({ path, environment })).rejects.toMatchObject({ code: 'LMDB_DAMAGED' })
  }
})

test('verification of nothing does not call it intact', async () => {
  expect((await verifyLmdb(freshPath())).intact).toBe(false)
})

test('verification may run beside an open backend', async () => {
  const path = freshPath()
  const backend = await openBackend(path)
  backend.put(1, 0, false, recordOf(1))
  backend.seal(1)
  await backend.flush()
  backend.put(2, 0, false, recordOf(2))

  expect(await verifyLmdb(path)).toMatchObject({ intact: true, revisions: 1 })
  backend.seal(2)
  await backend.flush()
  expect(await verifyLmdb(path)).toMatchObject({ intact: true, revisions: 2 })
})

test('verification can be given up', async () => {
  const path = freshPath()
  await createFiles(path)
  const reason = new Error('no time')
  await expect(verifyLmdb(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('damaged files are opened after a clean close, but verified first after an unclean one', async () => {
  const path = freshPath()
  await createFiles(path)
  damageRecord(path, 300)
  const options = { verifyAfterUncleanShutdown: true }
  await (await openBackend(path, options)).close()

  writeFileSync(join(path, 'open'), '')
  await expect(openLmdbBackend({ path, environment }, options)).rejects.toMatchObject({
    code: 'LMDB_DAMAGED',
  })
  await (await openBackend(path)).close()
})

test('the marker of an open backend goes with a clean close', async () => {
  const path = freshPath()
  const backend = await openBackend(path)
  expect(existsSync(join(path, 'open'))).toBe(true)
  await backend.close()
  expect(existsSync(join(path, 'open'))).toBe(false)
})

test('closing twice is one close, and nothing works afterwards', async () => {
  const backend = await openBackend(freshPath())
  const closed = backend.close()
  expect(backend.close()).toBe(closed)
  await closed
  const calls = [
    () => backend.get(1, 0),
    () => backend.getMeta('a'),
    () => contentsOf(backend),
    () => {
      backend.put(1, 0, false, recordOf(1))
    },
    () => {
      backend.seal(1)
    },
  ]
  for (const call of calls) expect(call).toThrow('LMDB_CLOSED')
})

test('a backend that is closed while it writes has written everything that was sealed', async () => {
  const path = freshPath()
  const backend = await openBackend(path, { batchMaxOperations: 50 })
  for (let main = 1; main <= 2_000; main++) {
    backend.put(main, 0, false, recordOf(main))
    backend.seal(main)
  }
  backend.put(2_001, 0, false, recordOf(2_001))
  await backend.close()

  const reopened = await openBackend(path)
  expect(reopened.durableIndex).toBe(2_000)
  expect(contentsOf(reopened)).toHaveLength(2_000)
})

test('a backend may be opened and closed many times', async () => {
  const path = freshPath()
  for (let round = 1; round <= 15; round++) {
    await using backend = await openLmdbBackend({ path, environment })
    expect(backend.durableIndex).toBe(round - 1)
    expect(contentsOf(backend)).toHaveLength(round - 1)
    backend.put(round, 0, false, recordOf(round))
    backend.seal(round)
  }
})

test('backends in one process do not mix', async () => {
  const paths = Array.from({ length: 6 }, freshPath)
  const backends = await Promise.all(paths.map((path) => openBackend(path)))
  for (let main = 1; main <= 50; main++) {
    backends.forEach((backend, i) => {
      backend.put(main, 0, false, recordOf(main, i))
      backend.seal(main)
    })
    if (main % 10 === 0) await Promise.all(backends.map((backend) => backend.flush()))
  }
  await backends[0]?.close()
  backends.slice(1).forEach((backend, i) => {
    for (let main = 1; main <= 50; main++) expect(backend.get(main, 0)).toEqual(recordOf(main, i + 1))
  })
})

test('a backend that is left open does not keep its process alive, a flush that is awaited does', () => {
  const program = `
    import { systemEnvironment } from '@orrery/environment/system'
    import { openLmdbBackend } from '@orrery/mvcc-lmdb'
    const backend = await openLmdbBackend({ path: process.argv[1], environment: systemEnvironment() })
    backend.put(1, 0, false, new Uint8Array(1))
    backend.seal(1)
    await backend.flush()
    console.log('flushed', backend.durableIndex)
  `
  const args = ['--conditions=@orrery/source', '--import', 'tsx', '--input-type=module', '-e', program]
  const output = execFileSync(process.execPath, [...args, freshPath()], { encoding: 'utf8', timeout: 30_000 })
  expect(output).toBe('flushed 1\n')
})

test.runIf(existsSync('/proc/self/fd'))('closing releases files and mappings', async () => {
  const path = freshPath()
  const held = (): string[] => {
    const links = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)]
      } catch {
        return []
      }
    })
    const maps = readFileSync('/proc/self/maps', 'utf8').split('\n')
    return [...links, ...maps].filter((line) => line.includes(path))
  }
  const backend = await openBackend(path)
  expect(held()).not.toEqual([])
  await backend.close()
  expect(held()).toEqual([])
})
