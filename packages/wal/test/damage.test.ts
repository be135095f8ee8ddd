import { WalError } from '@orrery/wal'
import { type SimulatedDisk, createSimulatedDisk } from '@orrery/wal/testing'
import { describe, expect, test } from 'vitest'
import { bytes, contents, directory, errorOf, open, segmentsOf, tiny } from './fixtures.ts'

const options = { ...tiny, preallocateBytes: 0, metadata: bytes('who') }
const headerBytes = 64
const recordBytes = 64

/** Three segments of records of 64 bytes each; the last one holds three. Closed, unless killed. */
async function threeSegments(end: 'closed' | 'killed'): Promise<SimulatedDisk> {
  const disk = createSimulatedDisk()
  const wal = await open(disk, options)
  for (let i = 1; i <= 17; i++) {
    wal.append(3, bytes(`entry ${i}`))
    await wal.flush()
  }
  if (end === 'killed') return disk.kill()
  await wal.close()
  return disk
}

/** Opening fails, with file and offset, and leaves every file as it was. */
async function expectRefused(
  disk: SimulatedDisk,
  expected: { code?: string; file?: string | undefined; offset?: number },
): Promise<WalError> {
  const before = disk.files()
  const error = await errorOf(open(disk, options))
  expect(error).toBeInstanceOf(WalError)
  if (!(error instanceof WalError)) throw new Error('unreachable')
  const { file, offset } = error.details
  expect({ code: error.code, file, offset }).toEqual({ code: 'WAL_CORRUPT', file, offset, ...expected })
  expect(file).toBeDefined()
  expect(offset).toBeDefined()
  expect(error.message).toContain(String(file))
  expect(disk.files()).toEqual(before)
  return error
}

/** Independent copies of a disk. */
function copyOf(disk: SimulatedDisk): SimulatedDisk {
  return disk.kill()
}

describe('a changed bit', () => {
  test('anywhere in a segment that is not the last is found, at the start of its record', async () => {
    const disk = await threeSegments('closed')
    const [first, second] = segmentsOf(disk)
    for (const [file, step] of [
      [first, 1],
      [second, 7],
    ] as const) {
      for (let at = 0; at < headerBytes + 7 * recordBytes; at += step) {
        const damaged = copyOf(disk)
        damaged.flipBits(file ?? '', at, 1 << (at % 8))
        const inHeader = at < headerBytes
        const offset = inHeader ? 0 : at - (at % recordBytes)
        await expectRefused(damaged, { file, offset })
      }
    }
  })

  test('in the last segment is found when a later record proves that it was durable', async () => {
    const disk = await threeSegments('killed')
    const last = segmentsOf(disk).at(-1)
    for (let at = 0; at < headerBytes + 2 * recordBytes; at++) {
      const damaged = copyOf(disk)
      damaged.flipBits(last ?? '', at, 0x80 >> (at % 8))
      const offset = at < headerBytes ? 0 : at - (at % recordBytes)
      await expectRefused(damaged, { file: last, offset })
    }
  })

  test('in the last record is found when the log was closed', async () => {
    const disk = await threeSegments('closed')
    const last = segmentsOf(disk).at(-1)
    const start = headerBytes + 2 * recordBytes
    for (let at = start; at < start + recordBytes; at++) {
      const damaged = copyOf(disk)
      damaged.flipBits(last ?? '', at, 4)
      await expectRefused(damaged, { file: last, offset: start })
    }
  })

  test('in the last record of a log that was not closed looks like a torn write, and is reported', async () => {
    const disk = await threeSegments('killed')
    const last = segmentsOf(disk).at(-1)
    const start = headerBytes + 2 * recordBytes
    for (let at = start; at < start + recordBytes; at++) {
      const damaged = copyOf(disk)
      damaged.flipBits(last ?? '', at, 4)
      const wal = await open(damaged, options)
      expect(wal.recovery).toMatchObject({
        state: 'unclean',
        tornTail: { file: last, offset: start, firstLostIndex: 17 },
      })
      expect((await contents(wal)).length).toBe(16)
    }
  })

  test('in the first record of a segment is damage, for it was durable before the segment had its name', async () => {
    const disk = createSimulatedDisk()
    const wal = await open(disk, options)
    for (let i = 1; i <= 8; i++) {
      wal.append(3, bytes(`entry ${i}`))
      await wal.flush()
    }
    const killed = disk.kill()
    const last = segmentsOf(killed).at(-1)
    killed.flipBits(last ?? '', headerBytes + 50, 1)
    await expectRefused(killed, { file: last, offset: headerBytes })
  })
})

describe('a file of the wrong length', () => {
  test('that is not the last is refused, whatever its length', async () => {
    const disk = await threeSegments('closed')
    const path = segmentsOf(disk)[0] ?? ''
    for (let length = 0; length < headerBytes + 7 * recordBytes; length += 3) {
      const damaged = copyOf(disk)
      await damaged.submit([{ type: 'truncate', path, length }])
      await expectRefused(damaged, { file: path })
    }
  })

  test('that is the last is cut to whole records, but never into its beginning', async () => {
    const disk = await threeSegments('killed')
    const path = segmentsOf(disk).at(-1) ?? ''
    for (let length = 0; length <= headerBytes + 3 * recordBytes; length++) {
      const damaged = copyOf(disk)
      await damaged.submit([{ type: 'truncate', path, length }])
      if (length < headerBytes + recordBytes) {
        await expectRefused(damaged, { file: path })
      } else {
        const wal = await open(damaged, options)
        expect(wal.lastIndex).toBe(14 + Math.floor((length - headerBytes) / recordBytes))
      }
    }
  })

  test('of more than any segment may have is refused before it is read', async () => {
    const disk = await threeSegments('closed')
    const real = disk.submit.bind(disk)
    const reads: number[] = []
    const path = segmentsOf(disk)[1] ?? ''
    const lying = Object.assign(disk, {
      submit: async (operations: Parameters<typeof real>[0]) => {
        for (const operation of operations) if (operation.type === 'read') reads.push(operation.length)
        const results = await real(operations)
        return results.map((result) =>
          result.type === 'list'
            ? {
                ...result,
                entries: result.entries.map((entry) =>
                  path.endsWith(entry.name) ? { ...entry, size: 2 ** 40 } : entry,
                ),
              }
            : result,
        )
      },
    })
    await expectRefused(lying, { file: path })
    expect(Math.max(...reads)).toBeLessThanOrEqual(1024 * 1024)
  })

  test('or a record that claims an enormous length is refused without allocating it', async () => {
    for (const claimed of [0xff_ff_ff_ff, 0x80_00_00_00, 0x10_00_00_00, 1024]) {
      const disk = await threeSegments('closed')
      const path = segmentsOf(disk)[0] ?? ''
      const length = new Uint8Array(4)
      new DataView(length.buffer).setUint32(0, claimed, true)
      await disk.submit([{ type: 'write', path, offset: headerBytes + 32, bytes: length }])
      await expectRefused(disk, { file: path, offset: headerBytes })
    }
  })
})

describe('a directory that is not whole', () => {
  test('because a segment between others is missing is refused', async () => {
    const disk = await threeSegments('closed')
    const [, second, third] = segmentsOf(disk)
    await disk.submit([{ type: 'unlink', path: second ?? '' }])
    const error = await expectRefused(disk, { file: third, offset: 0 })
    expect(error.message).toContain('segment 2 is missing')
  })

  test('because a segment was replaced by another one is refused', async () => {
    const disk = await threeSegments('closed')
    const [first, second] = segmentsOf(disk)
    const content =
      disk
        .files()
        .get(first ?? '')
        ?.slice() ?? new Uint8Array()
    await disk.submit([{ type: 'write', path: second ?? '', offset: 0, bytes: content }])
    await expectRefused(disk, { file: second, offset: 0 })
  })

  test('because a segment of another log with the same history is in its place is refused', async () => {
    const disk = await threeSegments('closed')
    const other = createSimulatedDisk()
    const wal = await open(other, options)
    for (let i = 1; i <= 17; i++) {
      wal.append(3, bytes(`other ${i}`))
      await wal.flush()
    }
    await wal.close()
    const path = segmentsOf(disk)[1] ?? ''
    const content = other.files().get(path)?.slice() ?? new Uint8Array()
    await disk.submit([{ type: 'write', path, offset: 0, bytes: content }])
    await expectRefused(disk, { file: path, offset: 0 })
  })

  test('because a record was replaced by an older one of the same place is refused', async () => {
    const disk = await threeSegments('closed')
    const [first, second] = segmentsOf(disk)
    const start = headerBytes + 2 * recordBytes
    const stale =
      disk
        .files()
        .get(first ?? '')
        ?.slice(start, start + recordBytes) ?? new Uint8Array()
    await disk.submit([{ type: 'write', path: second ?? '', offset: start, bytes: stale }])
    await expectRefused(disk, { file: second, offset: start })
  })

  test('because a record follows another history is refused', async () => {
    const write = async (values: readonly string[]): Promise<SimulatedDisk> => {
      const disk = createSimulatedDisk()
      const wal = await open(disk, options)
      for (const value of values) {
        wal.append(0, bytes(value))
        await wal.flush()
      }
      return disk.kill()
    }
    const disk = await write(['one', 'two', 'three'])
    const path = segmentsOf(disk)[0] ?? ''
    const start = headerBytes + recordBytes - 8
    const foreign = (await write(['uno', 'two', 'three'])).files().get(path)?.slice(start) ?? new Uint8Array()
    await disk.submit([{ type: 'write', path, offset: start, bytes: foreign }])
    const error = await expectRefused(disk, { file: path, offset: start })
    expect(error.message).toContain('does not follow')
  })

  test('because a file has the name of a segment but is none is refused', async () => {
    const disk = await threeSegments('closed')
    for (const name of ['1.wal', '0000000000000004-0000000000000012.wal']) {
      const other = copyOf(disk)
      await other.submit([{ type: 'open', path: `${directory}/${name}` }])
      await expectRefused(other, { file: `${directory}/${name}`, offset: 0 })
    }
  })

  test('but foreign files are left alone', async () => {
    const disk = await threeSegments('closed')
    await disk.submit([{ type: 'open', path: `${directory}/notes.txt` }])
    await (await open(disk, options)).close()
    expect(disk.files().has(`${directory}/notes.txt`)).toBe(true)
  })
})

test('a payload that looks like a record does not make a torn write fatal', async () => {
  const disk = createSimulatedDisk()
  const wal = await open(disk, { segmentMaxBytes: 4_096, recordMaxBytes: 2_048, preallocateBytes: 0 })
  wal.append(0, bytes('a'))
  await wal.flush()
  const path = segmentsOf(disk)[0] ?? ''
  const record =
    disk
      .files()
      .get(path)
      ?.subarray(56, 56 + 56) ?? new Uint8Array()
  const payload = new Uint8Array(600)
  // Claims to lie exactly where it does; only the checksum, which nobody can foresee, is wrong.
  const offset = 56 + 56 + 48 + 8
  payload.set(record, 3)
  new DataView(payload.buffer).setUint32(3 + 36, offset, true)
  wal.append(0, payload)
  await wal.flush()
  const killed = disk.kill()
  killed.flipBits(path, 56 + 56 + 500, 1)
  const again = await open(killed)
  expect(again.recovery.tornTail).toMatchObject({ offset: 112, firstLostIndex: 2 })
})

test('damage that appears while the log is open is found by the next read', async () => {
  const disk = createSimulatedDisk()
  const wal = await open(disk, options)
  wal.append(0, bytes('entry'))
  await wal.flush()
  const path = segmentsOf(disk)[0] ?? ''
  disk.flipBits(path, headerBytes + 55, 1)
  expect(await errorOf(wal.read(1).next())).toMatchObject({
    code: 'WAL_CORRUPT',
    details: { file: path, offset: headerBytes },
  })
})
