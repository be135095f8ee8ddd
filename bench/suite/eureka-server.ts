// Servers for the scenario `eureka`, all on Fastify:
//   eureka <instances>   the Eureka adapter on a registry in memory with so many instances
//   empty                a handler that does nothing
//   bytes <file>         a handler that gives the same bytes each time, as gzip
import { readFileSync } from 'node:fs'
import { eurekaPlugin } from '@orrery/adapter-eureka'
import { createRegistry } from '@orrery/registry'
import { createMemoryStore } from '@orrery/store'
import { fastify } from 'fastify'

const [kind, argument = ''] = process.argv.slice(2)
const app = fastify()

if (kind === 'eureka') {
  const registry = createRegistry({ store: createMemoryStore() })
  await registry.start()
  await app.register(eurekaPlugin, { registry })
  await app.ready()
  for (let from = 0; from < Number(argument); from += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => register(from + n)))
  }
} else if (kind === 'empty') {
  app.put('/eureka/apps/:app/:id', (_request, reply) => reply.code(200).send())
} else {
  const bytes = readFileSync(argument)
  app.get('/eureka/apps', (_request, reply) =>
    reply.header('content-type', 'application/json').header('content-encoding', 'gzip').send(bytes),
  )
}

const address = await app.listen({ host: '127.0.0.1', port: 0, backlog: 1_024 })
process.stdout.write(`listening ${new URL(address).host}\nready\n`)

/** As a Java client does. */
async function register(n: number): Promise<void> {
  const name = `APP-${Math.floor(n / 20)}`
  const host = `10.0.${(n >> 8) & 255}.${n & 255}`
  const { statusCode, body } = await app.inject({
    method: 'POST',
    url: `/eureka/apps/${name}`,
    payload: {
      instance: {
        instanceId: `${host}:${name.toLowerCase()}:${n}`,
        hostName: host,
        app: name,
        ipAddr: host,
        status: 'UP',
        port: { $: 8080, '@enabled': 'true' },
        securePort: { $: 443, '@enabled': 'false' },
        dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
        leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
        metadata: { 'management.port': '8081', zone: `zone-${n % 3}` },
        homePageUrl: `http://${host}:8080/`,
        statusPageUrl: `http://${host}:8080/actuator/info`,
        healthCheckUrl: `http://${host}:8080/actuator/health`,
        vipAddress: name.toLowerCase(),
        secureVipAddress: name.toLowerCase(),
        isCoordinatingDiscoveryServer: 'false',
        lastUpdatedTimestamp: '1700000000000',
        lastDirtyTimestamp: '1700000000000',
      },
    },
  })
  if (statusCode !== 204) throw new Error(`not registered: ${statusCode} ${body}`)
}
