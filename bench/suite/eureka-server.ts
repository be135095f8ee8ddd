// Servers for the scenario `eureka`, all on Fastify:
//   eureka               the Eureka adapter on a registry in memory
//   empty                a handler that does nothing
//   bytes <file>         a handler that gives the same bytes each time, as gzip
import { readFileSync } from 'node:fs'
import { eurekaPlugin } from '@orrery/adapter-eureka'
import { createRegistry } from '@orrery/registry'
import { createMemoryStore } from '@orrery/store'
import { fastify } from 'fastify'

const [kind, file = ''] = process.argv.slice(2)
const app = fastify()

if (kind === 'eureka') {
  const registry = createRegistry({ store: createMemoryStore() })
  await registry.start()
  await app.register(eurekaPlugin, { registry })
  await app.ready()
} else if (kind === 'empty') {
  app.put('/eureka/apps/:app/:id', (_request, reply) => reply.code(200).send())
} else {
  const bytes = readFileSync(file)
  app.get('/eureka/apps', (_request, reply) =>
    reply.header('content-type', 'application/json').header('content-encoding', 'gzip').send(bytes),
  )
}

const address = await app.listen({ host: '127.0.0.1', port: 0, backlog: 1_024 })
process.stdout.write(`listening ${new URL(address).host}\nready\n`)
