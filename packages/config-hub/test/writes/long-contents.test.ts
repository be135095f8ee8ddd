import { createMemoryStore, type Store } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ConfigHub, createConfigHub } from '../../src/index.ts'

const group = { namespace: 'default', group: 'shop' }
const long = { ...group, file: 'long.yaml' }
const short = { ...group, file: 'short.txt' }
const lines = Array.from({ length: 2_000 }, (_, n) => `service-${n}: {host: example.org, port: ${n}}\n`)
const content = lines.join('')

let store: Store
let hub: ConfigHub
beforeEach(async () => {
  store = createMemoryStore()
  hub = createConfigHub({ store })
  await hub.start()
  await hub.releases.publish(short, { content: '0' })
})
afterEach(async () => {
  await hub.close()
  await store.close()
})

describe('a release that takes long to check', () => {
  test('keeps nobody waiting but later ones of its file', async () => {
    const order: string[] = []
    const done = (name: string) => (): unknown => order.push(name)
    await Promise.all([
      hub.releases.publish(long, { content }).then(done('long')),
      hub.releases.publish(long, { content: 'a: 1\n' }).then(done('after it')),
      hub.releases.publish(short, { content: '1' }).then(done('short')),
    ])
    expect(order).toEqual(['short', 'long', 'after it'])
    expect(await hub.read(long)).toMatchObject({ version: 2, content: 'a: 1\n' })
    expect(await hub.releases.get(long, 1)).toMatchObject({ content })
  })

  test('is refused where it is not of its format, and leaves nothing', async () => {
    await expect(hub.releases.publish(long, { content: `${content}a: [\n` })).rejects.toMatchObject({
      code: 'CONFIG_CONTENT_INVALID',
      line: 2_002,
    })
    expect(hub.files.get(long)).toBeUndefined()
    expect(await hub.releases.publish(long, { content })).toMatchObject({ version: 1 })
  })

  test('fails when the hub is closed meanwhile', async () => {
    const published = hub.releases.publish(long, { content })
    const closed = expect(published).rejects.toMatchObject({ code: 'CONFIG_CLOSED' })
    await hub.close()
    await closed
    expect((await store.range({ key: 'config/live/files/', rangeEnd: 'config/live/files0' })).count).toBe(1)
  })
})
