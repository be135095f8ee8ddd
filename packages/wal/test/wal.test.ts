import { type Wal, type WalOptions, openWal } from '@orrery/wal'
import { type SimulatedDisk, createSimulatedDisk } from '@orrery/wal/testing'
import { expect, test } from 'vitest'

const options: WalOptions = { segmentMaxBytes: 1024, recordMaxBytes: 512, preallocateBytes: 1024 }
const directory = '/wal'

const open = (disk: SimulatedDisk): Promise<Wal> => openWal({ disk, directory }, options)

async function contents(wal: Wal, fromIndex = wal.firstIndex): Promise<string[]> {
  const found: string[] = []
  for await (const batch of wal.read(fromIndex)) {
    for (const { index, type, payload } of batch)
      found.push(`${index}:${type}:${new TextDecoder().decode(payload)}`)
  }
  return found
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

test('entries are there again after the log was closed and opened', async () => {
  const disk = createSimulatedDisk()
  {
    await using wal = await open(disk)
    expect(wal.recovery.state).toBe('created')
    expect(wal.append(7, text('a'))).toBe(1)
    expect(wal.append(8, text('b'))).toBe(2)
  }
  await using wal = await open(disk)
  expect(wal.recovery).toEqual({ state: 'clean', tornTail: undefined })
  expect(await contents(wal)).toEqual(['1:7:a', '2:8:b'])
  expect([wal.firstIndex, wal.lastIndex, wal.durableIndex]).toEqual([1, 2, 2])
})
