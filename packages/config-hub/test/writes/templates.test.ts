import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { Templates } from '../../src/config-hub.ts'
import { createTemplates } from '../../src/templates.ts'
import { createWriter, prefix, trailOf } from './writers.ts'

function createSome(store: Store): Templates {
  const { environment, ids, seen } = createWriter(store)
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
