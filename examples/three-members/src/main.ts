// #region readme
import { createMemoryHeartbeatStore, createRegistry } from '@orrery/registry'
import { inMemoryCluster } from '@orrery/store'

const alive = setInterval(() => {}, 1_000) // what the sockets of a server do: our timers keep no process alive
const cluster = await inMemoryCluster({ members: 3 })
// Every member sees all heartbeats. On machines of their own they forward them to each other, or share a Redis.
const heartbeats = createMemoryHeartbeatStore()
const registries = cluster.members.map(({ name, store }) =>
  createRegistry({ store, member: { name, heartbeats: { type: 'shared', store: heartbeats } } }),
)
await Promise.all(registries.map((registry) => registry.start()))

const cart = { namespace: 'default', service: 'cart', id: 'cart-1' }
await registries[0]?.register({ ...cart, host: '10.0.0.7', port: 8080, ttlMs: 30_000 })
for (const registry of registries) console.log((await registry.discoverLinearizable(cart)).type)

// The leader is lost. Whoever spoke to it goes to another one.
await registries.shift()?.close()
await cluster.members[0]?.store.close()
for (const registry of registries) console.log(registry.discover(cart).type, registry.heartbeat(cart))
await registries[0]?.deregister(cart) // as soon as another one leads
console.log('instances:', registries[0]?.instances().total)
for (const registry of registries) await registry.close()
await cluster.close()
clearInterval(alive)
// #endregion readme
