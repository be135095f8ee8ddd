import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAuditTrail } from '../../src/audit/audit-trail.ts'
import type { AuditQuery, AuditTrail } from '../../src/config-hub.ts'
import { type AuditEntry, auditActions } from '../../src/model.ts'
import { createWriter, key, prefix, trailOf } from '../writes/writers.ts'

function createTrail(store: Store): AuditTrail {
  return createAuditTrail({ store, prefix, ensureOpen: () => undefined })
}

/** All slices of a query. */
async function readAll(trail: AuditTrail, query: AuditQuery): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = []
  let after: string | undefined
  do {
    const slice = await trail.list({ ...query, after })
    expect(slice.items.length).toBeLessThanOrEqual(query.limit ?? 100)
    entries.push(...slice.items)
    after = slice.next
  } while (after !== undefined)
  return entries
}

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
    const { writer } = createWriter(store, { environment })
    await writer.save({ ...key, file: 'old' }, { content: 'x' })
    environment.clock.advance(1)
    for (let n = 0; n < 6_000; n += 500) {
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
  })
})
