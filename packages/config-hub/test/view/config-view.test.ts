import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { KeyValue } from '@orrery/mvcc'
import type { FileKey } from '../../src/model.ts'
import { CachedRelease, type ContentRef } from '../../src/reads/cached-release.ts'
import { ConfigView } from '../../src/view/config-view.ts'
import type { FileEntry } from '../../src/view/file-entry.ts'
import { SortedNames } from '../../src/view/sorted-names.ts'
import { deleteEvent, Feeder, prefix, putEvent, takeUpTo } from './fed-view.ts'

const group = { namespace: 'default', group: 'shop' }
const file: FileKey = { ...group, file: 'app.yaml' }
const odd: FileKey = { namespace: 'default', group: 'a/b', file: 'größe/x y%2F.yaml' }
const rule = { labels: [{ label: 'zone', type: 'exact', value: 'a' }] } as const

interface FedView {
  readonly view: ConfigView
  readonly changed: FileEntry[]
  readonly offered: string[]
  readonly unreadable: string[]
  readonly moved: number[]
}

function fedView(): FedView {
  const changed: FileEntry[] = []
  const offered: string[] = []
  const unreadable: string[] = []
  const moved: number[] = []
  const view = new ConfigView(prefix, {
    changed: (entry) => {
      // Nobody sees a part of a revision.
      expect(entry.record?.file.revision ?? 0).toBeLessThanOrEqual(view.revision)
      changed.push(entry)
    },
    moved: (revision) => moved.push(revision),
    offered: ({ path, info }: ContentRef) => offered.push(`${path}@${info?.version}`),
    unreadable: (key) => unreadable.push(key),
    failed: () => undefined,
  })
  return { view, changed, offered, unreadable, moved }
}

/** All that can be seen of it from outside. */
function shown(view: ConfigView): unknown {
  const groups = [...view.groupEntries()].map(({ path, record, files, names }) => ({
    ...{ path, record, names: names.sorted },
    files: Array.from(files.values(), (entry) => ({
      ...{ path: entry.path, record: entry.record, gone: entry.gone, latestVersion: entry.latestVersion },
      ...{ full: entry.full.info, gray: entry.gray?.info },
    })).sort((a, b) => (a.path < b.path ? -1 : 1)),
  }))
  const { namespaces, files, released, revision } = view
  return {
    groups: groups.sort((a, b) => (a.path < b.path ? -1 : 1)),
    ...{ namespaces, files, released, revision, count: view.groups },
  }
}

function write(feeder: Feeder, how: number, key: FileKey): void {
  const now = feeder.file(key)
  if (how === 0) feeder.save(key)
  else if (how === 1 && now?.gray === undefined) feeder.publish(key, { content: `${feeder.revision % 3}` })
  else if (how === 2 && now?.gray === undefined) feeder.grayPublish(key, { content: 'gray', rule })
  else if (how === 3) feeder.stop(key)
  else if (how === 4) feeder.promote(key)
  else if (how === 5) feeder.delete(key)
  else if (how === 6) feeder.group(key)
  else if (how === 7) feeder.deleteGroup(key)
}

describe('a view', () => {
  test('shows what was written, and tells of what is seen otherwise than before', () => {
    const { view, changed, offered, moved } = fedView()
    const feeder = new Feeder()
    feeder.group(group)
    feeder.save(file)
    feeder.publish(file, { content: 'one' })
    takeUpTo(view, feeder, feeder.revision)
    const entry = view.file(file)
    expect(view.record(file)).toBe(entry?.record)
    expect(view.hasGroup(group)).toBe(true)
    expect(entry?.record?.file).toMatchObject({ ...file, latestVersion: 1, release: { version: 1 } })
    // Nobody has asked for its content.
    expect([changed, offered]).toEqual([[entry], []])
    expect(moved.at(-1)).toBe(feeder.revision)
    const info = entry?.full.info
    feeder.save(file, { comment: 'a draft' })
    takeUpTo(view, feeder, feeder.revision)
    // The same release is the same object, and nobody is told.
    expect(view.file(file)?.record?.file).toMatchObject({ comment: 'a draft', hasDraft: true })
    expect(view.file(file)?.full.info).toBe(info)
    expect(view.file(file)?.record?.file.release).toBe(info)
    expect(changed).toHaveLength(1)
    feeder.delete(file)
    takeUpTo(view, feeder, feeder.revision)
    expect(changed).toHaveLength(2)
    expect(entry).toMatchObject({
      record: undefined,
      gone: { version: 1, revision: feeder.revision },
      latestVersion: 1,
    })
    feeder.publish(file, { content: 'new' })
    takeUpTo(view, feeder, feeder.revision)
    expect(view.file(file)).toBe(entry)
    expect(entry).toMatchObject({ gone: undefined, latestVersion: 2, full: { info: { version: 2 } } })
    const slot = new CachedRelease('', 0, 0)
    if (entry !== undefined) entry.full.slot = slot
    feeder.publish(file, { content: 'newer' })
    takeUpTo(view, feeder, feeder.revision)
    expect(offered).toEqual([])
    slot.isUsed = true
    if (entry !== undefined) entry.full.slot = slot
    feeder.publish(file, { content: 'newest' })
    takeUpTo(view, feeder, feeder.revision)
    expect(offered).toEqual(['default/shop/app.yaml@4'])
  })

  test('gives each client what it sees', () => {
    const { view } = fedView()
    const feeder = new Feeder()
    feeder.publish(file, { content: 'full' })
    feeder.grayPublish(file, { content: 'gray', rule })
    takeUpTo(view, feeder, feeder.revision)
    const entry = view.file(file)
    expect(entry?.lineFor({}).info?.version).toBe(1)
    expect(entry?.lineFor({ labels: { zone: 'b' } }).info?.version).toBe(1)
    expect(entry?.lineFor({ labels: { zone: 'a' } }).info?.version).toBe(2)
  })

  test('is the same whether it was loaded, has followed, or was read anew after a gap', () => {
    const keys = [file, { ...group, file: 'b' }, odd, { namespace: 'x', group: 'shop', file: 'app.yaml' }]
    const act = fc.record({ how: fc.nat(7), key: fc.constantFrom(...keys) })
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), fc.nat(40), fc.boolean(), (acts, gapAfter, isListed) => {
        const feeder = new Feeder()
        const followed = fedView().view
        const gapped = fedView().view
        acts.forEach(({ how, key }, nth) => {
          write(feeder, how, key)
          takeUpTo(followed, feeder, feeder.revision)
          if (nth < gapAfter) takeUpTo(gapped, feeder, feeder.revision)
          // Lists that were asked for are kept in order from then on.
          if (isListed) shown(followed)
        })
        const loaded = fedView().view
        loaded.load(feeder.state)
        loaded.loaded(feeder.revision)
        gapped.replace(feeder.state, feeder.revision)
        gapped.progressed(feeder.revision)
        followed.progressed(feeder.revision)
        expect(shown(followed)).toEqual(shown(loaded))
        expect(shown(gapped)).toEqual(shown(loaded))
      }),
    )
  })

  test('leaves out what no hub has written, and what a later one may have', () => {
    const { view, unreadable } = fedView()
    view.fold(
      [
        putEvent('config/live/files/a/b', '{}', 5),
        putEvent('config/live/files/a/%62/c', '{}', 5),
        putEvent('config/live/files/a/b/%', '{}', 5),
        putEvent('config/live/files/a/b/c', 'no json', 5),
        putEvent('config/live/gone/a/b/c', 'no json', 5),
        putEvent('config/live/groups/a/b/c', '{}', 5),
        putEvent('config/live/later/a', '{}', 5),
        putEvent('config/other', '{}', 5),
        deleteEvent('config/live/files/a/b/%', 5),
        deleteEvent('config/live/files/a/b/c', 5),
        deleteEvent('config/live/groups/a/b', 5),
        deleteEvent('config/live/gone/a/b/c', 5),
      ],
      5,
    )
    expect(unreadable).toHaveLength(6)
    expect(view.revision).toBe(5)
    expect([...view.groupEntries()]).toEqual([])
  })

  test('tells of all that a gap has changed', () => {
    const { view, changed } = fedView()
    const feeder = new Feeder()
    feeder.publish(file, { content: 'one' })
    feeder.publish(odd, { content: 'one' })
    const third = { ...group, file: 'third' }
    feeder.publish(third, { content: 'one' })
    takeUpTo(view, feeder, feeder.revision)
    changed.length = 0
    feeder.publish(file, { content: 'two' })
    feeder.delete(odd)
    const state: readonly KeyValue[] = feeder.state
    view.replace(state, feeder.revision)
    expect(new Set(changed)).toEqual(new Set([view.file(file), view.file(odd)]))
  })
})

describe('names in order', () => {
  test('are in order, and found by their begin, whatever comes and goes', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', 'é', '\uffff'), maxLength: 4 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, fc.boolean()), { maxLength: 60 }),
        name,
        fc.nat(60),
        (acts, prefixed, at) => {
          const present = new Set<string>()
          const names = new SortedNames(() => present)
          acts.forEach(([one, isWanted], nth) => {
            if (nth === at) expect(names.sorted).toHaveLength(present.size)
            if (isWanted === present.has(one)) return
            if (isWanted) {
              names.add(one)
              present.add(one)
            } else {
              present.delete(one)
              names.remove(one)
            }
          })
          const expected = [...present].sort()
          expect(names.sorted).toEqual(expected)
          expect(names.size).toBe(present.size)
          expect(names.sorted.slice(...names.range(prefixed))).toEqual(
            expected.filter((one) => one.startsWith(prefixed)),
          )
        },
      ),
    )
  })
})
