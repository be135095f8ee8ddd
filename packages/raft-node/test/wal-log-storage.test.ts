import { createManualEnvironment } from '@orrery/environment/testing'
import { emptyMembership, type Entry, type EntryType, type HardState } from '@orrery/raft'
import { createSimulatedDisk, type SimulatedDisk } from '@orrery/wal/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Durables } from '../src/log-storage.ts'
import { openWalLogStorage, type WalLogStorage } from '../src/wal-log-storage.ts'

const none = { snapshot: undefined, entries: [], hardState: undefined, mustSync: true } as const

function open(disk: SimulatedDisk): Promise<WalLogStorage> {
  const environment = createManualEnvironment()
  return openWalLogStorage({ disk, directory: '/log', environment, metadata: Buffer.from('me') })
}

function entry(index: number, term: number, text: string, type: EntryType = 'command'): Entry {
  return { index, term, type, payload: Buffer.from(text) }
}

function state(term: number, commitIndex: number, vote = 0n): HardState {
  return { term, vote, commitIndex, isOnProbation: false }
}

function durable(storage: WalLogStorage, number: number): Promise<void> {
  return new Promise((resolve) => {
    storage.onDurable = (reached) => {
      if (reached >= number) resolve()
    }
  })
}

async function write(
  storage: WalLogStorage,
  durables: Partial<Durables> & { number: number },
): Promise<void> {
  const done = durable(storage, durables.number)
  storage.append({ ...none, ...durables })
  await done
}

function plain(entries: readonly Entry[]): string[] {
  return entries.map(
    ({ index, term, type, payload }) => `${index}/${term} ${type} ${Buffer.from(payload).toString()}`,
  )
}

describe('the log of a member', () => {
  test('gives back after a restart what was made durable', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    expect(storage.stored.hardState).toBeUndefined()
    await write(storage, {
      number: 1,
      hardState: state(2, 1, 7n),
      entries: [entry(1, 1, 'a'), entry(2, 2, 'b')],
    })
    await write(storage, { number: 2, entries: [entry(3, 2, 'c', 'membership'), entry(4, 2, '', 'empty')] })
    const again = await open(disk.crash({ type: 'nothing' }))
    expect(again.stored.hardState).toEqual(state(2, 1, 7n))
    expect(plain(again.stored.entries)).toEqual([
      '1/1 command a',
      '2/2 command b',
      '3/2 membership c',
      '4/2 empty ',
    ])
    expect(Buffer.from(again.metadata).toString()).toBe('me')
  })

  test('keeps of a conflict what was written last', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    await write(storage, {
      number: 1,
      hardState: state(1, 0),
      entries: [1, 2, 3, 4].map((i) => entry(i, 1, `old ${i}`)),
    })
    await write(storage, { number: 2, hardState: state(2, 0), entries: [entry(3, 2, 'new 3')] })
    const again = await open(disk.crash({ type: 'nothing' }))
    expect(plain(again.stored.entries)).toEqual([
      '1/1 command old 1',
      '2/1 command old 2',
      '3/2 command new 3',
    ])
  })

  test('begins anew behind a snapshot that took its place, and names the state that came with it', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    await write(storage, { number: 1, hardState: state(1, 0), entries: [entry(1, 1, 'a')] })
    const membership = {
      voters: [1n, 2n],
      outgoingVoters: [],
      learners: [3n],
      nextLearners: [],
      leavesAutomatically: false,
    }
    const snapshot = { index: 50, term: 3, membership }
    const done = durable(storage, 2)
    storage.append(
      { ...none, number: 2, snapshot, hardState: state(3, 50), entries: [entry(51, 3, 'b')] },
      'db-50',
    )
    await done
    const { stored } = await open(disk.crash({ type: 'nothing' }))
    expect(stored).toMatchObject({
      previousIndex: 50,
      previousTerm: 3,
      stateName: 'db-50',
    })
    expect(plain(stored.entries)).toEqual(['51/3 command b'])
  })

  test('is read again behind a gap, which a state ahead of a log without an end leaves', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    await write(storage, {
      number: 1,
      hardState: state(1, 1),
      entries: [entry(1, 1, 'a'), entry(2, 1, 'b')],
    })
    await storage.close()
    const behind = await open(disk)
    behind.compact(9, 1)
    await write(behind, { number: 1, hardState: state(2, 10), entries: [entry(10, 2, 'c')] })
    await behind.close()
    const { stored } = await open(disk)
    expect(stored).toMatchObject({ previousIndex: 9, previousTerm: 1, hardState: state(2, 10) })
    expect(plain(stored.entries)).toEqual(['10/2 command c'])
  })

  test('names the state also when it has forgotten on the disk how that came', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    const membership = { ...emptyMembership, voters: [1n, 2n] }
    const done = durable(storage, 1)
    const snapshot = { index: 50, term: 3, membership }
    storage.append({ ...none, number: 1, snapshot, hardState: state(3, 50) }, 'db-50')
    await done
    const payload = 'x'.repeat(200_000)
    for (let i = 2; i <= 800; i++) {
      await write(storage, { number: i, hardState: state(3, i + 47), entries: [entry(i + 49, 3, payload)] })
    }
    storage.compact(840, 3)
    await write(storage, { number: 801, hardState: state(3, 848) })
    await storage.close()
    const files = [...disk.files().values()].map((content) => Buffer.from(content).indexOf('db-50'))
    expect(files.filter((at) => at >= 0)).toHaveLength(1)
    const again = await open(disk)
    expect(again.stored).toMatchObject({ previousIndex: 840, stateName: 'db-50' })
    again.compact(845, 3)
    await again.close()
    expect((await open(disk)).stored).toMatchObject({ previousIndex: 845, stateName: 'db-50' })
  })

  test('needs no sync for a commit index alone, and keeps it when it is closed', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    await write(storage, { number: 1, hardState: state(1, 0), entries: [entry(1, 1, 'a'), entry(2, 1, 'b')] })
    // The log has written zeros ahead.
    await new Promise(setImmediate)
    const { syncs } = disk.counts
    await write(storage, { number: 2, hardState: state(1, 2), mustSync: false })
    expect(disk.counts.syncs).toBe(syncs)
    await storage.close()
    const again = await open(disk)
    expect(again.stored.hardState).toEqual(state(1, 2))
  })

  test('writes a commit index that waited together with the next entries', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    await write(storage, { number: 1, hardState: state(1, 0), entries: [entry(1, 1, 'a')] })
    await write(storage, { number: 2, hardState: state(1, 1), mustSync: false })
    await write(storage, { number: 3, entries: [entry(2, 1, 'b')] })
    const again = await open(disk.crash({ type: 'nothing' }))
    expect(again.stored.hardState).toEqual(state(1, 1))
  })

  test('forgets what is compacted, on the disk too, and knows what comes before the rest', async () => {
    const disk = createSimulatedDisk()
    const storage = await open(disk)
    const payload = 'x'.repeat(100_000)
    for (let i = 1; i <= 1_500; i++) {
      await write(storage, { number: i, hardState: state(1, i - 1), entries: [entry(i, 1, payload)] })
    }
    const before = [...disk.files().keys()].length
    storage.compact(1_200, 1)
    await write(storage, { number: 1_501, hardState: state(2, 1_400), entries: [entry(1_501, 2, 'last')] })
    // Freeing segments is background work of the log, over when it is closed.
    await storage.close()
    expect([...disk.files().keys()].length).toBeLessThan(before)
    const { stored } = await open(disk)
    expect(stored).toMatchObject({ previousIndex: 1_200, previousTerm: 1, hardState: state(2, 1_400) })
    expect(stored.entries.map(({ index }) => index)).toEqual(Array.from({ length: 301 }, (_, i) => 1_201 + i))
  })

  test('tells that its end was cut off', async () => {
    let isArmed = false
    const disk = createSimulatedDisk({
      fault: ({ type }) => (isArmed && type === 'sync' ? { type: 'crash' } : undefined),
    })
    const storage = await open(disk)
    await write(storage, { number: 1, hardState: state(1, 0), entries: [entry(1, 1, 'a')] })
    // The log has written zeros ahead, and synced them.
    await new Promise(setImmediate)
    isArmed = true
    const failed = new Promise((resolve) => {
      storage.onFailure = resolve
    })
    storage.append({ ...none, number: 2, entries: [entry(2, 1, 'b'.repeat(2_000))] })
    await failed
    const { stored } = await open(disk.crash({ type: 'prefix', bytes: 600 }))
    expect(stored.isTailLost).toBe(true)
    expect(plain(stored.entries)).toEqual(['1/1 command a'])
  })

  test('holds after any history and a crash what a model holds, at least up to what was durable', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ type: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ type: fc.constant('replace' as const), back: fc.integer({ min: 1, max: 6 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constant('compact' as const), back: fc.integer({ min: 0, max: 6 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          type: fc.constant('install' as const),
          ahead: fc.integer({ min: 1, max: 9 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('restart' as const) }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        let disk = createSimulatedDisk()
        let storage = await open(disk)
        let number = 0
        let term = 1
        let base = { index: 0, term: 0 }
        let model: Entry[] = []
        const last = (): number => base.index + model.length
        for (const one of steps) {
          if (one.type === 'append' || one.type === 'replace') {
            if (one.type === 'replace') {
              term++
              model = model.slice(0, Math.max(0, model.length - one.back))
            }
            const count = one.type === 'append' ? one.count : 1
            const entries = Array.from({ length: count }, (_, i) =>
              entry(last() + 1 + i, term, `${term}:${last() + i}`),
            )
            model.push(...entries)
            await write(storage, { number: ++number, entries, hardState: state(term, base.index) })
          } else if (one.type === 'install') {
            base = { index: last() + one.ahead, term }
            model = []
            const membership = {
              voters: [1n],
              outgoingVoters: [],
              learners: [],
              nextLearners: [],
              leavesAutomatically: false,
            }
            await write(storage, {
              number: ++number,
              snapshot: { ...base, membership },
              hardState: state(term, base.index),
            })
          } else if (one.type === 'compact') {
            const at = model.at(-1 - one.back)
            if (at === undefined || number === 0) continue
            base = { index: at.index, term: at.term }
            model = model.filter(({ index }) => index > at.index)
            storage.compact(at.index, at.term)
            await write(storage, { number: ++number, hardState: state(term, base.index), entries: [] })
          } else {
            disk = disk.crash({ type: 'nothing' })
            storage = await open(disk)
            expect(plain(storage.stored.entries)).toEqual(plain(model))
            expect(storage.stored.previousIndex).toBe(base.index)
            expect(storage.stored.previousTerm).toBe(base.term)
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})
