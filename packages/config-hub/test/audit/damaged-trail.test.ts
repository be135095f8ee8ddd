import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { endOf } from '../../src/keys.ts'
import { counted, createTrail, createWriter, fillTrail, key, prefix, readAll } from '../writes/writers.ts'

const path = 'default/shop/app.txt'
const records = `${prefix}audit/all/`

/** Publishes a file again and again, and other files in between. */
async function publishMany(store: Store, times: number, stepMs = 1): Promise<void> {
  const { writer, environment } = createWriter(store, { environment: createManualEnvironment() })
  for (let n = 1; n <= times; n++) {
    await Promise.all([
      writer.publish(key, { content: `${n}` }),
      writer.publish({ ...key, file: 'other' }, { content: `${n}` }),
    ])
    await writer.publish({ ...key, file: `f${n}` }, { content: `${n}` })
    environment.clock.advance(stepMs)
  }
}

/** Keys of the records that have an entry of the file, the newest first. */
async function recordsOfFile(store: Store): Promise<readonly string[]> {
  const { kvs } = await store.range({ key: records, rangeEnd: endOf(records) })
  return kvs
    .filter(({ value }) => Buffer.from(value).toString().includes(`"${path}"`))
    .map(({ keyString }) => keyString)
}

async function versionsOf(store: Store, limit = 3): Promise<readonly (number | undefined)[]> {
  const entries = await readAll(createTrail(store), { ...key, limit })
  return entries.map(({ version }) => version)
}

const damages = ['', '{', 'null', '{}', '[]', '[5]', '\u{0}\u{1}']

describe('the list of a file', () => {
  test.each(damages)('goes on behind records that became %j', async (value) => {
    for (const stepMs of [0, 1]) {
      await using store = createMemoryStore()
      await publishMany(store, 12, stepMs)
      const own = await recordsOfFile(store)
      for (const at of [0, 4, 5, 8]) await store.put({ key: own[at] ?? '', value })
      expect(await versionsOf(store)).toEqual([11, 10, 9, 6, 5, 3, 2, 1])
      expect(await versionsOf(store, 1)).toEqual([11, 10, 9, 6, 5, 3, 2, 1])
    }
  })

  test('goes on behind a record of which only its own entry is damaged', async () => {
    await using store = createMemoryStore()
    await publishMany(store, 6)
    const [, second = ''] = await recordsOfFile(store)
    const [, other] = JSON.parse(Buffer.from((await store.get(second))?.value ?? []).toString()) as unknown[]
    await store.put({ key: second, value: JSON.stringify([5, other]) })
    expect(await versionsOf(store)).toEqual([6, 4, 3, 2, 1])
  })

  test('keeps to the times that are asked for where it goes on behind a damaged record', async () => {
    await using store = createMemoryStore()
    await publishMany(store, 20)
    const own = await recordsOfFile(store)
    for (const at of [2, 9]) await store.put({ key: own[at] ?? '', value: '{' })
    const entries = await readAll(createTrail(store), { ...key, fromMs: 5, toMs: 18, limit: 1 })
    expect(entries.map(({ atMs }) => atMs)).toEqual([16, 15, 14, 13, 12, 11, 9, 8, 7, 6, 5])
  })

  test.each(['5', '{', ''])('is found in the whole trail when the file itself became %j', async (value) => {
    await using store = createMemoryStore()
    await publishMany(store, 20)
    await store.put({ key: `${prefix}live/files/${path}`, value })
    expect(await versionsOf(store)).toEqual(Array.from({ length: 20 }, (_, n) => 20 - n))
  })

  test('is found in the whole trail when what is left of a deleted file is damaged', async () => {
    await using store = createMemoryStore()
    await publishMany(store, 3)
    const { writer, environment } = createWriter(store)
    environment.clock.advance(100)
    await writer.delete(key)
    await store.put({ key: `${prefix}live/gone/${path}`, value: '{' })
    const entries = await readAll(createTrail(store), { ...key, limit: 1 })
    expect(entries.map(({ action }) => action)).toEqual([
      'fileDeleted',
      'published',
      'published',
      'published',
    ])
  })

  test('has what the whole trail has of it, whichever records are damaged', async () => {
    const files = ['a', 'b', 'c'].map((file) => ({ ...key, file }))
    const step = fc.record({
      files: fc.subarray(files, { minLength: 1 }),
      type: fc.constantFrom('publish', 'publish', 'save', 'delete'),
      shiftMs: fc.integer({ min: -2, max: 3 }),
      damage: fc.option(fc.constantFrom(...damages), { nil: undefined, freq: 2 }),
    })
    const steps = fc.array(step, { minLength: 5, maxLength: 50, size: 'max' })
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 9 }), async (script, limit) => {
        await using store = createMemoryStore()
        const { writer, environment } = createWriter(store)
        environment.clock.shiftWall(1_000)
        for (const { files: some, type, shiftMs } of script) {
          environment.clock.shiftWall(shiftMs)
          const content = { content: 'x' }
          const written = some.map((file) => {
            return type === 'delete' ? writer.delete(file) : writer[type](file, content)
          })
          // To delete what is not there is refused.
          await Promise.allSettled(written)
        }
        const { kvs } = await store.range({ key: records, rangeEnd: endOf(records) })
        for (const [at, { keyString }] of kvs.entries()) {
          const value = script[at % script.length]?.damage
          if (value !== undefined) await store.put({ key: keyString, value })
        }
        const trail = createTrail(store)
        const all = await readAll(trail, {})
        for (const file of files) {
          const own = all.filter((entry) => entry.file === file.file)
          expect(await readAll(trail, { ...file, limit })).toEqual(own)
        }
      }),
      { numRuns: 100 },
    )
  })

  test('ends where a record was removed, however many of other files are older', async () => {
    await using store = createMemoryStore()
    await publishMany(store, 100)
    const own = await recordsOfFile(store)
    await store.deleteRange({ key: own[3] ?? '' })
    // One that is damaged leads nowhere where nothing is missing.
    await store.put({ key: own[50] ?? '', value: '{' })
    const { store: watched, calls } = counted(store)
    expect(await versionsOf(watched, 100)).toEqual([100, 99, 98])
    expect(calls['range']).toBe(4)
  })

  test.each([
    ['a later time', [1_000, 1]],
    ['a later revision', [1, 100]],
  ])('is looked for elsewhere where an entry leads to %s, and does not go round', async (_, previous) => {
    await using store = createMemoryStore()
    await publishMany(store, 5)
    const [, damaged = ''] = await recordsOfFile(store)
    const stored = JSON.parse(Buffer.from((await store.get(damaged))?.value ?? []).toString()) as object[]
    const leading = stored.map((entry) => ({ ...entry, previous }))
    await store.put({ key: damaged, value: JSON.stringify(leading) })
    expect(await versionsOf(store, 1)).toEqual([5, 4, 3, 2, 1])
  })

  test('is looked for in so many records at once and no more', async () => {
    await using store = createMemoryStore()
    await createWriter(store).writer.save(key, { content: '' })
    await fillTrail(store, { records: 1_700, atMs: 1 })
    await store.put({ key: `${prefix}live/files/${path}`, value: '{' })
    const { store: watched, calls } = counted(store)
    const first = await createTrail(watched).list(key)
    expect([first.items.length, first.next === undefined, calls['range']]).toEqual([0, false, 50])
    expect(await readAll(createTrail(store), key)).toMatchObject([{ action: 'draftSaved' }])
  })
})

test('keys that no hub wrote stand in nobody’s way, wherever a slice ends', async () => {
  await using store = createMemoryStore()
  await publishMany(store, 3)
  const all = await readAll(createTrail(store), {})
  for (let n = 0; n < 70; n++) await store.put({ key: `${records}000-${n}`, value: 'x' })
  for (const [at, own] of (await recordsOfFile(store)).entries())
    await store.put({ key: `${own.slice(0, records.length + 14)}-${at}`, value: 'x' })
  await store.put({ key: `${prefix}audit/of/default/shop//000`, value: '' })
  const trail = createTrail(store)
  expect(await readAll(trail, { limit: 1 })).toEqual(all)
  expect(await versionsOf(store, 1)).toEqual([3, 2, 1])
  expect(await readAll(trail, { ...key, file: '', limit: 1 })).toMatchObject([{ action: 'groupCreated' }])
})
