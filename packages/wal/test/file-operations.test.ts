import fs, { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWorkerDisk, openWal } from '@orrery/wal'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createFileOperations } from '../src/file-operations.js'
import { errorOf } from './fixtures.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-files-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

/** Node's file system, except that a call moves a few bytes only. */
const reluctant: typeof fs = {
  ...fs,
  writeSync: ((descriptor: number, bytes: Uint8Array, from: number, length: number, offset: number) =>
    fs.writeSync(descriptor, bytes, from, Math.min(length, 1_000), offset)) as typeof fs.writeSync,
  readSync: ((descriptor: number, bytes: Uint8Array, from: number, length: number, offset: number) =>
    fs.readSync(descriptor, bytes, from, Math.min(length, 700), offset)) as typeof fs.readSync,
}

test('short writes and reads are repeated until everything is there', () => {
  const files = createFileOperations(reluctant)
  const path = join(directory, 'a')
  const bytes = new Uint8Array(10_000).map((_, i) => i % 251)
  files.perform({ type: 'open', path })
  files.perform({ type: 'write', path, offset: 5, bytes })
  files.perform({ type: 'fill', path, offset: 10_005, length: 3_000 })
  const read = files.perform({ type: 'read', path, offset: 5, length: 20_000 })
  files.close()
  expect(read.type === 'read' && Buffer.compare(read.bytes.subarray(0, 10_000), bytes)).toBe(0)
  expect(statSync(path).size).toBe(13_005)
})

test('a file that takes no more bytes is an error, not an endless loop', () => {
  const files = createFileOperations({ ...fs, writeSync: () => 0 })
  const path = join(directory, 'a')
  files.perform({ type: 'open', path })
  expect(() => files.perform({ type: 'write', path, offset: 0, bytes: new Uint8Array(1) })).toThrow()
  files.close()
})

test('files and directories are for their owner alone', async () => {
  const disk = createWorkerDisk()
  const wal = await openWal({ disk, directory: join(directory, 'log') })
  await wal.close()
  await disk.close()
  expect(statSync(join(directory, 'log')).mode & 0o777).toBe(0o700)
  for (const name of fs.readdirSync(join(directory, 'log'))) {
    expect(statSync(join(directory, 'log', name)).mode & 0o777).toBe(0o600)
  }
})

test('symbolic links are not followed', async () => {
  const disk = createWorkerDisk()
  const victim = join(directory, 'victim')
  writeFileSync(victim, 'precious')
  for (const name of ['0000000000000001-0000000000000001.wal', 'LOCK', 'next.wal.tmp']) {
    const log = mkdtempSync(join(directory, 'log-'))
    symlinkSync(victim, join(log, name))
    const opening = openWal({ disk, directory: log })
    if (name === 'next.wal.tmp') {
      await (await opening).close()
    } else {
      const code = name === 'LOCK' ? 'WAL_DISK_FAILED' : 'WAL_CORRUPT'
      expect(await errorOf(opening)).toMatchObject({ code })
    }
    expect(readFileSync(victim, 'utf8')).toBe('precious')
  }
  await disk.close()
})

test('a thread that dies fails what waits and everything later', async () => {
  const disk = createWorkerDisk()
  const path = join(directory, 'a')
  // Not an operation at all: the thread has no answer to it.
  const broken = disk.submit([{ type: 'open', path }, Object.create(null)])
  expect(await errorOf(broken)).toMatchObject({ code: 'WAL_DISK_FAILED' })
  await disk.close()
})
