// #region readme
import { eurekaPlugin } from '@orrery/adapter-eureka'
import { createRegistry } from '@orrery/registry'
import { createMemoryStore } from '@orrery/store'
import { fastify } from 'fastify'

const registry = createRegistry({ store: createMemoryStore() }) // or openStore, or a member of a cluster
await registry.start()

const app = fastify() // your server, with your routes
app.get('/', () =>
  registry.services.list().items.map(({ service, healthy }) => `${service.name}: ${healthy}`),
)
await app.register(eurekaPlugin, { registry })

const address = await app.listen({ port: Number(process.env['PORT'] ?? 8761) })
console.log(`eureka.client.service-url.defaultZone=${address}/eureka/`)
// #endregion readme
