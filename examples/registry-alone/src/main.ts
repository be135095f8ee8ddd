// #region readme
import { createRegistry } from '@orrery/registry'
import { createMemoryStore } from '@orrery/store'

await using store = createMemoryStore() // or openStore({ directory }), to find everything again
await using registry = createRegistry({ store })
await registry.start()

const cart = { namespace: 'default', service: 'cart' }
const instance = await registry.register({ ...cart, host: '10.0.0.7', port: 8080, ttlMs: 30_000 })
// From now on, at least three times in 30 s; after `unknown`, register again.
console.log('heartbeat:', registry.heartbeat(instance))

const answer = registry.discover({ ...cart, healthyOnly: true })
if (answer.type === 'snapshot') for (const { host, port } of answer.instances) console.log(`${host}:${port}`)

void registry.deregister(instance)
for await (const { instances } of registry.subscribe(cart)) {
  console.log('instances:', instances.length)
  if (instances.length === 0) break // or follow for as long as you like
}
// #endregion readme
