import { Agent, request } from 'node:http'

const inFlight = 20

/**
 * Registers instances over HTTP, a few at a time, as Java clients do. From another process than the server's: requests that are
 * injected have other classes than those of sockets, and Fastify stays slower after it has seen both.
 *
 * @param endpoint host and port
 */
export async function registerInstances(endpoint: string, instances: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  let next = 0
  const one = async (): Promise<void> => {
    while (next < instances) await register(endpoint, { agent, n: next++ })
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  agent.destroy()
}

/** Lua for `wrk`: every request renews another of the instances, in scattered order. */
export function heartbeatScript(instances: number): string {
  return [
    'local n = 0',
    'request = function()',
    `  n = (n * 7919 + 1) % ${instances}`,
    '  local host = string.format("10.0.%d.%d", math.floor(n / 256) % 256, n % 256)',
    '  local app = math.floor(n / 20)',
    '  return wrk.format("PUT", string.format("/eureka/apps/APP-%d/%s:app-%d:%d", app, host, app, n))',
    'end',
  ].join('\n')
}

async function register(
  endpoint: string,
  { agent, n }: { readonly agent: Agent; readonly n: number },
): Promise<void> {
  const app = `APP-${Math.floor(n / 20)}`
  const host = `10.0.${(n >> 8) & 255}.${n & 255}`
  const body = JSON.stringify({
    instance: {
      instanceId: `${host}:${app.toLowerCase()}:${n}`,
      hostName: host,
      app,
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
      vipAddress: app.toLowerCase(),
      secureVipAddress: app.toLowerCase(),
      isCoordinatingDiscoveryServer: 'false',
      lastUpdatedTimestamp: '1700000000000',
      lastDirtyTimestamp: '1700000000000',
    },
  })
  const url = `http://${endpoint}/eureka/apps/${app}`
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const statusCode = await new Promise<number | undefined>((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode))
    })
    sent.once('error', reject).end(body)
  })
  if (statusCode !== 204) throw new Error(`not registered: ${statusCode}`)
}
