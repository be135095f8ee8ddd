import type { DiskOperation, Wal } from '@orrery/wal'
import { type DiskFault, type SimulatedDisk, createSimulatedDisk } from '@orrery/wal/testing'
import { describe, expect, test } from 'vitest'
import { bytes, contents, directory, errorOf, open, segmentsOf, settle, tiny } from './fixtures.ts'

const options = { ...tiny, preallocateBytes: 2 * 64, metadata: bytes('id') }
const headerBytes = 64
/** Of each record, seven of which fill a segment. */
const recordBytes = 64

/** Appends entries one by one, and lets go of each one as soon as it is durable. */
async function appendAndCompact(wal: Wal, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    wal.append(0, bytes(`entry ${wal.lastIndex + 1}`))
    await wal.flush()
    await wal.compactPrefix(wal.lastIndex)
    await settle()
  }
}

interface Watched {
  readonly disk: SimulatedDisk
  readonly operations: DiskOperation[]
  /** Writes that have made a file longer, but for those that begin one. */
  growing: number
  fault: DiskFault | undefined
}

/** A disk that notes what it does, and fails each sync with a fault. */
function watchedDisk(): Watched {
  const operations: DiskOperation[] = []
  const watched: Watched = {
    disk: createSimulatedDisk({
      fault: (operation) => {
        operations.push(operation)
        if (operation.type === 'write' && operation.offset > 0) {
          const { path, offset, bytes: written } = operation
          const length = watched.disk.files().get(path)?.length ?? 0
          if (offset + written.length > length) watched.growing++
        }
        return operation.type === 'sync' ? watched.fault : undefined
      },
    }),
    operations,
    growing: 0,
    fault: undefined,
  }
  return watched
}

/** A log whose last segment, with three records, lies in the file of the first one, which was full. */
async function overOlderOne(): Promise<Watched & { readonly wal: Wal }> {
  const watched = watchedDisk()
  const wal = await open(watched.disk, options)
  await appendAndCompact(wal, 17)
  return Object.assign(watched, { wal })
}

/** The last segment of {@link overOlderOne}. */
function lastOf(disk: SimulatedDisk): string {
  return segmentsOf(disk).at(-1) ?? ''
}

describe('the file of a segment that is not needed any more', () => {
  test('is written over by the segment after the next: nothing is prepared for it', async () => {
    const { disk, operations } = watchedDisk()
    const wal = await open(disk, options)
    await appendAndCompact(wal, 21)
    const first = operations.length
    await appendAndCompact(wal, 70)
    const later = operations.slice(first)
    expect(later.filter(({ type }) => type === 'fill' || type === 'unlink')).toEqual([])
    const files = disk.files()
    expect([...files.keys()].filter((path) => path !== `${directory}/LOCK`).length).toBe(2)
    expect(files.get(lastOf(disk))?.length).toBe(files.get(`${directory}/next.wal.tmp`)?.length)
  })

  test('is removed where nothing is to be prepared', async () => {
    const { disk, operations } = watchedDisk()
    const wal = await open(disk, { ...options, preallocateBytes: 0 })
    await appendAndCompact(wal, 21)
    expect(operations.filter(({ type }) => type === 'unlink').length).toBe(2)
    expect(disk.files().has(`${directory}/next.wal.tmp`)).toBe(false)
  })

  test('is removed when the log is closed', async () => {
    const { disk, wal } = await overOlderOne()
    await wal.close()
    expect(disk.files().has(`${directory}/next.wal.tmp`)).toBe(false)
  })

  test('is removed where another one, as long, waits already', async () => {
    const { disk, operations } = watchedDisk()
    const wal = await open(disk, options)
    for (let i = 1; i <= 36; i++) {
      wal.append(0, bytes(`entry ${i}`))
      await wal.flush()
    }
    await settle()
    await wal.compactPrefix(36)
    await settle()
    expect(operations.filter(({ type }) => type === 'unlink').length).toBe(4)
    await appendAndCompact(wal, 20)
    expect(await contents(wal)).toEqual(expectedFrom(50, 56))
  })
})

describe('the file of a segment that is not needed any more, on its way', () => {
  test('is not written to before its old name is known to be gone', async () => {
    let syncs = 0
    const disk = createSimulatedDisk({
      fault: (operation): DiskFault | undefined => {
        if (operation.type !== 'syncDirectory' || syncs === 0) return undefined
        return --syncs === 1 ? { type: 'error', errno: 'EIO' } : { type: 'crash' }
      },
    })
    const wal = await open(disk, options)
    for (let i = 1; i <= 12; i++) {
      wal.append(0, bytes(`entry ${i}`))
      await wal.flush()
      await settle()
    }
    syncs = 2
    // The file is on its way while the next segment begins.
    const compacted = errorOf(wal.compactPrefix(wal.durableIndex))
    wal.append(0, new Uint8Array(190))
    await errorOf(wal.flush())
    await compacted
    for (const type of ['nothing', 'everything'] as const) {
      const again = await open(disk.crash({ type }), options)
      expect(await contents(again)).toEqual(expect.arrayContaining(expectedFrom(8, 12)))
    }
  })

  test('is removed where it is longer than segments may be now', async () => {
    const disk = createSimulatedDisk()
    const long = await open(disk, { ...options, segmentMaxBytes: 4_096 })
    await appendAndCompact(long, 100)
    await long.close()
    const wal = await open(disk, options)
    await appendAndCompact(wal, 30)
    const lengths = [...disk.files().values()].map(({ length }) => length)
    expect(Math.max(...lengths)).toBeLessThanOrEqual(520)
  })

  test('gets zeros ahead of the records where it is shorter than segments may be now', async () => {
    const watched = watchedDisk()
    const { disk } = watched
    const short = await open(disk, options)
    await appendAndCompact(short, 5)
    await short.close()
    const wal = await open(disk, { ...options, segmentMaxBytes: 2_048, recordMaxBytes: 2_000 - 64 })
    // Does not fit into the first segment any more.
    wal.append(0, new Uint8Array(1_800))
    await wal.flush()
    await settle()
    await wal.compactPrefix(wal.lastIndex)
    await settle()
    expect(disk.files().get(`${directory}/next.wal.tmp`)?.length).toBe(520)
    const { growing } = watched
    await appendAndCompact(wal, 70)
    expect(watched.growing).toBe(growing)
  })
})

describe('over what an older segment has left', () => {
  test('a log ends where it ends, however its process does', async () => {
    const { disk } = await overOlderOne()
    const unclean = { state: 'unclean', tornTail: undefined }
    const killed = await open(disk.kill(), options)
    expect(killed.recovery).toEqual(unclean)
    expect(await contents(killed)).toEqual(expectedFrom(15, 17))
    const lost = await open(disk.crash({ type: 'nothing' }), options)
    expect(lost.recovery).toEqual(unclean)
    expect(await contents(lost)).toEqual(expectedFrom(15, 17))
    const closed = await overOlderOne()
    await closed.wal.close()
    const again = await open(closed.disk, options)
    expect(again.recovery).toEqual({ state: 'clean', tornTail: undefined })
    expect(await contents(again)).toEqual(expectedFrom(15, 17))
  })

  test('a loss of power at every byte of a write leaves it whole or not at all', async () => {
    const watched = await overOlderOne()
    const { disk, wal } = watched
    watched.fault = { type: 'crash' }
    wal.appendAll([
      { type: 1, payload: bytes('one more entry') },
      { type: 1, payload: bytes('and another') },
    ])
    await errorOf(wal.flush())
    const complete = [...expectedFrom(15, 17), '18:one more entry', '19:and another']
    const outcomes = new Set<string>()
    for (let length = 0; length <= 110; length++) {
      const found = await open(disk.crash({ type: 'prefix', bytes: length }), options)
      const entries = await contents(found)
      const { tornTail } = found.recovery
      expect(entries).toEqual(entries.length > 3 ? complete : expectedFrom(15, 17))
      if (entries.length === 3) expect(tornTail === undefined).toBe(length === 0)
      outcomes.add(`${entries.length} ${tornTail === undefined ? 'whole' : 'torn'}`)
      found.append(0, bytes('after'))
      await found.flush()
      await found.close()
    }
    expect([...outcomes].sort()).toEqual(['3 torn', '3 whole', '5 torn', '5 whole'])
  })

  test('a changed bit is found: in the last record it looks like a torn write, before it it is damage', async () => {
    const { disk } = await overOlderOne()
    const killed = disk.kill()
    const path = lastOf(killed)
    for (let at = 0; at < headerBytes + 2 * recordBytes; at++) {
      const damaged = killed.kill()
      damaged.flipBits(path, at, 0x80 >> (at % 8))
      expect(await errorOf(open(damaged, options))).toMatchObject({
        code: 'WAL_CORRUPT',
        details: { file: path, offset: at < headerBytes ? 0 : at - (at % recordBytes) },
      })
    }
    const start = headerBytes + 2 * recordBytes
    for (let at = start; at < start + recordBytes; at++) {
      const damaged = killed.kill()
      damaged.flipBits(path, at, 4)
      const { recovery } = await open(damaged, options)
      expect(recovery).toMatchObject({
        state: 'unclean',
        tornTail: { file: path, offset: start, firstLostIndex: 17 },
      })
    }
  })

  test('a record that the disk has lost again is found when a later one is there', async () => {
    const { disk } = await overOlderOne()
    const killed = disk.kill()
    const path = lastOf(killed)
    const second = headerBytes + recordBytes
    // What was there before: the mark of the end that the first record has brought, and the older segment.
    const older = new Uint8Array(recordBytes).fill(7)
    older.set(await markBehindFirst())
    await killed.submit([{ type: 'write', path, offset: second, bytes: older }])
    const error = await errorOf(open(killed, options))
    expect(error).toMatchObject({ code: 'WAL_CORRUPT', details: { file: path, offset: second } })
  })
})

test('a log from before there was a mark of the end ends in zeros', async () => {
  const disk = createSimulatedDisk()
  const wal = await open(disk, options)
  wal.append(0, bytes('entry 1'))
  await wal.flush()
  await settle()
  const killed = disk.kill()
  const path = lastOf(killed)
  await killed.submit([{ type: 'fill', path, offset: headerBytes + recordBytes, length: 8 }])
  const again = await open(killed, options)
  expect(again.recovery).toEqual({ state: 'unclean', tornTail: undefined })
  expect(await contents(again)).toEqual(['1:entry 1'])
})

function expectedFrom(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}:entry ${from + i}`)
}

/** The mark that stood behind the first record of the last segment of {@link overOlderOne}. */
async function markBehindFirst(): Promise<Uint8Array> {
  const { disk } = watchedDisk()
  const wal = await open(disk, options)
  await appendAndCompact(wal, 15)
  const end = headerBytes + recordBytes
  return (
    disk
      .files()
      .get(lastOf(disk))
      ?.slice(end, end + 8) ?? new Uint8Array()
  )
}
