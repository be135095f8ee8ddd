import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { kvDefinition } from '@orrery/adapter-etcd'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runExample, startExample } from './run-example.ts'

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-example-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

test('the embedded store keeps its keys and its leader from one run to the next', async () => {
  expect(await runExample('embedded-store', directory)).toBe('hello at revision 2\nI lead\n')
  expect(await runExample('embedded-store', directory)).toBe('hello at revision 4\nsomebody else leads\n')
})

test('the watched configuration follows a change', async () => {
  const output = await runExample('watch-config', directory)
  expect(output).toBe("Map(1) { 'config/color' => 'red' }\nMap(1) { 'config/color' => 'blue' }\n")
})

test('the server answers its own clients and those of etcd on one port', async () => {
  const example = startExample('etcd-in-your-server', directory, { PORT: '0' })
  try {
    const [line] = (await once(example.stdout ?? example, 'data')) as [Buffer]
    const url = /http:\S+/.exec(line.toString())?.[0] ?? ''
    const client = new grpc.Client(new URL(url).host, grpc.credentials.createInsecure())
    const { path, requestSerialize, responseDeserialize } = kvDefinition.Put
    await new Promise((resolve, reject) => {
      const request = { key: Buffer.from('a') }
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (error === null) resolve(response)
        else reject(error)
      })
    })
    client.close()
    expect(await (await fetch(url)).json()).toEqual({ keys: 1 })
    const body = JSON.stringify({ key: Buffer.from('a').toString('base64') })
    const range = await fetch(`${url}/v3/kv/range`, { method: 'POST', body })
    expect(await range.json()).toMatchObject({ count: '1' })
  } finally {
    example.kill()
    await once(example, 'close')
  }
})

test('the registry alone finds an instance until it is deregistered', async () => {
  const output = await runExample('registry-alone', directory)
  expect(output).toBe('heartbeat: ok\n10.0.0.7:8080\ninstances: 1\ninstances: 0\n')
})

test('registries on a cluster find what another one registered, and go on without the leader', async () => {
  const output = await runExample('three-members', directory)
  expect(output).toBe(`${'snapshot\n'.repeat(3)}${'snapshot ok\n'.repeat(2)}instances: 0\n`)
})

test('the watched file is read, followed, polled for, and known after a restart', async () => {
  expect(await runExample('config-watch', directory)).toBe(
    [
      ...['read: timeoutMs: 500', 'watched: timeoutMs: 500', 'watched: timeoutMs: 800'],
      ...[
        'polled: version 3',
        'now: timeoutMs: 900',
        'last known: timeoutMs: 900',
        'now: timeoutMs: 1000',
        '',
      ],
    ].join('\n'),
  )
})

test('the gray release is seen by some, then by all, and what became of it is told', async () => {
  expect(await runExample('config-gray', directory)).toBe(
    [
      ...['version 2, cart: new', 'version 1, cart: old', 'version 2, cart: new', 'version 2, cart: new'],
      '10.1.2.3 sees gray and 10.2.2.3 promote',
      ...['10 %: 105 of 1000', '50 %: 510 of 1000', 'version 8 is version 2 again'],
      ...['--- shop.yaml v2', '+++ shop.yaml v9', '@@ -1,1 +1,1 @@', '-cart: new', '+cart: old', ''],
      ...['9 rollback of 1', '8 restate of 2', '7 restate of 3', '6 restate of 2', '5 restate of 3'],
      ...['4 restate of 2', '3 gray', '2 gray', '1 publish'],
      'rolledBack 9 by ann back to the old cart',
      'grayStopped 8 by ben it does not work',
      ...['grayRuleChanged 7 by ben', 'grayRuleChanged 5 by ben', 'grayPublished 3 by ben'],
      ...['grayPromoted 2 by ann it works', 'grayPublished 2 by ann a try', 'published 1 by ann', ''],
    ].join('\n'),
  )
})

test('the Eureka server on a server of your own takes what Spring registers', async () => {
  const example = startExample('eureka-for-spring', directory, { PORT: '0' })
  try {
    const [line] = (await once(example.stdout ?? example, 'data')) as [Buffer]
    const url = /http:\S+/.exec(line.toString())?.[0] ?? ''
    const registered = await fetch(`${url}apps/DEMO`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'accept-encoding': 'gzip' },
      body: JSON.stringify({ instance: springInstance }),
    })
    expect(registered.status).toBe(204)
    const renewed = await fetch(`${url}apps/DEMO/${springInstance.instanceId}?status=UP`, { method: 'PUT' })
    expect(renewed.status).toBe(200)
    const listed = await fetch(`${url}apps/`, { headers: { accept: 'application/json' } })
    expect(await listed.json()).toMatchObject({
      applications: {
        apps__hashcode: 'UP_1_',
        application: [{ name: 'DEMO', instance: [{ ...springInstance, actionType: 'ADDED' }] }],
      },
    })
    expect(await (await fetch(new URL('/', url))).json()).toEqual(['demo: 1'])
  } finally {
    example.kill()
    await once(example, 'close')
  }
})

/** What an application of Spring Cloud tells of itself. */
const springInstance = {
  instanceId: 'laptop:demo:8080',
  app: 'DEMO',
  hostName: 'laptop',
  ipAddr: '192.168.1.7',
  status: 'UP',
  overriddenStatus: 'UNKNOWN',
  port: { $: 8080, '@enabled': 'true' },
  securePort: { $: 443, '@enabled': 'false' },
  countryId: 1,
  dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
  leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
  metadata: { 'management.port': '8080' },
  homePageUrl: 'http://laptop:8080/',
  statusPageUrl: 'http://laptop:8080/actuator/info',
  healthCheckUrl: 'http://laptop:8080/actuator/health',
  vipAddress: 'demo',
  secureVipAddress: 'demo',
  isCoordinatingDiscoveryServer: 'false',
}
