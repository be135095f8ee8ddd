import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { Templates } from '../../src/config-hub.ts'
import { createTemplates } from '../../src/templates.ts'
import { createWriter, prefix, trailOf } from './writers.ts'

function createSome(store: Store, writer = createWriter(store)): Templates {
  const { environment, ids, seen } = writer
  const { reached } = seen
  return createTemplates({
    ...{ store, environment, prefix, ids, reached },
    ...{ contentMaxBytes: 100, ensureOpen: () => undefined },
  })
}

describe('templates', () => {
  test('are saved, replaced, read and deleted', async () => {
    await using store = createMemoryStore()
    const templates = createSome(store)
    const saved = await templates.save('web/nginx', { content: 'a\nb', format: 'yaml', comment: 'c' })
    expect(saved).toMatchObject({ name: 'web/nginx', content: 'a\nb', format: 'yaml', comment: 'c' })
    expect(await templates.get('web/nginx')).toEqual(saved)
    const replaced = await templates.save('web/nginx', { content: '' }, { ifRevision: saved.revision })
    expect(replaced).toMatchObject({
      content: '',
      format: 'text',
      comment: '',
      createdAtMs: saved.createdAtMs,
    })
    await templates.delete('web/nginx', { actor: 'ann' })
    expect(await templates.get('web/nginx')).toBeUndefined()
    expect(await trailOf(store)).toMatchObject([
      { action: 'templateSaved', namespace: '', group: '', file: 'web/nginx', beforeRevision: 0 },
      { action: 'templateSaved', beforeRevision: saved.revision },
      { action: 'templateDeleted', actor: 'ann' },
    ])
  })

  test('are listed in the order of their names, in slices', async () => {
    await using store = createMemoryStore()
    const templates = createSome(store)
    for (const name of ['b', 'a/b', 'c', 'a']) await templates.save(name, { content: name })
    const first = await templates.list({ limit: 3 })
    expect(first.items.map(({ name }) => name)).toEqual(['a', 'a/b', 'b'])
    const rest = await templates.list({ after: first.next })
    expect(rest.items.map(({ name }) => name)).toEqual(['c'])
    expect(rest.next).toBeUndefined()
  })

  test('are in the order of their names as files are, whatever the store makes of the names', async () => {
    await using store = createMemoryStore()
    const templates = createSome(store)
    const names = ['a', 'z', 'é', 'a/b', 'a-b', 'a b', 'Z', '日本', '😀', '\ufb01']
    for (const name of names) await templates.save(name, { content: name })
    const inOrder = names.toSorted()
    expect((await templates.list()).items.map(({ name }) => name)).toEqual(inOrder)
    const inSlices: (string | undefined)[] = []
    let after: string | undefined
    do {
      const { items, next } = await templates.list({ after, limit: 1 })
      expect(items.map(({ content }) => content)).toEqual(items.map(({ name }) => name))
      inSlices.push(...items.map(({ name }) => name))
      after = next
    } while (after !== undefined)
    expect(inSlices).toEqual(inOrder)
    // One that is no more, or never was, has its place all the same.
    await templates.delete('a/b')
    expect((await templates.list({ after: 'a/b', limit: 1 })).items).toMatchObject([{ name: 'z' }])
    expect((await templates.list({ after: 'A', limit: 1 })).items).toMatchObject([{ name: 'Z' }])
    expect(await templates.list({ after: '\uffff' })).toEqual({ items: [], next: undefined })
  })

  test('are without those that no hub has written, which can be replaced and deleted', async () => {
    await using store = createMemoryStore()
    const writer = createWriter(store)
    const templates = createSome(store, writer)
    for (const name of ['a', 'd']) await templates.save(name, { content: name })
    for (const key of ['%', 'a/b', '%61'])
      await store.put({ key: `${prefix}templates/${key}`, value: '{}\n' })
    for (const key of ['b', 'c']) await store.put({ key: `${prefix}templates/${key}`, value: '{}\ntext' })
    expect((await templates.list()).items.map(({ name }) => name)).toEqual(['a', 'd'])
    expect(await templates.get('b')).toBeUndefined()
    const logged = writer.environment.logger.lines.map(({ fields }) => fields['key'])
    expect(new Set(logged)).toEqual(
      new Set(['%', 'a/b', '%61', 'b', 'c'].map((key) => `${prefix}templates/${key}`)),
    )
    const slice = await templates.list({ after: 'a', limit: 1 })
    expect(slice).toEqual({ items: [], next: 'b' })
    expect(await templates.save('b', { content: 'new' })).toMatchObject({ content: 'new' })
    await templates.delete('c')
    expect((await templates.list()).items.map(({ name }) => name)).toEqual(['a', 'b', 'd'])
  })

  test('say what is wrong', async () => {
    await using store = createMemoryStore()
    const templates = createSome(store)
    const refused = (code: string): { code: string } => ({ code })
    await expect(templates.delete('none')).rejects.toMatchObject(refused('CONFIG_TEMPLATE_NOT_FOUND'))
    await templates.save('a', { content: 'x' })
    await expect(templates.save('a', { content: 'y' }, { ifRevision: 0 })).rejects.toMatchObject(
      refused('CONFIG_CONFLICT'),
    )
    await expect(templates.save('a', { content: 'x'.repeat(101) })).rejects.toMatchObject(
      refused('CONFIG_INVALID'),
    )
    await expect(templates.save('', { content: 'x' })).rejects.toMatchObject(refused('CONFIG_INVALID'))
  })
})
