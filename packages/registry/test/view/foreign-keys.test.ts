import { createRecordingLogger } from '@orrery/environment/testing'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../src/create-registry.ts'
import { spec } from '../support.ts'

const shop = { namespace: 'default', service: 'shop' }

/** Keys below the registry's prefix that no registry writes, but a hand may. */
const foreign = [
  'instances/default/shop/100%',
  'instances/default/%zz/a',
  'instances/default/shop/a/b',
  'instances/default/shop',
  'instances/',
  'services/default/shop/a',
  'services/%',
  'namespaces/default/shop',
  'removals/%e0%a4/shop',
  'checkers/a/b',
  'later/%zz',
]

describe('keys that no registry writes', () => {
  test.each(foreign)('%s comes, changes and goes, and is skipped', async (path) => {
    await using store = createMemoryStore()
    const logger = createRecordingLogger()
    await using registry = createRegistry({ store, environment: systemEnvironment({ logger }) })
    await registry.start()
    const instance = await registry.register(spec())
    const key = `registry/${path}`
    const before = registry.stats()
    for (const value of ['{}', '{"host":"10.0.0.2","port":1}']) await store.put({ key, value })
    await store.deleteRange({ key })
    // What is written afterwards is followed as ever.
    const other = await registry.register(spec({ id: 'b' }))
    expect(registry.stats()).toEqual({ ...before, instances: 2, healthy: 2 })
    expect(registry.discover(shop)).toMatchObject({ instances: [instance, other] })
    expect(registry.instance(instance)).toEqual(instance)
    const messages = new Set(logger.lines.map(({ message }) => message))
    expect([...messages]).toEqual(path.startsWith('later') ? [] : ['the registry skips what it cannot read'])
  })

  test('are skipped by who starts, too', async () => {
    await using store = createMemoryStore()
    for (const path of foreign) await store.put({ key: `registry/${path}`, value: '{"host":"h","port":1}' })
    await using registry = createRegistry({ store })
    await registry.start()
    expect(registry.stats()).toMatchObject({ namespaces: 0, services: 0, instances: 0 })
  })
})
