import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import { expect, test } from 'vitest'
import { createConfigHub } from '../src/create-config-hub.ts'

const group = { namespace: 'n', group: 'g' }
const at = (file: string): typeof group & { readonly file: string } => ({ ...group, file })

const garbage: readonly (readonly [name: string, value: string])[] = [
  ['live/files/n/g/a', '5'],
  ['live/files/n/g/b', '{}'],
  ['live/files/n/g/c', '"text"'],
  ['live/files/n/g/d', 'null'],
  ['live/files/n/g/e', '{"latestVersion":"7"}'],
  ['live/groups/n/h', '[]'],
  ['live/gone/n/g/f', '{}'],
]

test('what no hub has written is logged, and in no list, whatever JSON it is', async () => {
  const environment = createManualEnvironment()
  await using store = createMemoryStore()
  await using hub = createConfigHub({ store, environment })
  await hub.start()
  await hub.files.save(at('good'), { content: 'x', tags: { a: 'b' } })
  for (const [name, value] of garbage) await store.put({ key: `config/${name}`, value })
  await hub.reached(store.status().revision)

  const logged = environment.logger.lines.map(({ fields }) => fields['key'])
  expect(logged).toEqual(garbage.map(([name]) => `config/${name}`))
  expect(hub.files.list().items.map(({ file }) => file)).toEqual(['good'])
  expect(hub.files.list({ tags: { a: 'b' } }).total).toBe(1)
  expect(hub.files.list({ released: false }).total).toBe(1)
  expect(hub.groups.list().items).toMatchObject([group])
  expect(hub.stats()).toMatchObject({ files: 1, groups: 1 })
})

test('nothing is released over what no hub has written: which versions there were is not known', async () => {
  const environment = createManualEnvironment()
  await using store = createMemoryStore()
  await using hub = createConfigHub({ store, environment })
  await hub.start()
  for (const [name, value] of garbage) await store.put({ key: `config/${name}`, value })
  await hub.reached(store.status().revision)

  for (const file of ['a', 'b', 'c', 'd', 'e']) {
    await expect(hub.releases.publish(at(file), { content: 'x' })).rejects.toThrow('the value is no file')
  }
  await expect(hub.releases.publish(at('f'), { content: 'x' })).rejects.toThrow('the value is no version')
  const releases = { key: 'config/live/releases/', rangeEnd: 'config/live/releases0' }
  expect((await store.range(releases)).count).toBe(0)
  expect(await hub.releases.publish(at('good'), { content: 'x' })).toMatchObject({ version: 1 })
})

test('a release that no hub has written ends no watch, and keeps nobody from the next one', async () => {
  const environment = createManualEnvironment()
  await using store = createMemoryStore()
  await using hub = createConfigHub({ store, environment })
  await hub.start()
  await hub.releases.publish(at('a'), { content: '1' })
  const changes = hub.watch({ targets: [at('a')] })[Symbol.asyncIterator]()
  expect((await changes.next()).value).toMatchObject({ changes: [{ release: { version: 1 } }] })
  const next = changes.next()
  // What comes along with its file, while somebody watches, is offered to the cache.
  const file = await store.get('config/live/files/n/g/a')
  const text = Buffer.from(file?.value ?? []).toString()
  await store.txn({
    success: [
      { type: 'put', key: 'config/live/releases/n/g/a/0000000000000002', value: 'no line ends here' },
      { type: 'put', key: 'config/live/files/n/g/a', value: text.replaceAll('ersion":1', 'ersion":2') },
    ],
  })
  await hub.reached(store.status().revision)
  expect(environment.logger.lines.map(({ fields }) => fields['key'])).toEqual([
    'config/live/releases/n/g/a/0000000000000002',
  ])
  await hub.releases.publish(at('a'), { content: '3' })
  expect((await next).value).toMatchObject({ changes: [{ release: { version: 3, content: '3' } }] })
})
