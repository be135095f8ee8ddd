import assert from 'node:assert/strict'
import { WalError, type WalErrorDetails } from '../errors.ts'
import type { Disk, DiskOperation } from '../ports.ts'

/** What a case of the suite works on. */
export interface DiskUnderTest {
  /** A new disk over the same files, as another process would have it. The suite closes it. */
  readonly open: () => Disk
  /** An existing directory for the case alone. */
  readonly directory: string
}

/** One law that every {@link Disk} obeys. */
export interface DiskConformanceCase {
  readonly name: string
  /** Rejects with an assertion error when the disk breaks the law. */
  readonly run: (subject: DiskUnderTest) => Promise<void>
}

const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value)

async function readText(disk: Disk, path: string, offset = 0, length = 1024): Promise<string> {
  const [result] = await disk.submit([{ type: 'read', path, offset, length }])
  assert.equal(result?.type, 'read')
  return new TextDecoder().decode(result.bytes)
}

async function detailsOf(work: Promise<unknown>, code: string): Promise<WalErrorDetails> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof WalError, 'the batch has to fail')
  assert.equal(error.code, code)
  return error.details
}

function create(path: string, content: string): DiskOperation[] {
  return [
    { type: 'open', path },
    { type: 'write', path, offset: 0, bytes: text(content) },
    { type: 'sync', path },
  ]
}

async function withDisk(subject: DiskUnderTest, use: (disk: Disk) => Promise<void>): Promise<void> {
  const disk = subject.open()
  try {
    await use(disk)
  } finally {
    await disk.close()
  }
}

function law(
  name: string,
  check: (disk: Disk, subject: DiskUnderTest) => Promise<void>,
): DiskConformanceCase {
  return { name, run: (subject) => withDisk(subject, (disk) => check(disk, subject)) }
}

/** The laws of a disk: run all of them against an implementation. */
export const diskConformance: readonly DiskConformanceCase[] = [
  law('what was written is read, and the buffer comes back', async (disk, { directory }) => {
    const path = `${directory}/a`
    const results = await disk.submit(create(path, 'hello'))
    assert.deepEqual(
      results.map(({ type }) => type),
      ['done', 'write', 'done'],
    )
    assert.ok(results[1]?.type === 'write' && results[1].buffer.byteLength === 5)
    assert.equal(await readText(disk, path), 'hello')
    assert.equal(await readText(disk, path, 1, 3), 'ell')
  }),
  law('the buffer of a write belongs to the disk', async (disk, { directory }) => {
    const bytes = text('mine')
    const done = disk.submit([
      { type: 'open', path: `${directory}/a` },
      { type: 'write', path: `${directory}/a`, offset: 0, bytes },
    ])
    assert.equal(bytes.byteLength, 0)
    await done
  }),
  law('a write behind the end leaves zeros between, and a fill writes them', async (disk, { directory }) => {
    const path = `${directory}/a`
    await disk.submit([...create(path, 'abc'), { type: 'write', path, offset: 5, bytes: text('f') }])
    assert.equal(await readText(disk, path), 'abc\0\0f')
    await disk.submit([{ type: 'fill', path, offset: 1, length: 2 }])
    assert.equal(await readText(disk, path), 'a\0\0\0\0f')
  }),
  law('a fill of any length is complete', async (disk, { directory }) => {
    const path = `${directory}/a`
    const length = 600_001
    await disk.submit([...create(path, 'x'), { type: 'fill', path, offset: 1, length }])
    const [listed] = await disk.submit([{ type: 'list', path: directory }])
    assert.ok(listed?.type === 'list')
    assert.deepEqual(listed.entries, [{ name: 'a', type: 'file', size: length + 1 }])
  }),
  law('opening an existing file keeps its content', async (disk, { directory }) => {
    const path = `${directory}/a`
    await disk.submit([...create(path, 'abc'), { type: 'close', path }, { type: 'open', path }])
    assert.equal(await readText(disk, path), 'abc')
  }),
  law('truncate cuts and extends', async (disk, { directory }) => {
    const path = `${directory}/a`
    await disk.submit([...create(path, 'abcdef'), { type: 'truncate', path, length: 2 }])
    assert.equal(await readText(disk, path), 'ab')
    await disk.submit([{ type: 'truncate', path, length: 4 }])
    assert.equal(await readText(disk, path), 'ab\0\0')
  }),
  law('rename replaces, and the open file goes along', async (disk, { directory }) => {
    const [from, to] = [`${directory}/a`, `${directory}/b`]
    await disk.submit([...create(from, 'new'), ...create(to, 'old'), { type: 'rename', from, to }])
    await disk.submit([{ type: 'write', path: to, offset: 3, bytes: text('er') }])
    await disk.submit([{ type: 'syncDirectory', path: directory }])
    assert.equal(await readText(disk, to), 'newer')
    const { errno } = await detailsOf(readText(disk, from), 'WAL_DISK_FAILED')
    assert.equal(errno, 'ENOENT')
  }),
  law('unlink removes the name, once or twice', async (disk, { directory }) => {
    const path = `${directory}/a`
    await disk.submit([...create(path, 'a'), { type: 'unlink', path }, { type: 'unlink', path }])
    assert.equal((await detailsOf(readText(disk, path), 'WAL_DISK_FAILED')).errno, 'ENOENT')
    await disk.submit(create(path, ''))
    assert.equal(await readText(disk, path), '')
  }),
  law('a batch stops at its first failure; later batches do not', async (disk, { directory }) => {
    const path = `${directory}/a`
    const failing = disk.submit([
      ...create(path, 'a'),
      { type: 'read', path: `${directory}/missing`, offset: 0, length: 1 },
      { type: 'write', path, offset: 0, bytes: text('b') },
    ])
    const next = disk.submit([{ type: 'read', path, offset: 0, length: 1 }])
    assert.equal((await detailsOf(failing, 'WAL_DISK_FAILED')).operation, 3)
    const [result] = await next
    assert.ok(result?.type === 'read')
    assert.deepEqual([...result.bytes], [...text('a')])
  }),
  law('batches are performed in the order of their submission', async (disk, { directory }) => {
    const path = `${directory}/a`
    const batches = [disk.submit(create(path, '0'))]
    for (let i = 1; i < 10; i++) {
      batches.push(disk.submit([{ type: 'write', path, offset: 0, bytes: text(String(i)) }]))
    }
    await Promise.all(batches)
    assert.equal(await readText(disk, path), '9')
  }),
  law('a directory is made with its parents, and again without harm', async (disk, { directory }) => {
    const path = `${directory}/x/y/z`
    await disk.submit([
      { type: 'makeDirectory', path },
      { type: 'makeDirectory', path },
    ])
    await disk.submit([...create(`${path}/a`, 'a'), { type: 'syncDirectory', path }])
    assert.equal(await readText(disk, `${path}/a`), 'a')
    assert.equal(
      (await detailsOf(disk.submit([{ type: 'list', path: `${directory}/no` }]), 'WAL_DISK_FAILED')).errno,
      'ENOENT',
    )
  }),
  law('a lock excludes other disks until it is released or its disk is closed', async (disk, subject) => {
    const path = `${subject.directory}/LOCK`
    const lock = (by: Disk): Promise<unknown> => by.submit([{ type: 'lock', path }])
    await lock(disk)
    await detailsOf(lock(disk), 'WAL_LOCKED')
    await withDisk(subject, async (other) => {
      await detailsOf(lock(other), 'WAL_LOCKED')
      await other.submit([{ type: 'unlock', path }])
      await detailsOf(lock(other), 'WAL_LOCKED')
      await disk.submit([{ type: 'unlock', path }])
      await lock(other)
      await detailsOf(lock(disk), 'WAL_LOCKED')
    })
    await lock(disk)
  }),
  law('a closed disk refuses, and may be closed again', async (disk) => {
    const first = disk.close()
    await detailsOf(disk.submit([]), 'WAL_DISK_FAILED')
    await Promise.all([first, disk.close()])
  }),
]
