import { systemEnvironment } from '@orrery/environment/system'
import type { Store } from '@orrery/store'
import { createMemoryStore } from '@orrery/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDrainableServices, etcdServices } from '../../src/index.ts'
import type { CallContext, DrainableServices, etcdserverpb } from '../../src/index.ts'

let store: Store
let drainable: DrainableServices

beforeEach(() => {
  store = createMemoryStore()
  drainable = createDrainableServices(etcdServices({ store, environment: systemEnvironment() }))
})
afterEach(() => store.close())

const stopped = { code: 'ETCD_STOPPED', details: 'etcdserver: server stopped' }
const key = Buffer.from('key')

function call(signal = new AbortController().signal): CallContext {
  return { signal, metadata: { get: () => undefined } }
}

async function* requests(): AsyncGenerator<etcdserverpb.WatchRequest> {
  yield { createRequest: { key } }
  await new Promise(() => undefined)
}

test('a watch ends, and every later one', async () => {
  const responses = drainable.services.watch.watch(requests(), call())[Symbol.asyncIterator]()
  expect((await responses.next()).value).toMatchObject({ created: true })
  const next = responses.next()
  drainable.stop()
  await expect(next).rejects.toMatchObject(stopped)
  const late = drainable.services.watch.watch(requests(), call())[Symbol.asyncIterator]()
  await expect(late.next()).rejects.toMatchObject(stopped)
})

test('a lock that waits ends', async () => {
  const { id } = await store.leases.grant({ ttlMs: 60_000 })
  await drainable.services.lock.lock({ name: key, lease: id }, call())
  const waiting = drainable.services.lock.lock({ name: key }, call())
  drainable.stop()
  await expect(waiting).rejects.toMatchObject(stopped)
})

test('calls that do not wait go on', async () => {
  drainable.stop()
  await drainable.services.kv.put({ key }, call())
  const { kvs } = await drainable.services.kv.range({ key }, call())
  expect(kvs).toHaveLength(1)
})

test('a call that its client ends says so, not that the server stopped', async () => {
  const client = new AbortController()
  const responses = drainable.services.watch.watch(requests(), call(client.signal))[Symbol.asyncIterator]()
  await responses.next()
  const next = responses.next()
  client.abort()
  await expect(next).rejects.toMatchObject({ status: 1 })
})

test('a call has one signal, however often it is asked for', async () => {
  const seen = new Set<AbortSignal>()
  const services = etcdServices({ store, environment: systemEnvironment() })
  const { lock } = createDrainableServices({
    ...services,
    lock: {
      ...services.lock,
      lock: (_request, context) => {
        for (let i = 0; i < 3; i++) seen.add(context.signal)
        return Promise.resolve({})
      },
    },
  }).services
  await lock.lock({ name: key }, call())
  expect(seen.size).toBe(1)
})

test('a watch of a client that is gone already says so', async () => {
  const responses = drainable.services.watch.watch(requests(), call(AbortSignal.abort()))
  await expect(responses[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'ETCD_WATCH_CANCELED',
  })
})
