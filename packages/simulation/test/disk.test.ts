import {
  type NodeDisk,
  type SimulatedNode,
  type Simulation,
  createNodeDisk,
  createSimulation,
  drawDiskFaults,
  reliableDisk,
} from '@orrery/simulation'
import { createRandom } from '@orrery/environment'
import { type Disk, openWal } from '@orrery/wal'
import { diskConformance } from '@orrery/wal/testing'
import { beforeEach, describe, expect, test } from 'vitest'

let simulation: Simulation
let node: SimulatedNode
let disk: NodeDisk

beforeEach(() => {
  simulation = createSimulation({ seed: 11 })
  node = simulation.createNode('n1')
  disk = createNodeDisk(simulation, node)
  node.start()
})

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const pass = (ms: number): Promise<void> => simulation.run(simulation.nowMs + ms)

/** Runs virtual time until a promise settles. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false
  const settle = (): void => {
    isSettled = true
  }
  promise.then(settle, settle)
  await simulation.run(simulation.nowMs + 1_000_000, () => isSettled)
  return promise
}

async function write(opened: Disk, text: string, sync: boolean): Promise<void> {
  await settled(
    opened.submit([
      { type: 'open', path: './a' },
      { type: 'write', path: './a', offset: 0, bytes: bytes(text) },
      ...(sync
        ? ([
            { type: 'sync', path: './a' },
            { type: 'syncDirectory', path: '.' },
          ] as const)
        : []),
    ]),
  )
}

const content = (): string | undefined => {
  const found = disk.files().get('./a')
  return found && new TextDecoder().decode(found)
}

describe('the disk of a node obeys the laws of disks', () => {
  test.each(diskConformance)('$name', async ({ run }) => {
    await settled(
      (async () => {
        await disk.open().submit([{ type: 'makeDirectory', path: './d' }])
        await run({ open: () => disk.open(), directory: './d' })
      })(),
    )
  })
})

describe('the disk of a node', () => {
  test('takes time, and longer for a sync', async () => {
    const opened = disk.open()
    await write(opened, 'x', false)
    const writtenMs = simulation.nowMs
    expect(writtenMs).toBeGreaterThan(0)
    await write(opened, 'y', true)
    expect(simulation.nowMs - writtenMs).toBeGreaterThan(0.4)
  })

  test('keeps what was synced, and of the rest what the draw says', async () => {
    const found = new Set<string | undefined>()
    for (let i = 0; i < 40; i++) {
      const opened = disk.open()
      await write(opened, 'durable', true)
      await write(opened, 'written', false)
      node.crash()
      found.add(content())
      node.start()
    }
    expect(found).toEqual(new Set(['durable', 'written']))
  })

  test('keeps everything when only the process dies', async () => {
    await write(disk.open(), 'written', false)
    node.crash('kill')
    expect(content()).toBe('written')
  })

  test('performs a part of what a dying process had asked for, and never tells it', async () => {
    const found = new Set<string | undefined>()
    let answers = 0
    for (let i = 0; i < 40; i++) {
      await write(disk.open(), 'old', true)
      const opened = disk.open()
      opened
        .submit([
          { type: 'write', path: './a', offset: 0, bytes: bytes('new') },
          { type: 'sync', path: './a' },
        ])
        .then(
          () => answers++,
          () => answers++,
        )
      node.crash()
      void opened.submit([{ type: 'unlink', path: './a' }]).finally(() => answers++)
      await pass(100)
      found.add(content())
      node.start()
    }
    expect(found).toEqual(new Set(['old', 'new']))
    expect(answers).toBe(0)
  })

  test('fails a sync, and loses what it should have written', async () => {
    const opened = disk.open()
    await write(opened, 'old', true)
    disk.setFaults({ ...reliableDisk, syncFailureRatio: 1 })
    await expect(write(opened, 'new', true)).rejects.toMatchObject({ details: { errno: 'EIO' } })
    expect(content()).toBe('new')
    node.crash()
    expect(content()).toBe('old')
    expect(disk.counts.failedSyncs).toBe(1)
  })

  test('runs full in the middle of a write, until there is space again', async () => {
    const opened = disk.open()
    disk.setFreeBytes(2)
    await expect(write(opened, 'abcd', false)).rejects.toMatchObject({ details: { errno: 'ENOSPC' } })
    expect(content()).toBe('ab')
    disk.setFreeBytes(undefined)
    await write(opened, 'abcd', false)
    expect(content()).toBe('abcd')
  })

  test('rots by one bit', async () => {
    await write(disk.open(), 'abcd', true)
    node.crash()
    expect(disk.rot((path) => path === './b')).toBeUndefined()
    expect(disk.rot()).toBe('./a')
    expect(content()).not.toBe('abcd')
    expect(content()).toHaveLength(4)
  })

  test('rots where something was written, not in the zeros ahead of it', async () => {
    await write(disk.open(), `a${'\0'.repeat(10_000)}`, true)
    node.crash()
    disk.rot()
    expect(content()?.startsWith('a')).toBe(false)
  })

  test('carries a write-ahead log through losses of power without losing what it acknowledged', async () => {
    let acknowledged = 0
    for (let life = 0; life < 20; life++) {
      disk.setFaults({ ...drawDiskFaults(createRandom(life)), syncFailureRatio: 0 })
      const wal = await settled(openWal({ disk: disk.open(), directory: './wal' }))
      expect(wal.lastIndex).toBeGreaterThanOrEqual(acknowledged)
      for (let i = 0; i < 10; i++) {
        const index = wal.append(0, bytes('entry'))
        void wal.durable(index).then(() => {
          acknowledged = Math.max(acknowledged, index)
        })
        await pass(simulation.random.float())
      }
      node.crash()
      node.start()
    }
    expect(acknowledged).toBeGreaterThan(20)
  })

  test('can be opened only by a process', () => {
    node.crash()
    expect(() => disk.open()).toThrow(expect.objectContaining({ code: 'SIMULATION_NODE_STATE' }))
  })
})
