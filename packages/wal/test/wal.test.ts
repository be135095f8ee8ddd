import { type Wal, openWal } from '@orrery/wal'
import { createSimulatedDisk } from '@orrery/wal/testing'
import { describe, expect, test } from 'vitest'
import { bytes, contents, directory, errorOf, open, segmentsOf, settle, tiny } from './fixtures.ts'

const large = { segmentMaxBytes: 65_536, recordMaxBytes: 4_096, preallocateBytes: 0 }

async function filled(count: number): Promise<{ disk: ReturnType<typeof createSimulatedDisk>; wal: Wal }> {
  const disk = createSimulatedDisk()
  const wal = await open(disk)
  for (let i = 1; i <= count; i++) {
    wal.append(0, bytes(`entry ${i}`))
    await wal.flush()
  }
  return { disk, wal }
}

describe('appending', () => {
  test('entries are there again after the log was closed and opened', async () => {
    const disk = createSimulatedDisk()
    {
      await using wal = await open(disk)
      expect(wal.recovery.state).toBe('created')
      expect([wal.firstIndex, wal.lastIndex]).toEqual([1, 0])
      expect(wal.append(7, bytes('a'))).toBe(1)
      expect(wal.append(255, bytes(''))).toBe(2)
    }
    await using wal = await open(disk)
    expect(wal.recovery).toEqual({ state: 'clean', tornTail: undefined })
    expect([wal.firstIndex, wal.lastIndex, wal.durableIndex]).toEqual([1, 2, 2])
    for await (const batch of wal.read(1)) {
      expect(batch.map(({ index, type, payload }) => [index, type, [...payload]])).toEqual([
        [1, 7, [97]],
        [2, 255, []],
      ])
    }
  })

  test('the payload is copied: the caller may reuse its buffer at once', async () => {
    const { wal } = await filled(0)
    const payload = bytes('before')
    wal.append(0, payload)
    payload.fill(0)
    await wal.flush()
    expect(await contents(wal)).toEqual(['1:before'])
  })

  test('the entries of one turn share one sync', async () => {
    const disk = createSimulatedDisk()
    const durable: number[] = []
    const wal = await open(disk, large, { onDurable: (index) => durable.push(index) })
    const before = disk.counts.syncs
    for (let i = 0; i < 50; i++) wal.append(0, bytes('x'))
    expect(wal.durableIndex).toBe(0)
    await wal.durable(50)
    expect(disk.counts.syncs - before).toBe(1)
    expect(durable).toEqual([50])
  })

  test('what comes while the disk is busy waits for it and then shares one sync', async () => {
    const batches: (() => void)[] = []
    const disk = createSimulatedDisk()
    const { syncs } = await prepared(disk)
    const slow = disk.share({ schedule: (run) => batches.push(run) })
    const opening = open(slow, large)
    const step = async (): Promise<void> => {
      batches.shift()?.()
      await settle()
    }
    while (batches.length > 0) await step()
    const wal = await opening
    wal.append(0, bytes('1'))
    await settle()
    for (let i = 2; i <= 100; i++) {
      wal.append(0, bytes(String(i)))
      await settle()
    }
    expect(batches.length).toBe(1)
    await step()
    expect(wal.durableIndex).toBe(1)
    expect(batches.length).toBe(1)
    await step()
    expect(wal.durableIndex).toBe(100)
    expect(slow.counts.syncs).toBe(2)
    expect(syncs).toBeGreaterThan(0)
  })

  test('what is appended until the host ends its turn shares one sync, answers to the last one included', async () => {
    const disk = createSimulatedDisk()
    const turns: (() => void)[] = []
    const durable: number[] = []
    const wal = await open(disk, large, {
      onDurable: (index) => {
        durable.push(index)
        if (index === 3) wal.append(0, bytes('answer'))
      },
      defer: (callback) => turns.push(callback),
    })
    for (let i = 1; i <= 3; i++) {
      wal.append(0, bytes(String(i)))
      await settle()
    }
    expect([turns.length, wal.durableIndex]).toEqual([1, 0])
    turns.shift()?.()
    wal.append(0, bytes('meanwhile'))
    await settle()
    expect([turns.length, ...durable]).toEqual([1, 3])
    turns.shift()?.()
    await settle()
    expect([turns.length, ...durable]).toEqual([0, 3, 5])
    expect(await contents(wal)).toEqual(['1:1', '2:2', '3:3', '4:meanwhile', '5:answer'])
  })

  test('appendAll never spreads its entries over two records', async () => {
    const disk = createSimulatedDisk()
    const durable: number[] = []
    const wal = await open(disk, large, { onDurable: (index) => durable.push(index) })
    const before = disk.counts.syncs
    const entry = { type: 0, payload: new Uint8Array(600) }
    wal.append(0, new Uint8Array(3_000))
    expect(wal.appendAll([entry, entry, entry])).toBe(4)
    await wal.flush()
    expect(durable).toEqual([1, 4])
    expect(disk.counts.syncs - before).toBe(2)
    expect(wal.appendAll([])).toBe(4)
  })

  test('entries that cannot fit into a record are refused, and nothing is queued', async () => {
    const { wal } = await filled(0)
    const half = { type: 0, payload: new Uint8Array(120) }
    expect(() => wal.append(0, new Uint8Array(256))).toThrow('WAL_ENTRY_TOO_LARGE')
    expect(() => wal.appendAll([half, half])).toThrow('WAL_ENTRY_TOO_LARGE')
    expect(() => wal.append(256, bytes(''))).toThrow(RangeError)
    expect([wal.lastIndex, wal.bufferedBytes]).toEqual([0, 0])
    wal.append(0, new Uint8Array(256 - 48 - 8 - 5))
    await wal.flush()
  })

  test('a full queue refuses until the disk has caught up', async () => {
    const disk = createSimulatedDisk()
    const wal = await open(disk, { ...large, queueMaxBytes: 8_192 })
    const payload = new Uint8Array(1_000)
    let refusal: unknown
    try {
      for (;;) wal.append(0, payload)
    } catch (error) {
      refusal = error
    }
    expect(refusal).toMatchObject({ code: 'WAL_QUEUE_FULL' })
    expect(wal.bufferedBytes).toBeGreaterThan(7_000)
    expect(wal.bufferedBytes).toBeLessThanOrEqual(8_192)
    const { lastIndex } = wal
    await wal.flush()
    expect(wal.bufferedBytes).toBe(0)
    expect(wal.append(0, payload)).toBe(lastIndex + 1)
    await wal.flush()
  })

  test('entries go on over many segments, with zeros prepared ahead or not', async () => {
    for (const preallocateBytes of [0, 300, 520, 5_000]) {
      const disk = createSimulatedDisk()
      const expected: string[] = []
      {
        await using wal = await open(disk, { ...tiny, preallocateBytes })
        for (let i = 1; i <= 200; i++) {
          wal.append(0, bytes(`value ${i}`))
          expected.push(`${i}:value ${i}`)
          if (i % 3 === 0) await wal.flush()
        }
        await wal.flush()
        expect(await contents(wal)).toEqual(expected)
      }
      expect(segmentsOf(disk).length).toBeGreaterThan(10)
      await using wal = await open(disk)
      expect(await contents(wal)).toEqual(expected)
    }
  })

  test('an entry that needs a larger buffer goes in whole, whatever its length', async () => {
    for (let length = 200_000; length < 200_008; length++) {
      await using wal = await open(createSimulatedDisk(), {})
      const payload = new Uint8Array(length).fill(length % 251)
      wal.append(0, payload)
      await wal.flush()
      for await (const [entry] of wal.read(1))
        expect(Buffer.compare(entry?.payload ?? bytes(''), payload)).toBe(0)
    }
  })

  test('no segment becomes longer than it may', async () => {
    for (let segmentMaxBytes = 496; segmentMaxBytes <= 528; segmentMaxBytes += 8) {
      const disk = createSimulatedDisk()
      const wal = await open(disk, { ...tiny, segmentMaxBytes, preallocateBytes: 0 })
      for (let i = 1; i <= 20; i++) {
        wal.append(0, bytes('value'))
        await wal.flush()
      }
      const lengths = [...disk.files().values()].map(({ length }) => length)
      expect(Math.max(...lengths)).toBeLessThanOrEqual(segmentMaxBytes)
      expect(Math.max(...lengths)).toBeGreaterThan(segmentMaxBytes - 64)
    }
  })

  test('zeros lie ahead before a record needs them', async () => {
    const disk = createSimulatedDisk()
    const wal = await open(disk, { ...tiny, preallocateBytes: 1_040 })
    await settle()
    const sizes = [...disk.files()].map(([path, content]) => [path, content.length])
    expect(sizes).toEqual([
      [`${directory}/0000000000000001-0000000000000001.wal`, 520],
      [`${directory}/next.wal.tmp`, 520],
    ])
    await wal.close()
    expect(disk.files().has(`${directory}/next.wal.tmp`)).toBe(false)
  })
})

async function prepared(disk: ReturnType<typeof createSimulatedDisk>): Promise<{ syncs: number }> {
  const wal = await open(disk, large)
  await wal.close()
  return disk.counts
}

describe('waiting', () => {
  test('durable and flush resolve at once when there is nothing to wait for', async () => {
    const { wal } = await filled(3)
    await Promise.all([wal.durable(0), wal.durable(3), wal.flush()])
    expect(await errorOf(wal.durable(4))).toMatchObject({ code: 'WAL_INDEX_OUT_OF_RANGE' })
  })

  test('a wait can be aborted; the entry is written all the same', async () => {
    const { wal } = await filled(0)
    const reason = new Error('enough')
    const controller = new AbortController()
    wal.append(0, bytes('a'))
    const waits = [wal.durable(1, controller), wal.flush(controller), wal.durable(1)]
    controller.abort(reason)
    expect(await errorOf(waits[0] ?? Promise.resolve())).toBe(reason)
    expect(await errorOf(waits[1] ?? Promise.resolve())).toBe(reason)
    wal.append(0, bytes('b'))
    expect(await errorOf(wal.durable(2, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    await waits[2]
    await wal.flush()
    expect(await contents(wal)).toEqual(['1:a', '2:b'])
  })
})

describe('reading', () => {
  test('starts at any index', async () => {
    const { wal } = await filled(60)
    for (const from of [1, 2, 17, 59, 60]) {
      const found = await contents(wal, from)
      expect(found.length).toBe(61 - from)
      expect(found[0]).toBe(`${from}:entry ${from}`)
    }
    expect(await contents(wal, 61)).toEqual([])
    expect(() => wal.read(62)).toThrow('WAL_INDEX_OUT_OF_RANGE')
    expect(() => wal.read(0)).toThrow('WAL_INDEX_OUT_OF_RANGE')
  })

  test('sees the log as it was when the read began', async () => {
    const { wal } = await filled(10)
    const reading = wal.read(1)
    wal.truncateSuffix(4)
    wal.append(0, bytes('later'))
    await wal.flush()
    let last = 0
    for await (const batch of reading) last = batch.at(-1)?.index ?? last
    expect(last).toBe(10)
    expect((await contents(wal)).at(-1)).toBe('5:later')
  })

  test('does not show entries before they are durable', async () => {
    const { wal } = await filled(2)
    wal.append(0, bytes('queued'))
    expect(await contents(wal)).toEqual(['1:entry 1', '2:entry 2'])
    await wal.flush()
  })

  test('comes in batches of bounded size', async () => {
    const disk = createSimulatedDisk()
    const wal = await open(disk, { segmentMaxBytes: 1 << 20, recordMaxBytes: 1 << 19 })
    for (let i = 0; i < 5_000; i++) wal.append(0, bytes('x'))
    await wal.flush()
    const sizes: number[] = []
    for await (const batch of wal.read(1)) sizes.push(batch.length)
    expect(sizes).toEqual([1_024, 1_024, 1_024, 1_024, 904])
  })

  test('fails when its entries are compacted before it gets to them', async () => {
    const { wal } = await filled(60)
    const reading = wal.read(1)
    await wal.compactPrefix(60)
    expect(await errorOf(reading.next())).toMatchObject({ code: 'WAL_INDEX_OUT_OF_RANGE' })
  })
})

describe('truncating', () => {
  test('later entries are gone and their indexes are used again', async () => {
    const { disk, wal } = await filled(30)
    wal.truncateSuffix(12)
    expect([wal.lastIndex, wal.durableIndex]).toEqual([12, 12])
    expect(wal.append(0, bytes('other'))).toBe(13)
    await wal.flush()
    expect((await contents(wal, 12)).slice(-2)).toEqual(['12:entry 12', '13:other'])
    await wal.close()
    await using again = await open(disk)
    expect((await contents(again)).slice(-2)).toEqual(['12:entry 12', '13:other'])
    expect(again.lastIndex).toBe(13)
  })

  test('is durable by itself, with one sync together with the entries of the same turn', async () => {
    const { disk, wal } = await filled(5)
    await settle()
    const before = disk.counts.syncs
    wal.truncateSuffix(0)
    wal.append(0, bytes('new'))
    await wal.flush()
    expect(disk.counts.syncs - before).toBeLessThanOrEqual(2)
    wal.truncateSuffix(0)
    await wal.flush()
    const found = disk.crash({ type: 'nothing' })
    await using again = await open(found)
    expect([again.firstIndex, again.lastIndex]).toEqual([1, 0])
  })

  test('an earlier write that finishes later does not count entries that were replaced', async () => {
    const durable: number[] = []
    const disk = createSimulatedDisk()
    const wal = await open(disk, tiny, { onDurable: (index) => durable.push(index) })
    for (let i = 1; i <= 5; i++) wal.append(0, bytes(`old ${i}`))
    const waits = Promise.allSettled([wal.durable(2), wal.durable(4)])
    await Promise.resolve()
    wal.truncateSuffix(3)
    wal.append(0, bytes('new 4'))
    wal.append(0, bytes('new 5'))
    await wal.flush()
    expect(durable).toEqual([3, 5])
    expect(await waits).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'WAL_TRUNCATED' } }])
    expect(await contents(wal)).toEqual(['1:old 1', '2:old 2', '3:old 3', '4:new 4', '5:new 5'])
  })

  test('a record that still waits does not count entries that were replaced', async () => {
    const durable: number[] = []
    const disk = createSimulatedDisk()
    const wal = await open(disk, large, { onDurable: (index) => durable.push(index) })
    wal.append(0, bytes('in flight'))
    await Promise.resolve()
    for (let i = 2; i <= 5; i++) wal.append(0, bytes(`waiting ${i}`))
    wal.truncateSuffix(3)
    wal.append(0, bytes('new 4'))
    await wal.flush()
    expect(durable).toEqual([1, 3, 4])
  })

  test('keeps within the log', async () => {
    const { wal } = await filled(60)
    await wal.compactPrefix(50)
    expect(wal.firstIndex).toBeGreaterThan(30)
    expect(() => wal.truncateSuffix(wal.firstIndex - 2)).toThrow('WAL_INDEX_OUT_OF_RANGE')
    expect(() => wal.truncateSuffix(61)).toThrow('WAL_INDEX_OUT_OF_RANGE')
    wal.truncateSuffix(60)
    expect(wal.bufferedBytes).toBe(0)
    wal.truncateSuffix(wal.firstIndex - 1)
    await wal.flush()
    expect(await contents(wal)).toEqual([])
    expect(wal.append(0, bytes('next'))).toBe(wal.firstIndex)
    await wal.flush()
    expect((await contents(wal)).length).toBe(1)
  })
})

describe('compacting', () => {
  test('removes the segments that are not needed any more, durably', async () => {
    const { disk, wal } = await filled(100)
    const before = segmentsOf(disk).length
    await wal.compactPrefix(80)
    expect(segmentsOf(disk).length).toBeLessThan(before / 2)
    expect(wal.firstIndex).toBeGreaterThan(60)
    expect(wal.firstIndex).toBeLessThanOrEqual(81)
    const { firstIndex } = wal
    await using again = await open(disk.crash({ type: 'nothing' }))
    expect(again.firstIndex).toBe(firstIndex)
    expect((await contents(again, 81)).length).toBe(20)
  })

  test('of everything leaves an empty log that goes on with the next index', async () => {
    const { disk, wal } = await filled(100)
    await wal.compactPrefix(100)
    await wal.compactPrefix(3)
    expect(segmentsOf(disk).length).toBe(1)
    expect(wal.append(0, bytes('a'))).toBe(101)
    await wal.close()
    await using again = await open(disk)
    expect(again.lastIndex).toBe(101)
  })

  test('takes only what is durable', async () => {
    const { wal } = await filled(3)
    wal.append(0, bytes('queued'))
    expect(await errorOf(wal.compactPrefix(4))).toMatchObject({ code: 'WAL_INDEX_OUT_OF_RANGE' })
    await wal.flush()
  })
})

describe('opening and closing', () => {
  test('the metadata of the creation stays', async () => {
    const { disk, wal } = await filled(0)
    await wal.close()
    const other = createSimulatedDisk()
    const created = await open(other, { ...tiny, metadata: bytes('identity') })
    for (let i = 0; i < 50; i++) {
      created.append(0, bytes('x'))
      await created.flush()
    }
    await created.close()
    await using again = await open(other, { ...tiny, metadata: bytes('another') })
    expect(new TextDecoder().decode(again.metadata)).toBe('identity')
    await using empty = await open(disk)
    expect(empty.metadata.length).toBe(0)
  })

  test('a log that has to be there is not created', async () => {
    const disk = createSimulatedDisk()
    expect(await errorOf(open(disk, { ifMissing: 'fail' }))).toMatchObject({ code: 'WAL_MISSING' })
    const wal = await open(disk)
    await wal.close()
    await using again = await open(disk, { ifMissing: 'fail' })
    expect(again.recovery.state).toBe('clean')
  })

  test('close makes what is queued durable, refuses more, and may be called twice', async () => {
    const { disk, wal } = await filled(0)
    wal.append(0, bytes('last words'))
    const closing = wal.close()
    expect(wal.close()).toBe(closing)
    expect(wal.state).toBe('closed')
    expect(() => wal.append(0, bytes('x'))).toThrow('WAL_CLOSED')
    expect(() => wal.truncateSuffix(0)).toThrow('WAL_CLOSED')
    expect(() => wal.read(1)).toThrow('WAL_CLOSED')
    expect(await errorOf(wal.compactPrefix(0))).toMatchObject({ code: 'WAL_CLOSED' })
    await closing
    await wal.durable(1)
    await using again = await open(disk.crash({ type: 'nothing' }))
    expect(again.recovery.state).toBe('clean')
    expect(await contents(again)).toEqual(['1:last words'])
  })

  test('opening and closing without an entry writes nothing', async () => {
    const { disk, wal } = await filled(3)
    await wal.close()
    const before = disk.files()
    await (await open(disk)).close()
    await (await open(disk)).close()
    expect(disk.files()).toEqual(before)
  })

  test('the mark of a clean close gives way to the next record', async () => {
    const { disk, wal } = await filled(1)
    await wal.close()
    for (let round = 2; round <= 4; round++) {
      const again = await open(disk, { ...tiny, preallocateBytes: 0 })
      again.append(0, bytes(`round ${round}`))
      await again.close()
    }
    await using last = await open(disk)
    expect(await contents(last)).toEqual(['1:entry 1', '2:round 2', '3:round 3', '4:round 4'])
    expect(segmentsOf(disk).length).toBe(1)
  })

  test('a directory is open once, also within one process', async () => {
    const { disk, wal } = await filled(0)
    expect(await errorOf(open(disk))).toMatchObject({ code: 'WAL_LOCKED' })
    expect(await errorOf(open(disk.share()))).toMatchObject({ code: 'WAL_LOCKED' })
    await using other = await openWal({ disk, directory: '/other' })
    expect(other.lastIndex).toBe(0)
    await wal.close()
    await (await open(disk.share())).close()
  })

  test('a failed opening releases the directory', async () => {
    const disk = createSimulatedDisk()
    await errorOf(open(disk, { ifMissing: 'fail' }))
    await (await open(disk)).close()
  })

  test('options that do not agree are refused', async () => {
    const disk = createSimulatedDisk()
    for (const options of [
      { segmentMaxBytes: 100 },
      { segmentMaxBytes: 2 ** 31 },
      { recordMaxBytes: 1.5 },
      { segmentMaxBytes: 1024 },
      { queueMaxBytes: 1024 },
      { preallocateBytes: -1 },
      { metadata: new Uint8Array(5_000) },
    ]) {
      expect(await errorOf(open(disk, options))).toMatchObject({ code: 'WAL_INVALID_OPTION' })
    }
    expect(disk.files().size).toBe(0)
  })

  test('sizes may change from one opening to the next', async () => {
    const { disk, wal } = await filled(20)
    await wal.close()
    const big = await open(disk, large)
    big.append(0, new Uint8Array(3_000))
    await big.close()
    await using small = await open(disk)
    small.append(0, bytes('small again'))
    await small.flush()
    expect((await contents(small)).length).toBe(22)
  })
})
