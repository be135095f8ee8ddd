import { showRules } from './rules.ts'
import { tellHistory } from './history.ts'
// #region readme
import { createConfigHub } from '@orrery/config-hub'
import { createMemoryStore } from '@orrery/store'

await using store = createMemoryStore()
await using hub = createConfigHub({ store })
await hub.start()

const file = { namespace: 'default', group: 'shop', file: 'shop.yaml' }
await hub.releases.publish(file, { content: 'cart: old\n' }, { actor: 'ann' })
const rule = { labels: [{ label: 'zone', type: 'exact', value: 'a' }] } as const
await hub.gray.publish(file, { content: 'cart: new\n', rule }, { actor: 'ann', reason: 'a try' })

const some = { ...file, client: { labels: { zone: 'a' } } }
const others = { ...file, client: { labels: { zone: 'b' } } }
const show = async (): Promise<void> => {
  for (const who of [some, others]) {
    const { version, content } = (await hub.read(who)) ?? {}
    console.log(`version ${version}, ${content?.trim()}`)
  }
}
await show()
await hub.gray.promote(file, { actor: 'ann', reason: 'it works' }) // or gray.stop, and some see what others do
await show()
// #endregion readme

await showRules(hub, file)
await tellHistory(hub, file)
