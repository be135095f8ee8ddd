import { createManualEnvironment } from '@orrery/environment/testing'
import { lmdbErrorCodes, openLmdbBackend } from '@orrery/mvcc-lmdb'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { contentsOf, freshPath, metaOf, openBackend, recordOf } from './support.ts'

test('a write is durable when it was sealed and lingered, not before', async () => {
  const environment = createManualEnvironment()
  const backend = await openBackend(freshPath(), { lingerMaxMs: 100 }, environment)
  const durable = new Promise<number>((resolve) => (backend.onDurable = resolve))

  backend.put(1, 0, false, recordOf(1))
  backend.seal(17)
  environment.clock.advance(99)
  expect(backend.pendingBytes).toBeGreaterThan(0)
  environment.clock.advance(1)

  expect(await durable).toBe(17)
  expect(backend.durableIndex).toBe(17)
  expect(backend.pendingBytes).toBe(0)
  expect(environment.clock.pending).toBe(0)
})

test('a batch that lingered without a seal goes at the next seal', async () => {
  const environment = createManualEnvironment()
  const backend = await openBackend(freshPath(), {}, environment)
  const durable = new Promise<number>((resolve) => (backend.onDurable = resolve))

  backend.put(1, 0, false, recordOf(1))
  environment.clock.advance(100)
  backend.put(1, 1, false, recordOf(1, 1))
  backend.seal(1)

  expect(await durable).toBe(1)
})

test('a full batch does not wait', async () => {
  const environment = createManualEnvironment()
  for (const options of [{ batchMaxOperations: 2 }, { batchMaxBytes: 100 }]) {
    const backend = await openBackend(freshPath(), options, environment)
    const durable = new Promise<number>((resolve) => (backend.onDurable = resolve))
    backend.put(1, 0, false, recordOf(1))
    backend.put(1, 1, false, recordOf(1, 1))
    backend.seal(4)
    expect(await durable).toBe(4)
  }
})

test('an index without writes becomes durable too', async () => {
  const path = freshPath()
  const backend = await openBackend(path)
  backend.seal(8)
  await backend.flush()
  await backend.close()

  expect((await openBackend(path)).durableIndex).toBe(8)
})

test('what follows the last seal is readable, but neither flushed nor kept', async () => {
  const path = freshPath()
  const backend = await openBackend(path)
  backend.put(1, 0, false, recordOf(1))
  backend.setMeta('a', Buffer.from('sealed'))
  backend.seal(1)
  backend.put(2, 0, false, recordOf(2))
  backend.delete(1, 0, false)
  backend.setMeta('a', Buffer.from('open'))
  await backend.flush()
  expect(contentsOf(backend)).toHaveLength(1)
  expect(backend.get(2, 0)).toEqual(recordOf(2))
  expect(metaOf(backend)).toEqual([['a', 'open']])
  await backend.close()

  const reopened = await openBackend(path)
  expect(reopened.durableIndex).toBe(1)
  expect(reopened.get(1, 0)).toEqual(recordOf(1))
  expect(() => reopened.get(2, 0)).toThrow('no revision 2/0')
  expect(metaOf(reopened)).toEqual([['a', 'sealed']])
})

test('a flush with nothing to do resolves, also twice and at the same time', async () => {
  const backend = await openBackend(freshPath())
  await backend.flush()
  backend.put(1, 0, false, recordOf(1))
  await backend.flush()
  backend.seal(1)
  await Promise.all([backend.flush(), backend.flush()])
  expect(backend.durableIndex).toBe(1)
})

test('durable indexes are reported in order, up to the last', async () => {
  const backend = await openBackend(freshPath(), { batchMaxOperations: 3 })
  const reported: number[] = []
  backend.onDurable = (index) => reported.push(index)
  for (let main = 1; main <= 100; main++) {
    backend.put(main, 0, false, recordOf(main))
    backend.seal(main)
  }
  await backend.flush()

  expect(reported).toEqual([...reported].sort((a, b) => a - b))
  expect(reported.at(-1)).toBe(100)
})

test('a batch that is due while another is written grows instead of queueing', async () => {
  const backend = await openBackend(freshPath())
  let durable = 0
  backend.onDurable = () => durable++
  const flushes: Promise<void>[] = []
  for (let main = 1; main <= 50; main++) {
    backend.put(main, 0, false, recordOf(main))
    backend.seal(main)
    flushes.push(backend.flush())
  }
  await Promise.all(flushes)

  expect(durable).toBe(2)
})

test('a record that was read stays what it was while others are read and written', async () => {
  const backend = await openBackend(freshPath())
  for (let main = 1; main <= 300; main++) backend.put(main, 0, false, recordOf(main, 0, main * 20))
  backend.seal(1)
  await backend.flush()
  const kept = Array.from({ length: 300 }, (_, i) => backend.get(i + 1, 0))
  for (let main = 1; main <= 300; main++) backend.delete(main, 0, false)
  backend.seal(2)
  await backend.flush()

  kept.forEach((record, i) => {
    expect(Buffer.compare(record, recordOf(i + 1, 0, (i + 1) * 20))).toBe(0)
  })
})

test('what has just become durable is read at once, whatever was read just before', async () => {
  const backend = await openBackend(freshPath())
  backend.put(1, 0, false, recordOf(1))
  backend.seal(1)
  await backend.flush()
  for (let main = 2; main <= 40; main++) {
    backend.put(main, 0, false, recordOf(main))
    backend.seal(main)
    let seen: Uint8Array | undefined
    backend.onDurable = () => {
      seen = backend.get(main, 0)
    }
    const flushed = backend.flush()
    // Each of these reads takes a snapshot of LMDB that is older than the commit under way.
    while (seen === undefined) {
      expect(backend.get(1, 0)).toEqual(recordOf(1))
      await nextTurn()
    }
    await flushed
    expect(seen).toEqual(recordOf(main))
  }
})

test('a visitor may read other revisions', async () => {
  const backend = await openBackend(freshPath())
  for (let main = 1; main <= 20; main++) backend.put(main, 0, false, recordOf(main))
  backend.seal(1)
  await backend.flush()
  for (let main = 21; main <= 40; main++) backend.put(main, 0, false, recordOf(main))

  const seen: number[] = []
  backend.scan(1, 0, (main, sub, _tombstone, record) => {
    expect(backend.get(41 - main, 0)).toEqual(recordOf(41 - main))
    expect(new Uint8Array(record)).toEqual(recordOf(main, sub))
    seen.push(main)
    return true
  })
  expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
})

test('a visitor that throws ends the scan and harms nothing', async () => {
  const backend = await openBackend(freshPath())
  backend.put(1, 0, false, recordOf(1))
  backend.seal(1)
  await backend.flush()
  expect(() => {
    backend.scan(1, 0, () => {
      throw new Error('enough')
    })
  }).toThrow('enough')
  expect(contentsOf(backend)).toHaveLength(1)
})

test('records may be large, up to the stated limit', async () => {
  const path = freshPath()
  const backend = await openBackend(path)
  const large = new Uint8Array(16 * 1024 * 1024 - 64).fill(3)
  backend.put(1, 0, false, large)
  expect(() => {
    backend.put(2, 0, false, new Uint8Array(large.length + 1))
  }).toThrow('LMDB_RECORD_TOO_LARGE')
  backend.seal(1)
  await backend.close()

  expect(Buffer.compare((await openBackend(path)).get(1, 0), large)).toBe(0)
})

test('sizes grow with data, and space in use falls when data is deleted', async () => {
  const backend = await openBackend(freshPath())
  for (let main = 1; main <= 2_000; main++) backend.put(main, 0, false, recordOf(main, 0, 256))
  backend.seal(1)
  await backend.flush()
  const { sizeBytes, sizeInUseBytes } = backend
  expect(sizeInUseBytes).toBeGreaterThan(2_000 * 256)
  expect(sizeBytes).toBeGreaterThanOrEqual(sizeInUseBytes)
  for (let main = 1; main <= 2_000; main++) backend.delete(main, 0, false)
  backend.seal(2)
  await backend.flush()

  expect(backend.sizeInUseBytes).toBeLessThan(100_000)
  expect(backend.sizeBytes).toBeGreaterThanOrEqual(sizeBytes)
})

test('an index that goes back, or a name that is not ASCII, is a bug of the caller', async () => {
  const backend = await openBackend(freshPath())
  backend.seal(5)
  expect(() => {
    backend.seal(4)
  }).toThrow('index 4 is sealed after 5')
  expect(() => {
    backend.setMeta('ü', new Uint8Array(1))
  }).toThrow('ASCII')
})

test('options out of range are refused', async () => {
  const parts = { path: freshPath(), environment: createManualEnvironment() }
  for (const options of [{ batchMaxOperations: 0 }, { lingerMaxMs: -1 }, { mapMaxBytes: 1_000 }]) {
    await expect(openLmdbBackend(parts, options)).rejects.toThrow(RangeError)
  }
})

test('every error code carries the prefix of the package', () => {
  for (const code of lmdbErrorCodes) expect(code).toMatch(/^LMDB_[A-Z_]+$/)
})
