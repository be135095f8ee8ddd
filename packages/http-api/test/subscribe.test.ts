import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { openEvents, type SentEvent } from './event-source.ts'
import { type Api, registerShop, settle, shop, startApi, until } from './support.ts'

const subscribe = `${shop}/subscribe`

interface Snapshot {
  readonly revision: number
  readonly instances: readonly { readonly id: string; readonly weight: number }[]
}

const snapshotOf = ({ data }: SentEvent): Snapshot => JSON.parse(data) as Snapshot
const idsOf = (event: SentEvent | undefined): readonly string[] | undefined =>
  event && snapshotOf(event).instances.map(({ id }) => id)

describe('a stream of snapshots', () => {
  test('begins with the present one, and goes on with each change', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const source = await openEvents((await api.listen()) + subscribe)
    expect(source.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    })
    await source.received(1)
    await registerShop(api, 'b')
    await source.received(2)
    expect(source.events.map(idsOf)).toEqual([['a'], ['a', 'b']])
    for (const event of source.events) {
      expect(event).toMatchObject({ event: 'snapshot', id: String(snapshotOf(event).revision) })
    }
    expect(source.events[1]?.data).toBe((await api.call('GET', `${shop}/discover`)).text)
    source.close()
  })

  test('begins empty for a service that does not exist yet', async () => {
    await using api = await startApi()
    const source = await openEvents((await api.listen()) + subscribe)
    await source.received(1)
    await registerShop(api, 'a')
    await source.received(2)
    expect(source.events.map(idsOf)).toEqual([[], ['a']])
    source.close()
  })

  test('does not repeat the snapshot that the reader has', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const url = (await api.listen()) + subscribe
    const first = await openEvents(url)
    await first.received(1)
    const id = first.events[0]?.id ?? ''
    first.close()

    const same = await openEvents(url, { 'last-event-id': id })
    await settle()
    expect(same.events).toEqual([])
    await registerShop(api, 'b')
    await same.received(1)
    expect(same.events.map(idsOf)).toEqual([['a', 'b']])
    same.close()

    for (const other of [id, '0', 'x', '']) {
      const late = await openEvents(url, { 'last-event-id': other })
      await late.received(1)
      expect(late.events.map(idsOf)).toEqual([['a', 'b']])
      late.close()
    }
  })

  test('goes by filters', async () => {
    await using api = await startApi()
    await registerShop(api, 'a', 'b')
    await api.call('PATCH', `${shop}/instances/b`, { healthy: false, metadata: { env: 'x' } })
    const url = await api.listen()
    const healthy = await openEvents(`${url}${subscribe}?healthyOnly`)
    const labelled = await openEvents(`${url}${subscribe}?metadata=env:x`)
    await Promise.all([healthy.received(1), labelled.received(1)])
    expect([healthy, labelled].map(({ events }) => idsOf(events[0]))).toEqual([['a'], ['b']])
    for (const source of [healthy, labelled]) source.close()
  })

  test('says that it is there when nothing happens', async () => {
    await using api = await startApi()
    const source = await openEvents((await api.listen()) + subscribe)
    await source.received(1)
    await api.pass(14_900)
    expect(source.comments).toEqual([])
    await api.pass(200)
    await until(() => source.comments.length === 1)
    await api.pass(15_000)
    await until(() => source.comments.length === 2)
    source.close()
  })

  test('is the same for fifty readers at once', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const url = (await api.listen()) + subscribe
    const sources = await Promise.all(Array.from({ length: 50 }, () => openEvents(url)))
    await Promise.all(sources.map((source) => source.received(1)))
    expect(api.registry.stats().subscriptions).toBe(50)
    await registerShop(api, 'b')
    await Promise.all(sources.map((source) => source.received(2)))
    expect(new Set(sources.map(({ events }) => events[1]?.data)).size).toBe(1)
    for (const source of sources) source.close()
    await until(() => api.registry.stats().subscriptions === 0)
  })

  test('lets go of everything when its reader leaves', async () => {
    await using api = await startApi()
    const before = api.environment.clock.pending
    const source = await openEvents((await api.listen()) + subscribe)
    await source.received(1)
    expect((await api.call('GET', '/metrics')).text).toContain('orrery_registry_http_streams 1')
    source.close()
    await until(() => api.registry.stats().subscriptions === 0)
    await settle()
    expect((await api.call('GET', '/metrics')).text).toContain('orrery_registry_http_streams 0')
    expect(api.environment.clock.pending).toBe(before)
  })

  test('ends in order when the server closes, and does not keep it', async () => {
    await using api = await startApi()
    const source = await openEvents((await api.listen()) + subscribe)
    await source.received(1)
    await api.app.close()
    await until(() => source.closed)
    expect(source.ended).toBe(true)
    expect(api.registry.stats().subscriptions).toBe(0)
  })

  test('says why it ends when the registry closes', async () => {
    await using api = await startApi()
    const source = await openEvents((await api.listen()) + subscribe)
    await source.received(1)
    await api.registry.close()
    await until(() => source.ended)
    expect(source.events.at(-1)).toMatchObject({ event: 'failure' })
    expect(JSON.parse(source.events.at(-1)?.data ?? '')).toMatchObject({ code: 'REGISTRY_CLOSED' })
  })

  test('ends with a failure when a snapshot is larger than a connection may hold', async () => {
    await using api = await startApi({ options: { snapshotMaxBytes: 1_000 } })
    const source = await openEvents((await api.listen()) + subscribe)
    await source.received(1)
    await registerShop(api, 'a', 'b', 'c')
    await until(() => source.ended)
    expect(JSON.parse(source.events.at(-1)?.data ?? '')).toMatchObject({
      code: 'HTTP_API_SNAPSHOT_TOO_LARGE',
    })
  })

  test('is refused when there are as many as may be, until one ends', async () => {
    await using api = await startApi({ options: { subscriptionsMax: 2 } })
    const url = (await api.listen()) + subscribe
    const [first, second] = [await openEvents(url), await openEvents(url)]
    const refused = await api.call('GET', subscribe)
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'HTTP_API_TOO_MANY_SUBSCRIPTIONS' }])
    expect(refused.headers['retry-after']).toBe('1')
    first.close()
    await until(() => api.registry.stats().subscriptions === 1)
    await settle()
    const third = await openEvents(url)
    await third.received(1)
    for (const source of [second, third]) source.close()
  })

  test('has the headers of its host', async () => {
    await using api = await startApi({
      host: (app) => {
        app.addHook('onRequest', (_request, reply, done) => {
          reply.header('access-control-allow-origin', '*')
          done()
        })
      },
    })
    const source = await openEvents((await api.listen()) + subscribe)
    expect(source.response.headers['access-control-allow-origin']).toBe('*')
    source.close()
  })

  test('is not what HEAD asks for', async () => {
    await using api = await startApi()
    expect((await api.call('HEAD', subscribe)).status).toBe(404)
    expect(api.registry.stats().subscriptions).toBe(0)
  })
})

describe('a reader who never reads', () => {
  /** Asks for the stream and takes nothing. */
  async function neverReading(api: Api, url: string): Promise<Socket> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET ${subscribe} HTTP/1.1\r\nhost: x\r\n\r\n`)
    await until(() => api.registry.stats().subscriptions === 1)
    return socket
  }

  /** More than sockets of the loopback hold. */
  async function registerLarge(api: Api): Promise<void> {
    const metadata = Object.fromEntries(
      Array.from({ length: 64 }, (_, index) => [`k${index}`, 'x'.repeat(4_000)]),
    )
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        api.registry.register({
          namespace: 'default',
          service: 'shop',
          id: String(index),
          host: 'h',
          port: 1,
          metadata,
        }),
      ),
    )
  }

  /** Bytes that wait in this process for the sockets of a server. */
  async function waiting(sockets: ReadonlySet<Socket>): Promise<number> {
    await settle(50)
    return Array.from(sockets).reduce((sum, { writableLength }) => sum + writableLength, 0)
  }

  test('is held one snapshot, however much changes, and then the newest', async () => {
    await using api = await startApi()
    const sockets = new Set<Socket>()
    api.app.server.on('connection', (socket: Socket) => sockets.add(socket))
    await registerLarge(api)
    const socket = await neverReading(api, await api.listen())
    await until(() => Array.from(sockets).some(({ writableNeedDrain }) => writableNeedDrain))
    const held = await waiting(sockets)
    const size = (await api.call('GET', `${shop}/discover`)).text.length
    expect(held).toBeGreaterThan(0)
    for (let weight = 1; weight <= 20; weight++) await api.call('PATCH', `${shop}/instances/0`, { weight })
    expect(await waiting(sockets)).toBeLessThanOrEqual(Math.max(held, size + 1_000))

    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (text += chunk))
    socket.resume()
    await until(() => text.split('event: snapshot').length === 3 && text.endsWith('\n\n\r\n'))
    await settle(50)
    // The one that was under way, and the newest.
    expect(text.split('event: snapshot')).toHaveLength(3)
    expect(text.slice(text.lastIndexOf('event: snapshot'))).toContain('"weight":20')
    socket.destroy()
  })

  test('is cut after a while', async () => {
    await using api = await startApi()
    await registerLarge(api)
    const socket = await neverReading(api, await api.listen())
    await settle(50)
    await api.pass(59_000)
    expect(api.registry.stats().subscriptions).toBe(1)
    await api.pass(2_000)
    await until(() => api.registry.stats().subscriptions === 0)
    socket.destroy()
  })

  test('does not keep the server from closing', async () => {
    await using api = await startApi()
    await registerLarge(api)
    const socket = await neverReading(api, await api.listen())
    await settle(50)
    let isClosed = false
    void api.app.close().then(() => (isClosed = true))
    await settle(50)
    expect(isClosed).toBe(false)
    await api.pass(2_000)
    await until(() => isClosed)
    socket.destroy()
  })
})
