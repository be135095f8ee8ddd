import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemEnvironment } from '@orrery/environment/system'
import type { Store } from '@orrery/store'
import { createMemoryStore } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createDrainableServices, etcdServices } from '../../src/index.ts'
import type { CallContext, DrainableServices, EtcdServices, etcdserverpb } from '../../src/index.ts'
import { PullStream } from '../../src/services/pull-stream.ts'

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

/** A stream that is over. */
class NoResponses extends PullStream<never> {
  readonly done = true

  take(): undefined {
    return undefined
  }

  whenReady(callback: () => void): void {
    callback()
  }

  close(): void {
    // There is nothing to end.
  }
}

// A signal that depended on the server's own would be noted there for good, and kept if it had a listener.
describe('a call that has ended leaves no memory behind, not even if its method listens on', () => {
  const seen: WeakRef<AbortSignal>[] = []
  const listen = ({ signal }: CallContext): void => {
    signal.addEventListener('abort', () => undefined)
    seen.push(new WeakRef(signal))
  }
  const listening = (services: EtcdServices): EtcdServices => ({
    ...services,
    lock: {
      ...services.lock,
      lock: (_request, context) => {
        listen(context)
        return Promise.resolve({})
      },
    },
    election: {
      ...services.election,
      observe: async function* (_request, context) {
        listen(context)
        yield* await Promise.resolve([])
      },
    },
    watch: {
      watch: (_requests, context) => {
        listen(context)
        return new NoResponses()
      },
    },
  })
  const all = async (responses: AsyncIterable<unknown>): Promise<unknown[]> => {
    const taken: unknown[] = []
    for await (const response of responses) taken.push(response)
    return taken
  }

  beforeEach(() => {
    seen.length = 0
    drainable = createDrainableServices(listening(etcdServices({ store, environment: systemEnvironment() })))
  })

  test.each<[string, (services: EtcdServices) => Promise<unknown>]>([
    ['one response', ({ lock }) => lock.lock({ name: key }, call())],
    ['many responses', ({ election }) => all(election.observe({}, call()))],
    ['responses that are taken', ({ watch }) => all(watch.watch(requests(), call()))],
  ])('%s', async (_kind, run) => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    for (let n = 0; n < 10; n++) await run(drainable.services)
    expect(seen).toHaveLength(10)
    await vi.waitFor(
      () => {
        collectGarbage()
        expect(seen.filter((signal) => signal.deref() !== undefined)).toHaveLength(0)
      },
      { timeout: 30_000 },
    )
  })
})
