import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GroupWriter } from '../../src/groups.ts'
import type { GroupKey } from '../../src/model.ts'
import { createWriter, key, prefix, type TestWriter, trailOf } from './writers.ts'

const group: GroupKey = { namespace: 'default', group: 'shop' }

/** Makes a group writer beside a writer of files, as they are in one member. */
function createGroups(
  store: Store,
  options: Parameters<typeof createWriter>[1] = {},
): TestWriter & { groups: GroupWriter } {
  const member = createWriter(store, options)
  const { environment, ids, seen } = member
  return { ...member, groups: new GroupWriter({ store, environment, prefix, ids, reached: seen.reached }) }
}

/** Lets something happen right before the first txn that writes: what comes between deciding and writing. */
function beforeTxn(store: Store, act: () => Promise<unknown>): Store {
  let hasActed = false
  return new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name !== 'txn') return member.bind(target) as unknown
      return async (...[request, options]: Parameters<Store['txn']>): ReturnType<Store['txn']> => {
        const isWrite = request.success?.some(({ type }) => type !== 'range') === true
        if (isWrite && !hasActed) {
          hasActed = true
          await act()
        }
        return await target.txn(request, options)
      }
    },
  })
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'done'
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  }
}

describe('groups', () => {
  test('are created, changed and deleted', async () => {
    await using store = createMemoryStore()
    const { groups, seen, environment } = createGroups(store)
    const created = await groups.create(group, { comment: 'a', metadata: { team: 'x' } }, { actor: 'ann' })
    expect(created).toMatchObject({
      ...group,
      comment: 'a',
      business: '',
      metadata: { team: 'x' },
      createdAtMs: 0,
    })
    expect(seen.group('default/shop')).toEqual(created)
    environment.clock.advance(5)
    const changed = await groups.update(group, { business: 'b' })
    expect(changed).toMatchObject({
      comment: 'a',
      business: 'b',
      metadata: { team: 'x' },
      createdAtMs: 0,
      changedAtMs: 5,
    })
    await groups.delete(group, { reason: 'over' })
    expect(seen.group('default/shop')).toBeUndefined()
    expect(await trailOf(store)).toMatchObject([
      {
        ...group,
        file: '',
        action: 'groupCreated',
        actor: 'ann',
        beforeRevision: 0,
        revision: created.revision,
      },
      { action: 'groupChanged', beforeRevision: created.revision, revision: changed.revision },
      { action: 'groupDeleted', beforeRevision: changed.revision, reason: 'over' },
    ])
  })

  test('say what is wrong', async () => {
    await using store = createMemoryStore()
    const { groups } = createGroups(store)
    expect(await codeOf(groups.update(group, {}))).toBe('CONFIG_GROUP_NOT_FOUND')
    expect(await codeOf(groups.delete(group))).toBe('CONFIG_GROUP_NOT_FOUND')
    const { revision } = await groups.create(group)
    expect(await codeOf(groups.create(group))).toBe('CONFIG_GROUP_EXISTS')
    expect(await codeOf(groups.create(group, {}, { ifRevision: 0 }))).toBe('CONFIG_CONFLICT')
    expect(await codeOf(groups.update(group, {}, { ifRevision: revision + 1 }))).toBe('CONFIG_CONFLICT')
    expect(await codeOf(groups.delete(group, { ifRevision: revision - 1 }))).toBe('CONFIG_CONFLICT')
    expect(await codeOf(groups.create({ ...group, group: '' }))).toBe('CONFIG_INVALID')
    expect(store.status().revision).toBe(revision)
  })

  test('with files are not deleted', async () => {
    await using store = createMemoryStore()
    const { groups, writer } = createGroups(store)
    await writer.save(key, { content: 'x' })
    await writer.save({ ...key, group: 'shop2' }, { content: 'x' })
    expect(await codeOf(groups.delete(group))).toBe('CONFIG_GROUP_IN_USE')
    await writer.delete(key)
    expect(await codeOf(groups.delete(group))).toBe('done')
    expect((await writer.publish(key, { content: 'again' })).version).toBe(1)
  })

  test('do not go when a file has come while that was decided', async () => {
    await using store = createMemoryStore()
    const other = createGroups(store)
    await other.groups.create(group)
    const { groups } = createGroups(beforeTxn(store, () => other.writer.save(key, { content: 'x' })))
    expect(await codeOf(groups.delete(group))).toBe('CONFIG_GROUP_IN_USE')
    await other.seen.read()
    expect(other.seen.hasGroup(key)).toBe(true)
  })

  test('that have gone while a file was decided on get none, or come again with it', async () => {
    for (const autoCreate of [false, true]) {
      await using store = createMemoryStore()
      const other = createGroups(store)
      await other.groups.create(group)
      const late = beforeTxn(store, () => other.groups.delete(group))
      const { writer, seen } = createGroups(late, { autoCreate })
      await seen.read()
      const code = await codeOf(writer.save(key, { content: 'x' }))
      expect(code).toBe(autoCreate ? 'done' : 'CONFIG_GROUP_NOT_FOUND')
      await seen.read()
      const isThere = [seen.record(key) !== undefined, seen.hasGroup(key)]
      expect(isThere).toEqual([autoCreate, autoCreate])
    }
  })

  test('that came and went while one was decided on have their entries before it, whatever clocks say', async () => {
    for (const isWithFile of [false, true]) {
      await using store = createMemoryStore()
      const other = createGroups(store)
      other.environment.clock.shiftWall(1_000)
      const late = beforeTxn(store, async () => {
        await other.groups.create(group)
        await other.groups.delete(group)
      })
      const { groups, writer } = createGroups(late)
      await (isWithFile ? writer.save(key, { content: 'x' }) : groups.create(group))
      const trail = (await trailOf(store)).filter(({ file }) => file === '')
      expect(trail.map(({ action }) => action)).toEqual(['groupCreated', 'groupDeleted', 'groupCreated'])
      const revisions = trail.map(({ revision }) => revision)
      expect(revisions).toEqual([...revisions].sort((a, b) => a - b))
    }
  })

  test('that were changed while that was decided keep the change, even if the trail has lost it', async () => {
    await using store = createMemoryStore()
    const other = createGroups(store)
    await other.groups.create(group)
    const late = beforeTxn(store, async () => {
      await other.groups.update(group, { business: 'theirs' })
      await store.deleteRange({ key: `${prefix}audit/`, rangeEnd: `${prefix}audit0` })
    })
    const { groups } = createGroups(late)
    expect(await groups.update(group, { comment: 'ours' })).toMatchObject({
      business: 'theirs',
      comment: 'ours',
    })
  })

  test('have their entries before those of the files that they come with', async () => {
    await using store = createMemoryStore()
    const { groups, writer, environment } = createGroups(
      new Proxy(store, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name)
          if (typeof member !== 'function') return member
          // While it is found out what the trail has of the group, time goes on.
          if (name === 'range') environment.clock.advance(clockStepMs)
          return member.bind(target) as unknown
        },
      }),
    )
    let clockStepMs = 5
    await writer.publish(key, { content: 'x' })
    await writer.delete(key)
    await groups.delete(group)
    clockStepMs = 0
    await writer.publish(key, { content: 'y' })
    await writer.delete(key)
    await groups.delete(group)
    environment.clock.advance(1)
    await writer.publish({ ...key, file: 'other' }, { content: 'z' })
    expect((await trailOf(store)).map(({ action }) => action)).toEqual([
      ...['groupCreated', 'published', 'fileDeleted', 'groupDeleted'],
      ...['groupCreated', 'published', 'fileDeleted', 'groupDeleted'],
      ...['groupCreated', 'published'],
    ])
  })

  test('of one name have entries in the order of their revisions, whatever clocks say', async () => {
    const step = fc.record({
      member: fc.integer({ min: 0, max: 1 }),
      shiftMs: fc.integer({ min: -50, max: 50 }),
      type: fc.constantFrom('create', 'update', 'delete', 'file'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        await using store = createMemoryStore({ environment: createManualEnvironment(3) })
        const members = [createGroups(store), createGroups(store)] as const
        for (const { environment } of members) environment.clock.shiftWall(1_000)
        let done = 0
        for (const { member, shiftMs, type } of steps) {
          const { groups, writer, environment, seen } = members[member === 0 ? 0 : 1]
          environment.clock.shiftWall(shiftMs)
          const { revision } = store.status()
          if (type === 'file') {
            await seen.read()
            const hadGroup = seen.hasGroup(key)
            await writer.save(key, { content: 'x' })
            await writer.delete(key)
            done += hadGroup ? 2 : 3
          } else {
            const code = await codeOf(type === 'update' ? groups.update(group, {}) : groups[type](group))
            if (code === 'done') done++
            else expect(store.status().revision).toBe(revision)
          }
        }
        const trail = await trailOf(store)
        expect(trail).toHaveLength(done)
        for (const name of ['', key.file]) {
          const revisions = trail.filter(({ file }) => file === name).map(({ revision }) => revision)
          expect(revisions).toEqual([...revisions].sort((a, b) => a - b))
        }
      }),
      { numRuns: 60 },
    )
  })
})
