import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FileQuery } from '../../src/config-hub.ts'
import type { ConfigFile } from '../../src/model.ts'
import { listFiles, listGroups } from '../../src/reads/lists.ts'
import { Feeder } from '../view/fed-view.ts'
import { fedMember } from '../watch/watched-hub.ts'

const namespaces = ['a', 'b']
const groups = ['x', 'y', 'z']
const names = ['app', 'app.yaml', 'db/main', 'db/other', 'é']

function inOrder(a: ConfigFile, b: ConfigFile): number {
  const [one, two] = [a, b].map(({ namespace, group, file }) => [namespace, group, file])
  const at = one?.findIndex((part, nth) => part !== two?.[nth]) ?? -1
  return at === -1 ? 0 : (one?.[at] ?? '') < (two?.[at] ?? '') ? -1 : 1
}

function fits({ namespace, group, file, tags, release, gray }: ConfigFile, query: FileQuery): boolean {
  const isReleased = release !== undefined || gray !== undefined
  return (
    (query.namespace === undefined || query.namespace === namespace) &&
    (query.group === undefined || query.group === group) &&
    file.startsWith(query.prefix ?? '') &&
    (query.released === undefined || query.released === isReleased) &&
    Object.entries(query.tags ?? {}).every(([key, value]) => tags[key] === value)
  )
}

describe('lists', () => {
  test('of files have those that fit, in order, page by page', () => {
    const place = fc.record({
      namespace: fc.constantFrom(...namespaces),
      group: fc.constantFrom(...groups),
      file: fc.constantFrom(...names),
    })
    const write = fc.record({ key: place, how: fc.nat(3), tag: fc.constantFrom('1', '2') })
    const query = fc.record(
      {
        namespace: fc.constantFrom(...namespaces, 'none'),
        group: fc.constantFrom(...groups),
        prefix: fc.constantFrom('', 'a', 'app', 'db/', 'none'),
        tags: fc.constantFrom({}, { t: '1' }, { toString: '1' }),
        released: fc.boolean(),
        offset: fc.nat(4),
        limit: fc.integer({ min: 1, max: 5 }),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(
        fc.array(write, { maxLength: 60 }),
        fc.array(query, { maxLength: 8 }),
        (writes, queries) => {
          const member = fedMember(new Feeder())
          const { view, feeder } = member
          for (const { key, how, tag } of writes) {
            feeder.group(key)
            if (how === 0) feeder.save(key, { tags: { t: tag } })
            else if (how === 1) feeder.publish(key, { content: 'x' })
            else if (how === 2) feeder.delete(key)
            else feeder.withdraw(key)
            member.take()
            listFiles(view)
          }
          const all = new Map(writes.map(({ key }) => [JSON.stringify(key), key]))
          const present = [...all.values()].flatMap((key) => view.file(key)?.record?.file ?? []).sort(inOrder)
          for (const one of queries) {
            const expected = present.filter((file) => fits(file, one))
            const { offset = 0, limit = 100 } = one
            const page = listFiles(view, one)
            expect(page).toEqual({ items: expected.slice(offset, offset + limit), total: expected.length })
          }
        },
      ),
    )
  })

  test('of groups and namespaces have those that exist', () => {
    const member = fedMember(new Feeder())
    const { view, feeder } = member
    for (const namespace of ['b', 'a'])
      for (const group of ['y', 'z', 'x']) feeder.group({ namespace, group })
    member.take()
    const listed = (query = {}): readonly string[] =>
      listGroups(view, query).items.map(({ namespace, group }) => `${namespace}/${group}`)
    expect(view.namespaces).toEqual(['a', 'b'])
    expect(listed()).toEqual(['a/x', 'a/y', 'a/z', 'b/x', 'b/y', 'b/z'])
    expect(listed({ offset: 2, limit: 3 })).toEqual(['a/z', 'b/x', 'b/y'])
    expect(listed({ namespace: 'b', offset: 1 })).toEqual(['b/y', 'b/z'])
    expect(listGroups(view, { limit: 1 }).total).toBe(6)
    for (const group of ['x', 'y', 'z']) feeder.deleteGroup({ namespace: 'a', group })
    feeder.group({ namespace: 'a', group: 'new' })
    feeder.deleteGroup({ namespace: 'b', group: 'x' })
    member.take()
    expect(listed()).toEqual(['a/new', 'b/y', 'b/z'])
    feeder.deleteGroup({ namespace: 'a', group: 'new' })
    member.take()
    expect(view.namespaces).toEqual(['b'])
    expect(listed({ namespace: 'a' })).toEqual([])
  })

  test('refuse what is out of range', () => {
    const { view } = fedMember(new Feeder())
    const invalid = expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error
    expect(() => listFiles(view, { limit: 0 })).toThrow(invalid)
    expect(() => listFiles(view, { offset: -1 })).toThrow(invalid)
    expect(() => listGroups(view, { limit: 10_001 })).toThrow(invalid)
  })
})
