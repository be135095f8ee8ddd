import { followFromCache } from './from-cache.ts'
import { nextVersion } from './next-version.ts'
// #region readme
import { createConfigHub } from '@orrery/config-hub'
import { createMemoryStore } from '@orrery/store'

await using store = createMemoryStore() // or openStore({ directory }), to find everything again
await using hub = createConfigHub({ store })
await hub.start()

const file = { namespace: 'default', group: 'shop', file: 'shop.yaml' }
await hub.releases.publish(file, { content: 'timeoutMs: 500' }, { actor: 'ann', reason: 'first of all' })
console.log('read:', (await hub.read(file))?.content)

void hub.releases.publish(file, { content: 'timeoutMs: 800' }, { actor: 'ben', reason: 'slow network' })
for await (const { changes } of hub.watch({ targets: [file] })) {
  const [change] = changes
  if (change?.type !== 'released') break // it is withdrawn, or deleted
  console.log('watched:', change.release.content)
  if (change.release.version === 2) break // or follow for as long as you like
}
// #endregion readme

const next = nextVersion(hub, file)
await hub.releases.publish(file, { content: 'timeoutMs: 900' })
console.log('polled: version', await next)
await followFromCache(hub, { file, directory: 'last-known' })

// The same program after a restart: its hub is not ready yet.
await hub.releases.publish(file, { content: 'timeoutMs: 1000' })
await using restarted = createConfigHub({ store })
await followFromCache(restarted, { file, directory: 'last-known' })
