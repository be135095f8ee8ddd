import { createManualEnvironment } from '@orrery/environment/testing'
import type { DiskOperation, WalError } from '@orrery/wal'
import { type DiskFault, createSimulatedDisk } from '@orrery/wal/testing'
import { describe, expect, test } from 'vitest'
import { bytes, contents, errorOf, open, segmentsOf, settle, tiny } from './fixtures.ts'

/** A disk whose faults a test arms. */
function fragileDisk() {
  const faults: { when: ((operation: DiskOperation) => DiskFault | undefined) | undefined } = {
    when: undefined,
  }
  const disk = createSimulatedDisk({ fault: (operation) => faults.when?.(operation) })
  return { disk, faults }
}

const eio =
  (type: DiskOperation['type']) =>
  (operation: DiskOperation): DiskFault | undefined =>
    operation.type === type ? { type: 'error', errno: 'EIO' } : undefined

describe('the first failure', () => {
  test.each(['write', 'sync'] as const)(
    'of a %s fails everything that waits and everything later',
    async (type) => {
      const { disk, faults } = fragileDisk()
      const failures: WalError[] = []
      const durable: number[] = []
      const wal = await open(
        disk,
        { ...tiny, preallocateBytes: 0 },
        {
          onFailure: (error) => failures.push(error),
          onDurable: (index) => durable.push(index),
        },
      )
      wal.append(0, bytes('safe'))
      await wal.flush()
      faults.when = eio(type)
      wal.append(0, bytes('lost'))
      const waits = [wal.durable(2), wal.flush()]
      await Promise.resolve()
      wal.append(0, bytes('queued behind'))
      for (const wait of [...waits, wal.durable(3)]) {
        expect(await errorOf(wait)).toMatchObject({
          code: 'WAL_FAILED',
          cause: { code: 'WAL_DISK_FAILED' },
          details: { errno: 'EIO' },
        })
      }
      faults.when = undefined
      expect(wal.state).toBe('failed')
      expect(() => wal.append(0, bytes('x'))).toThrow('WAL_FAILED')
      expect(() => wal.appendAll([])).toThrow('WAL_FAILED')
      expect(() => wal.truncateSuffix(0)).toThrow('WAL_FAILED')
      expect(() => wal.read(1)).toThrow('WAL_FAILED')
      for (const call of [wal.durable(1), wal.flush(), wal.compactPrefix(0)]) {
        expect(await errorOf(call)).toBe(failures[0])
      }
      expect(failures.length).toBe(1)
      expect(durable).toEqual([1])
      const { syncs, writes } = disk.counts
      await wal.close()
      expect(disk.counts).toMatchObject({ syncs, writes })
    },
  )

  test('while a segment begins leaves no segment behind', async () => {
    for (const type of ['open', 'write', 'sync', 'rename', 'syncDirectory'] as const) {
      const { disk, faults } = fragileDisk()
      const wal = await open(disk, { ...tiny, preallocateBytes: 0 })
      const expected: string[] = []
      for (let i = 1; i <= 7; i++) {
        wal.append(0, bytes(`entry ${i}`))
        expected.push(`${i}:entry ${i}`)
        await wal.flush()
      }
      faults.when = eio(type)
      wal.append(0, bytes('entry 8'))
      expect(await errorOf(wal.flush())).toMatchObject({ code: 'WAL_FAILED' })
      const again = await open(disk.kill())
      const found = await contents(again)
      expect(found.slice(0, 7)).toEqual(expected)
      expect(found.length).toBe(type === 'syncDirectory' ? 8 : 7)
    }
  })

  test('of a removal fails the log', async () => {
    for (const type of ['unlink', 'syncDirectory'] as const) {
      const { disk, faults } = fragileDisk()
      const wal = await open(disk)
      for (let i = 0; i < 30; i++) {
        wal.append(0, bytes('x'))
        await wal.flush()
      }
      await settle()
      faults.when = (operation) => (operation.type === type ? { type: 'error', errno: 'ENOSPC' } : undefined)
      expect(await errorOf(wal.compactPrefix(30))).toMatchObject({ code: 'WAL_FAILED' })
      const again = await open(disk.crash({ type: 'nothing' }))
      expect(again.lastIndex).toBe(30)
    }
  })

  test('on closing rejects the close, and releases the directory', async () => {
    const { disk, faults } = fragileDisk()
    const wal = await open(disk)
    wal.append(0, bytes('x'))
    faults.when = eio('sync')
    expect(await errorOf(wal.close())).toMatchObject({ code: 'WAL_FAILED' })
    faults.when = undefined
    await using again = await open(disk)
    expect(again.recovery.state).toBe('unclean')
  })

  test('when the disk is closed under the log is a failure like any other', async () => {
    const disk = createSimulatedDisk()
    const wal = await open(disk, { ...tiny, preallocateBytes: 0 })
    await disk.close()
    wal.append(0, bytes('x'))
    expect(await errorOf(wal.flush())).toMatchObject({ code: 'WAL_FAILED' })
    await wal.close()
  })
})

describe('a full disk', () => {
  test('stops the preparation, not the log, as long as records fit', async () => {
    const { disk, faults } = fragileDisk()
    const { logger } = createManualEnvironment()
    faults.when = (operation) => (operation.type === 'fill' ? { type: 'error', errno: 'ENOSPC' } : undefined)
    const wal = await open(disk, tiny, { logger })
    for (let i = 1; i <= 30; i++) {
      wal.append(0, bytes(`${i}`))
      await wal.flush()
    }
    expect(wal.state).toBe('open')
    expect(logger.lines.map(({ level }) => level)).toEqual(['warn'])
    await wal.close()
    await using again = await open(disk.crash({ type: 'nothing' }))
    expect((await contents(again)).length).toBe(30)
  })

  test('whose sync of prepared zeros fails is not trusted any further', async () => {
    const { disk, faults } = fragileDisk()
    faults.when = (operation) =>
      operation.type === 'sync' && operation.path.endsWith('.wal')
        ? { type: 'error', errno: 'ENOSPC' }
        : undefined
    const wal = await open(disk)
    await settle()
    expect(wal.state).toBe('failed')
  })

  test('in the middle of a record fails the log, and nothing of the record stays', async () => {
    for (let stored = 0; stored < 64; stored += 7) {
      const { disk, faults } = fragileDisk()
      const wal = await open(disk, { ...tiny, preallocateBytes: 0 })
      wal.append(0, bytes('kept'))
      await wal.flush()
      faults.when = (operation) =>
        operation.type === 'write' ? { type: 'shortWrite', bytes: stored } : undefined
      wal.append(0, bytes('too much'))
      expect(await errorOf(wal.flush())).toMatchObject({ code: 'WAL_FAILED', details: { errno: 'ENOSPC' } })
      await settle()
      await using again = await open(disk.kill())
      expect(again.recovery).toMatchObject({ state: 'unclean', tornTail: undefined })
      expect(await contents(again)).toEqual(['1:kept'])
    }
  })

  test('in the middle of a record that cannot be taken back lets it be cut on the next opening', async () => {
    for (let stored = 0; stored < 64; stored += 7) {
      const { disk, faults } = fragileDisk()
      const wal = await open(disk, { ...tiny, preallocateBytes: 0 })
      wal.append(0, bytes('kept'))
      await wal.flush()
      faults.when = (operation) =>
        operation.type === 'write' ? { type: 'shortWrite', bytes: stored } : eio('truncate')(operation)
      wal.append(0, bytes('too much'))
      expect(await errorOf(wal.flush())).toMatchObject({ code: 'WAL_FAILED', details: { errno: 'ENOSPC' } })
      const next = disk.kill()
      const again = await open(next)
      expect(again.recovery.tornTail === undefined).toBe(stored === 0)
      again.append(0, bytes('next'))
      await again.close()
      await using last = await open(next)
      expect(await contents(last)).toEqual(['1:kept', '2:next'])
      expect(segmentsOf(next).length).toBeLessThanOrEqual(2)
    }
  })

  test('while the log is opened is an error of the opening', async () => {
    const { disk, faults } = fragileDisk()
    faults.when = (operation) => (operation.type === 'write' ? { type: 'error', errno: 'ENOSPC' } : undefined)
    expect(await errorOf(open(disk))).toMatchObject({ code: 'WAL_DISK_FAILED', details: { errno: 'ENOSPC' } })
    faults.when = undefined
    await using wal = await open(disk)
    expect(wal.recovery.state).toBe('created')
  })
})
