import { createMemoryStore, type Store } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CatalogDeps } from '../src/catalog/catalog-deps.ts'
import { decodeRemovals, encodeInstance } from '../src/codec.ts'
import { RegistryError } from '../src/errors.ts'
import { instancePath, servicePath } from '../src/keys.ts'
import { toInstance } from '../src/validate.ts'
import { beforeTxn, createCatalog, prefix } from './catalog-view.ts'
import { spec } from './support.ts'

const shop = { namespace: 'default', service: 'shop' }
const code = (name: string): object => ({ code: `REGISTRY_${name}` })

/** Registers an instance as another member would: if its service is there. */
async function putInstance(store: Store, id: string, key = shop): Promise<boolean> {
  const draft = toInstance(spec({ ...key, id }), { current: undefined, evictAfterMs: 0, wallMs: 0 })
  const { succeeded } = await store.txn({
    compare: [
      {
        key: `${prefix}services/${servicePath(key)}`,
        target: 'createRevision',
        result: 'notEqual',
        value: 0,
      },
    ],
    success: [
      {
        type: 'put',
        key: `${prefix}instances/${instancePath({ ...key, id })}`,
        value: encodeInstance(draft),
      },
    ],
  })
  return succeeded
}

/** Writes instances without regard to anything, many in one txn. */
async function putMany(store: Store, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, n) => String(n).padStart(6, '0'))
  for (let at = 0; at < count; at += 100) {
    const success = ids.slice(at, at + 100).map((id) => ({
      type: 'put' as const,
      key: `${prefix}instances/default/shop/${id}`,
      value: '{"host":"h","port":1}',
    }))
    await store.txn({ success })
  }
}

async function keysOf(store: Store): Promise<string[]> {
  const { kvs } = await store.range({ key: prefix, rangeEnd: 'registry0', keysOnly: true })
  return kvs.map(({ keyString }) => keyString.slice(prefix.length))
}

describe('namespaces', () => {
  test('are created once, changed and deleted, and each write is waited for', async () => {
    await using store = createMemoryStore()
    const { namespaces, view } = createCatalog(store)
    const created = await namespaces.create('blue', { comment: 'c', exportTo: ['*'] })
    expect(created).toMatchObject({ name: 'blue', comment: 'c', metadata: {}, exportTo: ['*'] })
    expect(created.revision).toBe(created.createdRevision)
    expect(namespaces.get('blue')).toEqual(created)
    await expect(namespaces.create('blue')).rejects.toMatchObject(code('NAMESPACE_EXISTS'))
    const updated = await namespaces.update('blue', { metadata: { a: 'b' } })
    expect(updated).toEqual({ ...created, metadata: { a: 'b' }, revision: updated.revision })
    expect(updated.revision).toBeGreaterThan(created.revision)
    expect(namespaces.get('blue')).toEqual(updated)
    await namespaces.delete('blue')
    expect(namespaces.get('blue')).toBeUndefined()
    expect(view.reachedRevisions).toEqual([created.revision, updated.revision, store.status().revision])
    expect(await keysOf(store)).toEqual([])
  })

  test('that do not exist are neither changed nor deleted', async () => {
    await using store = createMemoryStore()
    const { namespaces } = createCatalog(store)
    await expect(namespaces.update('blue', {})).rejects.toMatchObject(code('NAMESPACE_NOT_FOUND'))
    await expect(namespaces.delete('blue')).rejects.toMatchObject(code('NAMESPACE_NOT_FOUND'))
    expect(store.status().revision).toBe(1)
  })

  test('with services stay; those whose names begin alike do not matter', async () => {
    await using store = createMemoryStore()
    const { namespaces, services } = createCatalog(store)
    await namespaces.create('blue')
    await services.create({ namespace: 'blue/x', service: 's' })
    await services.create({ namespace: 'blue1', service: 's' })
    await namespaces.delete('blue')
    await expect(namespaces.delete('blue1')).rejects.toMatchObject(code('NAMESPACE_IN_USE'))
    await expect(namespaces.delete('blue/x')).rejects.toMatchObject(code('NAMESPACE_IN_USE'))
  })

  test('a service that comes between reading and deleting keeps its namespace', async () => {
    await using store = createMemoryStore()
    const { namespaces, services } = createCatalog(store)
    await namespaces.create('blue')
    const calls = beforeTxn(store, (txn) =>
      txn === 1 ? services.create({ namespace: 'blue', service: 's' }) : undefined,
    )
    await expect(createCatalog(store, { calls }).namespaces.delete('blue')).rejects.toMatchObject(
      code('NAMESPACE_IN_USE'),
    )
    expect(await keysOf(store)).toEqual(['namespaces/blue', 'services/blue/s'])
  })

  test('are listed in order of name', async () => {
    await using store = createMemoryStore()
    const { namespaces } = createCatalog(store)
    for (const name of ['b', 'B', 'a.b', 'a']) await namespaces.create(name)
    expect(namespaces.list().map(({ name }) => name)).toEqual(['B', 'a', 'a.b', 'b'])
  })

  test('what is wrong with them is said before anything is written', async () => {
    await using store = createMemoryStore()
    const { namespaces } = createCatalog(store)
    await namespaces.create('blue')
    const { revision } = store.status()
    await expect(namespaces.create('a b')).rejects.toMatchObject(code('INVALID'))
    await expect(namespaces.update('..', {})).rejects.toMatchObject(code('INVALID'))
    await expect(namespaces.delete('')).rejects.toMatchObject(code('INVALID'))
    await expect(namespaces.update('blue', { comment: 'x'.repeat(1_025) })).rejects.toMatchObject(
      code('INVALID'),
    )
    await expect(namespaces.update('blue', null as never)).rejects.toMatchObject(code('INVALID'))
    expect(store.status().revision).toBe(revision)
  })
})

describe('services', () => {
  test('come with their namespace, in one revision', async () => {
    await using store = createMemoryStore()
    const { services, namespaces } = createCatalog(store)
    const created = await services.create(shop, { ports: '80', protectThreshold: 0.5 })
    expect(created).toMatchObject({ namespace: 'default', name: 'shop', ports: '80', protectThreshold: 0.5 })
    expect(namespaces.get('default')?.revision).toBe(created.revision)
    expect(services.get(shop)).toEqual(created)
    const other = await services.create({ ...shop, service: 'cart' })
    expect(namespaces.get('default')?.revision).toBe(created.revision)
    expect(other.revision).toBeGreaterThan(created.revision)
  })

  test('do not come with their namespace where that is not wanted', async () => {
    await using store = createMemoryStore()
    const { services, namespaces } = createCatalog(store, { autoCreate: false })
    await expect(services.create(shop)).rejects.toMatchObject(code('NAMESPACE_NOT_FOUND'))
    expect(await keysOf(store)).toEqual([])
    await namespaces.create('default')
    await services.create(shop)
    await expect(services.create(shop)).rejects.toMatchObject(code('SERVICE_EXISTS'))
  })

  test('are changed field by field, and keep when they were created', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    const created = await services.create(shop, { ports: '80', protectThreshold: 0.5 })
    const updated = await services.update(shop, { business: 'b', protectThreshold: null })
    expect(updated).toEqual({
      ...created,
      business: 'b',
      protectThreshold: undefined,
      revision: updated.revision,
    })
    expect(services.get(shop)).toEqual(updated)
    await expect(services.update({ ...shop, service: 'x' }, {})).rejects.toMatchObject(
      code('SERVICE_NOT_FOUND'),
    )
    await expect(services.update(shop, null as never)).rejects.toMatchObject(code('INVALID'))
  })

  test('of two changes at the same revision, one is refused, and learns both revisions', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    const { revision } = await services.create(shop)
    const changes = ['a', 'b'].map((comment) => services.update(shop, { comment }, { ifRevision: revision }))
    const results = await Promise.allSettled(changes)
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = results.find((result) => result.status === 'rejected')
    expect(refused?.reason).toMatchObject(code('CONFLICT'))
    expect(String(refused?.reason)).toContain(String(revision))
    expect(String(refused?.reason)).toContain(String(services.get(shop)?.revision))
  })

  test('changes of different fields at the same time all take effect', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await Promise.all([
      services.update(shop, { comment: 'c' }),
      services.update(shop, { ports: 'p' }),
      services.update(shop, { business: 'b' }),
      services.update(shop, { department: 'd' }),
    ])
    expect(services.get(shop)).toMatchObject({ comment: 'c', ports: 'p', business: 'b', department: 'd' })
  })

  test('a change of one that goes meanwhile does not bring it back', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    const calls = beforeTxn(store, (txn) => (txn === 1 ? services.delete(shop) : undefined))
    await expect(
      createCatalog(store, { calls }).services.update(shop, { comment: 'c' }),
    ).rejects.toMatchObject(code('SERVICE_NOT_FOUND'))
    expect(await keysOf(store)).toEqual(['namespaces/default'])
  })

  test('a member that never gets its turn gives up', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    const calls = beforeTxn(store, (txn) => services.update(shop, { comment: String(txn) }))
    await expect(createCatalog(store, { calls }).services.update(shop, { ports: 'p' })).rejects.toMatchObject(
      code('OVERLOADED'),
    )
  })

  test('are not served before the view is ready, and not waited for when nobody waits any more', async () => {
    await using store = createMemoryStore()
    const { services, namespaces, view } = createCatalog(store)
    view.refusal = new RegistryError('REGISTRY_NOT_READY', 'it reads')
    await expect(services.create(shop)).rejects.toMatchObject(code('NOT_READY'))
    await expect(services.update(shop, {})).rejects.toMatchObject(code('NOT_READY'))
    await expect(services.delete(shop)).rejects.toMatchObject(code('NOT_READY'))
    await expect(namespaces.create('blue')).rejects.toMatchObject(code('NOT_READY'))
    view.refusal = undefined
    const reason = new Error('enough')
    await expect(services.create(shop, {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await keysOf(store)).toEqual([])
  })
})

describe('deleting a service', () => {
  test('takes what is kept of its removals with it', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await store.put({ key: `${prefix}removals/default/shop`, value: '{"evicted":["a"]}' })
    await services.delete(shop)
    expect(await keysOf(store)).toEqual(['namespaces/default'])
    await expect(services.delete(shop)).rejects.toMatchObject(code('SERVICE_NOT_FOUND'))
  })

  test('is refused at another revision than the one given', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    const { revision } = await services.create(shop)
    await putInstance(store, 'a')
    const options = { ifRevision: revision - 1, withInstances: true }
    await expect(services.delete(shop, options)).rejects.toMatchObject(code('CONFLICT'))
    expect(await keysOf(store)).toContain('instances/default/shop/a')
    await services.delete(shop, { ifRevision: revision, withInstances: true })
  })

  test('is refused while it has instances; those of services whose names begin alike do not matter', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    for (const service of ['shop', 'shop/x', 'shop1']) await services.create({ ...shop, service })
    await putInstance(store, 'a', { ...shop, service: 'shop/x' })
    await putInstance(store, 'a', { ...shop, service: 'shop1' })
    await services.delete(shop)
    await expect(services.delete({ ...shop, service: 'shop/x' })).rejects.toMatchObject(
      code('SERVICE_IN_USE'),
    )
    await services.delete({ ...shop, service: 'shop/x' }, { withInstances: true })
    expect(await keysOf(store)).toEqual([
      'instances/default/shop1/a',
      'namespaces/default',
      'services/default/shop1',
    ])
  })

  test('an instance that registers between reading and deleting keeps its service', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    const calls = beforeTxn(store, (txn) => (txn === 1 ? putInstance(store, 'late') : undefined))
    await expect(createCatalog(store, { calls }).services.delete(shop)).rejects.toMatchObject(
      code('SERVICE_IN_USE'),
    )
    expect(await keysOf(store)).toContain('services/default/shop')
  })

  test('with its instances tells why they go in the revision in which they go', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await putMany(store, 250)
    await putInstance(store, 'ä/b c')
    const from = store.status().revision
    await services.delete(shop, { withInstances: true })
    expect(await keysOf(store)).toEqual(['namespaces/default'])
    const last = store.status().revision
    const told = new Map<number, ReadonlyMap<string, string>>()
    const gone = new Map<string, number>()
    for await (const { events, revision } of store.watch({
      key: prefix,
      rangeEnd: 'registry0',
      startRevision: from + 1,
    })) {
      for (const { type, kv } of events) {
        const path = kv.keyString.slice(prefix.length)
        if (type === 'put') told.set(kv.modRevision, decodeRemovals(kv.value))
        else if (path.startsWith('instances/')) gone.set(decodeURIComponent(path.slice(23)), kv.modRevision)
      }
      if (revision >= last) break
    }
    expect(gone.size).toBe(251)
    expect([...gone.keys()]).toContain('ä/b c')
    for (const [id, revision] of gone) expect(told.get(revision)?.get(id)).toBe('serviceDeleted')
  })

  test('with its instances takes those that register meanwhile, too', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await putMany(store, 150)
    const late: boolean[] = []
    const calls = beforeTxn(store, async (txn) => {
      if (txn <= 5) late.push(await putInstance(store, `late-${txn}`))
    })
    await createCatalog(store, { calls }).services.delete(shop, { withInstances: true })
    expect(late).toContain(true)
    expect(await keysOf(store)).toEqual(['namespaces/default'])
    expect(await putInstance(store, 'later')).toBe(false)
  })

  test('with its instances stops when it is changed and a revision was given', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    const { revision } = await services.create(shop)
    await putMany(store, 150)
    const calls = beforeTxn(store, (txn) => (txn === 2 ? services.update(shop, { comment: 'c' }) : undefined))
    const deletion = createCatalog(store, { calls }).services.delete(shop, {
      withInstances: true,
      ifRevision: revision,
    })
    await expect(deletion).rejects.toMatchObject(code('CONFLICT'))
    const keys = await keysOf(store)
    expect(keys).toContain('services/default/shop')
    expect(keys).toContain('instances/default/shop/000149')
  })

  test('with its instances goes on when it is changed and no revision was given, without idle rounds', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await putMany(store, 150)
    let txns = 0
    const calls = beforeTxn(store, (txn) => {
      txns = txn
      return txn === 1 ? services.update(shop, { comment: 'c' }) : undefined
    })
    await createCatalog(store, { calls }).services.delete(shop, { withInstances: true })
    expect(await keysOf(store)).toEqual(['namespaces/default'])
    expect(txns).toBeLessThan(8)
  })

  test('that fails in the middle leaves the service with the rest, and is finished by the next one', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    const { revision } = await services.create(shop)
    await putMany(store, 250)
    const failure = new Error('the store is gone for a while')
    const calls = beforeTxn(store, (txn) => (txn === 2 ? Promise.reject(failure) : undefined))
    const options = { withInstances: true, ifRevision: revision }
    await expect(createCatalog(store, { calls }).services.delete(shop, options)).rejects.toBe(failure)
    const left = await keysOf(store)
    expect(left.filter((key) => key.startsWith('instances/'))).toHaveLength(250 - 99)
    expect(left).toContain('services/default/shop')
    // Nothing in between stops the next one: the service is at the revision at which it was.
    expect(await putInstance(store, 'late')).toBe(true)
    await services.delete(shop, options)
    expect(await keysOf(store)).toEqual(['namespaces/default'])
  })

  test('that nobody waits for any more goes no further, and is finished by the next one', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await putMany(store, 250)
    const waiting = new AbortController()
    const calls = beforeTxn(store, (txn) => {
      if (txn === 3) waiting.abort()
      return undefined
    })
    const options = { withInstances: true, signal: waiting.signal }
    const deletion = createCatalog(store, { calls }).services.delete(shop, options)
    await expect(deletion).rejects.toMatchObject({ name: 'AbortError' })
    const left = await keysOf(store)
    expect(left.filter((key) => key.startsWith('instances/'))).toHaveLength(250 - 2 * 99)
    await services.delete(shop, { withInstances: true })
    expect(await keysOf(store)).toEqual(['namespaces/default'])
  })

  test('whose last answer is lost has been done: the next one finds no service', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await putMany(store, 50)
    let txns = 0
    const txn: Store['txn'] = async (...args) => {
      const result = await store.txn(...args)
      if (++txns === 2) throw new Error('the connection is gone')
      return result
    }
    const calls = { ...beforeTxn(store, () => undefined), txn }
    const deletion = createCatalog(store, { calls }).services.delete(shop, { withInstances: true })
    await expect(deletion).rejects.toThrow('the connection is gone')
    await expect(services.delete(shop, { withInstances: true })).rejects.toMatchObject(
      code('SERVICE_NOT_FOUND'),
    )
    expect(await keysOf(store)).toEqual(['namespaces/default'])
  })

  test('with more instances than it may remove is refused before any goes', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await putMany(store, 100_100)
    const { keys } = store.status()
    await expect(services.delete(shop, { withInstances: true })).rejects.toMatchObject(code('SERVICE_IN_USE'))
    expect(store.status().keys).toBe(keys)
  })
})

describe('aliases', () => {
  const alias = { namespace: 'other', service: 'store' }

  test('stand for a service, of whichever namespace', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    expect(await services.create(alias, { aliasOf: shop, comment: 'c' })).toMatchObject({
      aliasOf: shop,
      comment: 'c',
    })
    expect(services.get(alias)).toMatchObject({ name: 'store', aliasOf: shop })
    expect(await services.update(alias, { comment: 'd' })).toMatchObject({ aliasOf: shop, comment: 'd' })
  })

  test('stand neither for nothing, nor for themselves, nor for each other', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await expect(services.create(alias, { aliasOf: shop })).rejects.toMatchObject(code('SERVICE_NOT_FOUND'))
    await expect(services.create(shop, { aliasOf: shop })).rejects.toMatchObject(code('ALIAS_INVALID'))
    await services.create(shop)
    await services.create(alias, { aliasOf: shop })
    const further = { namespace: 'other', service: 'further' }
    await expect(services.create(further, { aliasOf: alias })).rejects.toMatchObject(code('ALIAS_INVALID'))
  })

  test('come neither about by a change nor over a service', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await services.create(alias)
    await expect(services.update(alias, { aliasOf: shop })).rejects.toMatchObject(code('ALIAS_INVALID'))
    await expect(services.create(alias, { aliasOf: shop })).rejects.toMatchObject(code('SERVICE_EXISTS'))
  })

  test('keep their target, until they are gone', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await services.create(alias, { aliasOf: shop })
    await putInstance(store, 'a')
    await expect(services.delete(shop, { withInstances: true })).rejects.toMatchObject(code('SERVICE_IN_USE'))
    expect(await keysOf(store)).toContain('instances/default/shop/a')
    await services.delete(alias)
    await services.delete(shop, { withInstances: true })
    expect(await keysOf(store)).toEqual(['namespaces/default', 'namespaces/other'])
  })

  test('one that comes between looking for it and deleting keeps its target', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    const calls = beforeTxn(store, (txn) =>
      txn === 1 ? services.create(alias, { aliasOf: shop }) : undefined,
    )
    await expect(createCatalog(store, { calls }).services.delete(shop)).rejects.toMatchObject(
      code('SERVICE_IN_USE'),
    )
    expect(services.get(shop)).toBeDefined()
  })

  test('are not created for a target that goes, or becomes another, meanwhile', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    const third = { namespace: 'default', service: 'third' }
    await services.create(third)
    await services.create(shop)
    const going = beforeTxn(store, (txn) => (txn === 1 ? services.delete(shop) : undefined))
    await expect(
      createCatalog(store, { calls: going }).services.create(alias, { aliasOf: shop }),
    ).rejects.toMatchObject(code('SERVICE_NOT_FOUND'))
    await services.create(shop)
    const turning = beforeTxn(store, async (txn) => {
      if (txn > 1) return
      await services.delete(shop)
      await services.create(shop, { aliasOf: third })
    })
    const creation = createCatalog(store, { calls: turning }).services.create(alias, { aliasOf: shop })
    await expect(creation).rejects.toMatchObject(code('ALIAS_INVALID'))
  })

  test('are found without a look at any other service', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await services.create(alias, { aliasOf: shop })
    const calls = beforeTxn(store, () => undefined)
    const range = (): never => expect.unreachable('a deletion without instances ranges over nothing')
    const counted = createCatalog(store, { calls: { ...calls, range } })
    await expect(counted.services.delete(shop)).rejects.toThrow('other/store is an alias of shop')
    await counted.services.delete(alias)
    await counted.services.delete(shop)
  })

  test('of services whose names begin alike do not matter', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    for (const service of ['shop', 'shop/x', 'shop1']) await services.create({ ...shop, service })
    await services.create(alias, { aliasOf: { ...shop, service: 'shop/x' } })
    await services.create({ ...alias, service: 's' }, { aliasOf: { ...shop, service: 'shop1' } })
    await services.delete(shop)
    await expect(services.delete({ ...shop, service: 'shop/x' })).rejects.toMatchObject(
      code('SERVICE_IN_USE'),
    )
  })

  test('of which one is deleted and made for another target keep that one, and let the first go', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    const third = { namespace: 'default', service: 'third' }
    await services.create(shop)
    await services.create(third)
    await services.create(alias, { aliasOf: shop })
    await services.delete(alias)
    await services.create(alias, { aliasOf: third })
    await services.delete(shop)
    await expect(services.delete(third)).rejects.toMatchObject(code('SERVICE_IN_USE'))
    expect(await keysOf(store)).toContain('aliases/default/third/other/store')
    await services.delete(alias)
    await services.delete(third)
    expect(await keysOf(store)).toEqual(['namespaces/default', 'namespaces/other'])
  })

  test('one that comes while instances are removed keeps its target, and what is left of them', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await putMany(store, 250)
    const calls = beforeTxn(store, (txn) =>
      txn === 2 ? services.create(alias, { aliasOf: shop }) : undefined,
    )
    const deletion = createCatalog(store, { calls }).services.delete(shop, { withInstances: true })
    await expect(deletion).rejects.toThrow('other/store is an alias of shop')
    const keys = await keysOf(store)
    expect(keys.filter((key) => key.startsWith('instances/'))).toHaveLength(250 - 99)
  })

  test('and deletions of their targets, in whatever order, never leave one that stands for nothing', async () => {
    const outcomes = new Set<boolean>()
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        await using store = createMemoryStore()
        const { services } = createCatalog(store)
        await services.create(shop)
        const turn = (): Promise<void> => scheduler.schedule(Promise.resolve())
        const calls: CatalogDeps['store'] = {
          ...beforeTxn(store, turn),
          get: async (...args) => {
            await turn()
            return await store.get(...args)
          },
        }
        const [creator, deleter] = [createCatalog(store, { calls }), createCatalog(store, { calls })]
        const both = [creator.services.create(alias, { aliasOf: shop }), deleter.services.delete(shop)]
        const settled = Promise.allSettled(both)
        await scheduler.waitFor(settled)
        const results = await settled
        const statuses = results.map(({ status }) => status)
        expect(statuses.sort()).toEqual(['fulfilled', 'rejected'])
        const keys = await keysOf(store)
        const isStanding = keys.includes('services/other/store')
        outcomes.add(isStanding)
        expect(keys.includes('aliases/default/shop/other/store')).toBe(isStanding)
        expect(keys.includes('services/default/shop')).toBe(isStanding)
      }),
      { numRuns: 50 },
    )
    expect(outcomes.size).toBe(2)
  })

  test('what somebody else wrote beside services keeps nobody from deleting one', async () => {
    await using store = createMemoryStore()
    const { services } = createCatalog(store)
    await services.create(shop)
    await store.put({ key: `${prefix}services/default/strange`, value: 'no JSON' })
    await store.put({ key: `${prefix}services/default/%`, value: '{}' })
    await services.delete(shop)
  })
})
