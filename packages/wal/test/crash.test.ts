import type { Wal } from '@orrery/wal'
import { createRandom } from '@orrery/environment'
import { type DiskFault, type SimulatedDisk, type Survival, createSimulatedDisk } from '@orrery/wal/testing'
import { describe, expect, test } from 'vitest'
import { bytes, contents, directory, errorOf, open, segmentsOf, settle, tiny } from './fixtures.ts'

/** Small enough that the whole history of a log can be crashed at every point. */
const options = { ...tiny, metadata: bytes('id') }

/** A log with `synced` durable entries, and one write that a crash interrupts before its sync. */
async function interrupted(synced: number, last: (wal: Wal) => void): Promise<SimulatedDisk> {
  let armed = false
  const disk = createSimulatedDisk({
    fault: (operation): DiskFault | undefined =>
      armed && operation.type === 'sync' ? { type: 'crash' } : undefined,
  })
  const wal = await open(disk, { ...options, preallocateBytes: 0 })
  for (let i = 1; i <= synced; i++) {
    wal.append(0, bytes(`entry ${i}`))
    await wal.flush()
  }
  armed = true
  last(wal)
  await errorOf(wal.flush())
  return disk
}

/** Opens, checks, appends, and opens once more. Returns what was found first. */
async function recoverAndGoOn(disk: SimulatedDisk): Promise<string[]> {
  const wal = await open(disk, options)
  const found = await contents(wal)
  wal.append(0, bytes('after'))
  await wal.flush()
  const again = await open(disk.crash({ type: 'nothing' }), options)
  expect(await contents(again)).toEqual([...found, `${found.length + 1}:after`])
  await again.close()
  return found
}

describe('a loss of power in the middle of a write', () => {
  test('at every byte of it leaves what was acknowledged, and the write as a whole or not at all', async () => {
    for (const synced of [0, 1, 3, 6, 7]) {
      const disk = await interrupted(synced, (wal) => {
        wal.append(1, bytes('one more entry'))
        wal.append(1, bytes('and another'))
      })
      const acknowledged = Array.from({ length: synced }, (_, i) => `${i + 1}:entry ${i + 1}`)
      const complete = [...acknowledged, `${synced + 1}:one more entry`, `${synced + 2}:and another`]
      const outcomes = new Set<number>()
      for (let length = 0; length <= 160; length++) {
        const found = await recoverAndGoOn(disk.crash({ type: 'prefix', bytes: length }))
        expect(found).toEqual(found.length > synced ? complete : acknowledged)
        outcomes.add(found.length)
      }
      // A write that begins a segment has no name before it is whole.
      expect(outcomes.size).toBe(synced < 6 ? 2 : 1)
    }
  })

  test('is reported with its place, its length and the index that may be lost', async () => {
    const disk = await interrupted(2, (wal) => {
      wal.append(1, bytes('one more entry'))
    })
    const path = segmentsOf(disk)[0]
    const torn = disk.crash({ type: 'prefix', bytes: 50 })
    const wal = await open(torn, options)
    const { state, tornTail } = wal.recovery
    expect(state).toBe('unclean')
    expect(tornTail).toMatchObject({ file: path, bytes: 50, firstLostIndex: 3 })
    expect(tornTail?.offset).toBe(64 + 2 * 64)
  })

  test('is reported until something was written after it', async () => {
    const disk = await interrupted(2, (wal) => {
      wal.append(1, bytes('one more entry'))
    })
    const first = disk.crash({ type: 'prefix', bytes: 50 })
    const { tornTail } = (await open(first, options)).recovery
    expect(tornTail).toBeDefined()
    const second = first.crash({ type: 'nothing' })
    const again = await open(second, options)
    expect(again.recovery.tornTail).toEqual(tornTail)
    await again.close()
    const noted = await open(second, options)
    expect(noted.recovery).toEqual({ state: 'clean', tornTail })
    noted.append(0, bytes('lost and noted'))
    await noted.close()
    expect((await open(second, options)).recovery).toEqual({ state: 'clean', tornTail: undefined })
  })

  test('with any sectors of it on disk leaves it whole or not at all', async () => {
    const random = createRandom(7)
    const disk = await interrupted(1, (wal) => {
      // Crosses two boundaries of sectors.
      wal.append(1, new Uint8Array(190).fill(1))
    })
    const big = await interrupted(1, (wal) => {
      wal.truncateSuffix(0)
      wal.append(1, new Uint8Array(190).fill(1))
    })
    for (let round = 0; round < 50; round++) {
      const kept = await recoverAndGoOn(disk.crash({ type: 'random', random }))
      expect(kept[0]).toBe('1:entry 1')
      const replaced = await recoverAndGoOn(big.crash({ type: 'random', random }))
      expect(replaced.length).toBe(1)
    }
  })

  test('never leaves half of an appendAll', async () => {
    const disk = await interrupted(1, (wal) => {
      wal.truncateSuffix(0)
      wal.appendAll(['a', 'b', 'c'].map((value) => ({ type: 0, payload: bytes(value) })))
    })
    for (let length = 0; length <= 100; length++) {
      const found = await recoverAndGoOn(disk.crash({ type: 'prefix', bytes: length }))
      expect([['1:entry 1'], ['1:a', '2:b', '3:c']]).toContainEqual(found)
    }
  })
})

describe('a loss of power between any two operations of the disk', () => {
  const survivals = (seed: number): Survival[] => [
    { type: 'nothing' },
    { type: 'everything' },
    { type: 'random', random: createRandom(seed) },
  ]

  /** Creates a log, fills segments, truncates, compacts, closes, opens, goes on. */
  async function life(disk: SimulatedDisk, acknowledge: (entries: string[]) => void): Promise<void> {
    const entries: string[] = []
    for (let opening = 0; opening < 2; opening++) {
      const wal = await open(disk, options)
      for (let i = 0; i < 12; i++) {
        const index = wal.append(0, bytes(`entry ${opening}.${i}`))
        entries.push(`${index}:entry ${opening}.${i}`)
        await wal.flush()
        acknowledge([...entries])
        if (i === 8) {
          wal.truncateSuffix(index - 3)
          entries.splice(index - 3)
          await wal.flush()
          acknowledge([...entries])
        }
        if (i === 10) await wal.compactPrefix(index - 4)
      }
      await wal.close()
    }
  }

  test('leaves what was acknowledged, during creation, growth, compaction, closing and recovery', async () => {
    let crashes = 0
    for (let at = 1; ; at++) {
      let acknowledged: string[] = []
      const disk = createSimulatedDisk({
        fault: (_, count) => (count === at ? { type: 'crash' } : undefined),
      })
      const error = await errorOf(life(disk, (entries) => (acknowledged = entries)))
      if (error === undefined) break
      crashes++
      for (const survival of survivals(at)) {
        const found = disk.crash(survival)
        await checkRecovered(found, acknowledged)
        if (survival.type === 'random') await crashDuringRecovery(disk.crash(survival), acknowledged)
      }
    }
    expect(crashes).toBeGreaterThan(100)
  })

  /** Acknowledged entries are there; at most the one that was being written or removed is different. */
  async function checkRecovered(disk: SimulatedDisk, acknowledged: string[]): Promise<void> {
    const wal = await open(disk, options)
    const found = await contents(wal)
    const known = acknowledged.slice(wal.firstIndex - 1)
    const common = found.slice(0, known.length)
    const truncating = known.length - found.length
    expect(truncating === 3 || truncating <= 0).toBe(true)
    expect(common).toEqual(known.slice(0, common.length))
    expect(found.length - known.length).toBeLessThanOrEqual(1)
    wal.append(0, bytes('usable'))
    await wal.flush()
    await wal.close()
  }

  async function crashDuringRecovery(disk: SimulatedDisk, acknowledged: string[]): Promise<void> {
    for (let at = 1; ; at++) {
      const fragile = disk.crash(
        { type: 'everything' },
        { fault: (_, count) => (count === at ? { type: 'crash' } : undefined) },
      )
      const error = await errorOf(open(fragile, { ...options, preallocateBytes: 0 }))
      if (error === undefined) break
      await checkRecovered(fragile.crash({ type: 'random', random: createRandom(at) }), acknowledged)
    }
  }
})

describe('a failed sync that the page cache hides', () => {
  /** The sync of the last of three entries fails; the process ends; the next one reads the page cache. */
  async function phantom(): Promise<SimulatedDisk> {
    let armed = false
    const disk = createSimulatedDisk({
      fault: (operation) =>
        armed && operation.type === 'sync' ? { type: 'error', errno: 'EIO' } : undefined,
    })
    const wal = await open(disk, { ...options, preallocateBytes: 0 })
    for (const value of ['a', 'b', 'c']) {
      armed = value === 'c'
      wal.append(0, bytes(value))
      await errorOf(wal.flush())
    }
    return disk
  }

  test('loses nothing that a later process acknowledges', async () => {
    const disk = (await phantom()).kill()
    const wal = await open(disk, options)
    expect(await contents(wal)).toEqual(['1:a', '2:b', '3:c'])
    const atOnce = await open(disk.crash({ type: 'nothing' }), options)
    expect(await contents(atOnce)).toEqual(['1:a', '2:b', '3:c'])
  })

  test('loses nothing that is appended after it either', async () => {
    const disk = (await phantom()).kill()
    const wal = await open(disk, options)
    wal.append(0, bytes('d'))
    await wal.flush()
    const found = await open(disk.crash({ type: 'nothing' }), options)
    expect(await contents(found)).toEqual(['1:a', '2:b', '3:c', '4:d'])
  })

  test('is met by the process that sees a power loss instead: the entry was never acknowledged', async () => {
    const wal = await open((await phantom()).crash({ type: 'everything' }), options)
    expect(await contents(wal)).toEqual(['1:a', '2:b'])
  })

  test('on closing does not make the mark of the close a trap', async () => {
    let armed = false
    const disk = createSimulatedDisk({
      fault: (operation) =>
        armed && operation.type === 'sync' ? { type: 'error', errno: 'EIO' } : undefined,
    })
    const wal = await open(disk, { ...options, preallocateBytes: 0 })
    wal.append(0, bytes('a'))
    await wal.flush()
    armed = true
    expect(await errorOf(wal.close())).toMatchObject({ code: 'WAL_FAILED' })
    const next = disk.kill()
    const again = await open(next, { ...options, preallocateBytes: 0 })
    again.append(0, bytes('b'))
    await again.flush()
    const found = await open(next.crash({ type: 'nothing' }), options)
    expect(await contents(found)).toEqual(['1:a', '2:b'])
  })
})

describe('the end of the log, after an opening', () => {
  const flat = { ...options, preallocateBytes: 0 }

  /** Entries of 64 bytes on disk each; seven of them fill a segment. */
  async function append(wal: Wal, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      wal.append(0, bytes(`entry ${wal.lastIndex + 1}`))
      await wal.flush()
    }
  }

  test('may be a mark of a clean close that begins a segment: a torn write over it is no damage', async () => {
    const first = createSimulatedDisk()
    const full = await open(first, flat)
    await append(full, 7)
    await full.close()
    expect(segmentsOf(first).length).toBe(2)
    let armed = false
    const disk = first.kill({
      fault: (operation) => (armed && operation.type === 'sync' ? { type: 'crash' } : undefined),
    })
    const wal = await open(disk, flat)
    armed = true
    wal.append(0, bytes('one more entry'))
    await errorOf(wal.flush())
    for (let length = 0; length < 80; length++) {
      expect((await recoverAndGoOn(disk.crash({ type: 'prefix', bytes: length }))).length).toBeGreaterThan(6)
    }
  })

  test('holds no remains of a torn write, wherever they begin', async () => {
    const inBase = createSimulatedDisk()
    await append(await open(inBase, flat), 8)
    const closed = createSimulatedDisk()
    const clean = await open(closed, flat)
    await append(clean, 1)
    await clean.close()
    for (const [ended, end] of [
      [inBase, 128],
      [closed, 176],
    ] as const) {
      for (let into = 0; into < 8; into++) {
        const disk = ended.kill()
        const path = segmentsOf(disk).at(-1) ?? ''
        const junk = new Uint8Array(100).fill(9)
        await disk.submit([{ type: 'write', path, offset: end + into, bytes: junk }])
        const wal = await open(disk, flat)
        expect(wal.recovery).toMatchObject({ state: 'unclean', tornTail: { file: path, offset: end } })
        await append(wal, 1)
        const again = await open(disk.kill(), flat)
        expect(again.recovery).toEqual({ state: 'unclean', tornTail: undefined })
      }
    }
  })

  test('has a durable name, even if the process before failed to give it one', async () => {
    let armed = false
    const disk = createSimulatedDisk({
      fault: (operation) =>
        armed && operation.type === 'syncDirectory' ? { type: 'error', errno: 'EIO' } : undefined,
    })
    const wal = await open(disk, flat)
    await append(wal, 7)
    armed = true
    wal.append(0, bytes('entry 8'))
    await errorOf(wal.flush())
    const next = disk.kill()
    const again = await open(next, flat)
    expect(again.lastIndex).toBe(8)
    await append(again, 1)
    const found = await open(next.crash({ type: 'nothing' }), flat)
    expect(found.lastIndex).toBe(9)
  })

  test('is a whole segment, even if beginning one failed while zeros were on their way into it', async () => {
    let armed = false
    const disk = createSimulatedDisk({
      fault: (operation) =>
        armed && operation.type === 'sync' && operation.path.endsWith('.tmp')
          ? { type: 'error', errno: 'EIO' }
          : undefined,
    })
    const wal = await open(disk, { ...options, preallocateBytes: 64 })
    await append(wal, 4)
    await settle()
    armed = true
    // Too long for the rest of the segment, and nothing is prepared yet.
    wal.append(0, new Uint8Array(190))
    expect(await errorOf(wal.flush())).toMatchObject({ code: 'WAL_FAILED' })
    await settle()
    const again = await open(disk.kill(), flat)
    expect(again.lastIndex).toBe(4)
  })
})

describe('a process that is killed', () => {
  test('leaves a log that goes on without a new segment for every start', async () => {
    let disk = createSimulatedDisk()
    const wal = await open(disk, options)
    wal.append(0, bytes('a'))
    await wal.flush()
    for (let round = 0; round < 5; round++) {
      disk = disk.kill()
      expect(await contents(await open(disk, options))).toEqual(['1:a'])
      await settle()
    }
    // The one with the entry, written once more; the first holds nothing that is needed.
    expect(segmentsOf(disk).length).toBe(1)
  })

  test('leaves no temporary files for ever', async () => {
    const disk = createSimulatedDisk()
    await open(disk, options)
    await settle()
    expect(disk.files().has(`${directory}/next.wal.tmp`)).toBe(true)
    const next = disk.kill()
    await open(next, { ...options, preallocateBytes: 0 })
    expect(next.files().has(`${directory}/next.wal.tmp`)).toBe(false)
  })
})
