import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuditSweeper } from '../../src/audit/audit-sweeper.ts'
import { auditActions } from '../../src/model.ts'
import { createTrail, createWriter, key, prefix, readAll, trailOf } from '../writes/writers.ts'

const queries = fc.record({
  subject: fc.constantFrom(
    {},
    { namespace: 'default' },
    { namespace: 'default', group: 'shop' },
    { namespace: 'default', group: 'shop', file: 'a' },
    { namespace: 'default', group: 'shop', file: '' },
    { namespace: 'none' },
  ),
  fromMs: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
  toMs: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
  actions: fc.option(fc.subarray([...auditActions]), { nil: undefined }),
  actor: fc.constantFrom(undefined, undefined, 'ann', 'bob'),
  limit: fc.integer({ min: 1, max: 9 }),
})

describe('the audit trail', () => {
  test('gives what is asked for, the newest first, in slices of any size', async () => {
    await using store = createMemoryStore()
    const { writer, environment } = createWriter(store)
    for (let n = 0; n < 40; n++) {
      const place = { namespace: n % 5 === 0 ? 'other' : 'default', group: n % 7 === 0 ? 'depot' : 'shop' }
      const file = { ...place, file: n % 2 === 0 ? 'a' : 'b' }
      const options = { actor: n % 3 === 0 ? 'ann' : 'bob' }
      await (n % 4 === 0
        ? writer.save(file, { content: 'x' }, options)
        : writer.publish(file, { content: `${n}` }, options))
      environment.clock.advance(n % 3)
    }
    const all = [...(await trailOf(store))].reverse()
    const trail = createTrail(store)
    expect(await readAll(trail, {})).toEqual(all)
    await fc.assert(
      fc.asyncProperty(queries, async ({ subject, ...query }) => {
        const { namespace, group, file } = {
          namespace: undefined,
          group: undefined,
          file: undefined,
          ...subject,
        }
        const { fromMs = 0, toMs = Infinity, actions, actor } = query
        const wanted = all.filter(
          (entry) =>
            (namespace === undefined || entry.namespace === namespace) &&
            (group === undefined || entry.group === group) &&
            (file === undefined || entry.file === file) &&
            entry.atMs >= fromMs &&
            entry.atMs < toMs &&
            (actions === undefined || actions.includes(entry.action)) &&
            (actor === undefined || entry.actor === actor),
        )
        expect(await readAll(trail, { ...subject, ...query })).toEqual(wanted)
      }),
      { numRuns: 200 },
    )
  })

  test('goes on where it was when much is written meanwhile', async () => {
    await using store = createMemoryStore()
    const { writer, environment } = createWriter(store)
    for (let n = 0; n < 10; n++) await writer.publish(key, { content: `${n}` })
    const trail = createTrail(store)
    const first = await trail.list({ ...key, limit: 4 })
    environment.clock.advance(1)
    for (let n = 0; n < 10; n++) await writer.publish(key, { content: `${n}` })
    const second = await trail.list({ ...key, limit: 4, after: first.next })
    expect([...first.items, ...second.items].map(({ version }) => version)).toEqual([10, 9, 8, 7, 6, 5, 4, 3])
  })

  test('reads so much at once and no more, however little of it is wanted', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment, writes: { batchMaxItems: 2 } })
    await writer.save({ ...key, file: 'old' }, { content: 'x' })
    environment.clock.advance(1)
    for (let n = 0; n < 4_000; n += 500) {
      await Promise.all(
        Array.from({ length: 500 }, (_, one) => writer.save({ ...key, file: `${n + one}` }, { content: '' })),
      )
    }
    const query = { actions: ['groupCreated' as const] }
    const first = await createTrail(store).list(query)
    expect(first.items).toEqual([])
    expect(first.next).toBeDefined()
    expect(await readAll(createTrail(store), query)).toMatchObject([{ action: 'groupCreated' }])
  })

  test('keeps in one record what is written together, and gives each of it', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    await writer.save({ ...key, file: 'first' }, { content: 'x' })
    const before = store.status().keys
    const files = Array.from({ length: 20 }, (_, n) => ({ ...key, file: `f${n}` }))
    await Promise.all(files.map((file) => writer.save(file, { content: 'x' })))
    // A file and its draft for each.
    expect(store.status().keys - before).toBe(2 * files.length + 1)
    const trail = createTrail(store)
    const all = await readAll(trail, { actions: ['draftSaved'], limit: 3 })
    expect(all.map(({ file }) => file)).toEqual([...files.map(({ file }) => file).toReversed(), 'first'])
    for (const file of files)
      expect(await readAll(trail, file)).toMatchObject([{ ...file, beforeRevision: 0 }])
  })

  test('knows all of a file that was deleted and came back, and nothing of one that never was', async () => {
    await using store = createMemoryStore()
    const { writer, environment } = createWriter(store)
    for (let round = 0; round < 2; round++) {
      await writer.publish(key, { content: 'x' })
      environment.clock.advance(round)
      await writer.delete(key)
    }
    const trail = createTrail(store)
    const deleted = (await readAll(trail, key)).map(({ action, beforeRevision }) => [action, beforeRevision])
    expect(deleted).toEqual([
      ['fileDeleted', 4],
      ['published', 0],
      ['fileDeleted', 2],
      ['published', 0],
    ])
    expect(await readAll(trail, { ...key, file: 'none' })).toEqual([])
  })

  test('knows a file whose writers have clocks that tell fractions of a millisecond', async () => {
    const environment = createManualEnvironment()
    environment.clock.advance(0.5)
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment })
    for (let n = 0; n < 20; n++) await writer.publish(key, { content: `${n}` })
    expect(await readAll(createTrail(store), { ...key, limit: 3 })).toHaveLength(20)
  })

  test.each([
    '[{"action":"published","subject":5}]',
    '[{"action":"published","subject":"%E0%A4%A"}]',
    '[{"action":"published","subject":"a/b/c","previous":5}]',
    '[{"action":"published","subject":"a/b/c","previous":[1]}]',
    '[{"action":5,"subject":"a/b/c"}]',
    '[{"action":"published","subject":"a/b/c","actor":5}]',
    '[5,null,"x"]',
  ])('leaves out %s, and removes it in its time', async (value) => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment })
    await writer.publish(key, { content: 'x' })
    await store.put({ key: `${prefix}audit/all/99999999999999-000000000-000000001`, value })
    expect((await createTrail(store).list()).items).toHaveLength(2)
    environment.clock.advance(2)
    await new AuditSweeper({ store, environment, prefix }, 1).sweep()
    expect(await store.range({ key: `${prefix}audit/`, rangeEnd: `${prefix}audit0` })).toMatchObject({
      count: 0,
    })
  })

  test('leaves out what no hub wrote', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    await writer.publish(key, { content: 'x' })
    const [entry] = await trailOf(store)
    await store.put({ key: `${prefix}audit/all/zzz`, value: 'x' })
    await store.put({ key: `${prefix}audit/all/00000000000000-000000000-000000000`, value: '{' })
    await store.put({ key: `${prefix}audit/all/00000000000000-000000000-000000001`, value: 'null' })
    const { items } = await createTrail(store).list()
    expect(items).toHaveLength(2)
    expect(items.at(-1)).toEqual(entry)
  })

  test('refuses what cannot be meant', async () => {
    await using store = createMemoryStore()
    const trail = createTrail(store)
    await expect(trail.list({ limit: 0 })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(trail.list({ group: 'shop' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    for (const subject of [{}, key, { ...key, file: '' }]) {
      const id = '00000000000000-000000000-000000000'
      const unclear = ['', 'x', '5', '1-0', `${id}-x`, `${id}0`, 'all-', 'all-x', `all-${id}0`, `ALL-${id}`]
      for (const after of [...unclear, `all-all-${id}`, `${id}\0`, `${id}\n`, '-'.repeat(100)]) {
        await expect(trail.list({ ...subject, after })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
      }
    }
  })
})
