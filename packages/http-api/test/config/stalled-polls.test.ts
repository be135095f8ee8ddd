import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type ConfigApi, type ConfigApiSetup, file, fileAt, key, publish, startConfigApi } from './support.ts'

const poll = '/config/v1/poll'

/** Asks for what comes after the first release, for as long as may be. */
const query = { targets: [key], known: [{ ...key, version: 1 }], timeoutMs: 600_000 }

/** Connections that are opened at a time: more would not fit into the backlog of the port. */
const waveMaxItems = 250

/** A server that listens, and what it has seen of its clients. */
interface Site extends AsyncDisposable {
  readonly api: ConfigApi
  readonly origin: string
  readonly seen: { connections: number; refusals: number }
}

async function startSite(options: NonNullable<ConfigApiSetup['options']>): Promise<Site> {
  const seen = { connections: 0, refusals: 0 }
  const api = await startConfigApi({
    options,
    host: (app) => {
      app.addHook('onSend', (_request, reply, _payload, done) => {
        if (reply.statusCode === 503) seen.refusals++
        done()
      })
    },
  })
  const origin = await api.listen()
  api.app.server.on('connection', () => seen.connections++)
  await publish(api, 'a: 1')
  return { api, origin, seen, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

/** A request for {@link poll}, as it is sent. */
function requestOf(body: object): string {
  const json = JSON.stringify(body)
  const head = `POST ${poll} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${json.length}`
  return `${head}\r\n\r\n${json}`
}

/** Clients that ask over sockets of their own, and never read. */
async function stalledClients(
  { api, origin, seen }: Site,
  count: number,
  request = requestOf(query),
): Promise<readonly Socket[]> {
  const { port } = new URL(origin)
  const sockets: Socket[] = []
  const before = seen.connections
  while (sockets.length < count) {
    const wave = Array.from({ length: Math.min(waveMaxItems, count - sockets.length) }, () => {
      const socket = connect(Number(port), '127.0.0.1')
      // That the server has cut it off is none of its concern.
      socket.on('error', () => {})
      socket.pause()
      socket.write(request)
      return socket
    })
    sockets.push(...wave)
    await api.until(() => seen.connections === before + sockets.length)
  }
  return sockets
}

/** Asks as {@link stalledClients} do, and reads. @returns the version that it is told */
async function ask({ origin }: Site): Promise<number | undefined> {
  const response = await fetch(origin + poll, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(query),
  })
  const { changes } = (await response.json()) as {
    readonly changes?: readonly { readonly info: { readonly version: number } }[]
  }
  return changes?.[0]?.info.version
}

/** What the API itself holds. */
async function pendingOf(api: ConfigApi): Promise<number> {
  const { text } = await api.call('GET', '/config/metrics')
  return Number(/^orrery_config_http_pending (\d+)$/m.exec(text)?.[1] ?? NaN)
}

/** Waits for the API to hold no more than so many. */
async function pendingUntil(api: ConfigApi, count: number): Promise<void> {
  while ((await pendingOf(api)) !== count);
}

/** Closes the server while clients hold on to their connections. */
async function closed(api: ConfigApi): Promise<void> {
  let isClosed = false
  void api.app.close().then(() => (isClosed = true))
  await api.until(() => isClosed)
}

async function codeOf(api: ConfigApi): Promise<unknown> {
  const { status, json } = await api.call('POST', poll, { ...query, timeoutMs: 0 })
  return [status, (json as { readonly code?: string }).code]
}

const overloaded = [503, 'HTTP_API_OVERLOADED']

describe('thousands of clients that ask and never read', () => {
  test('leave the hub to others, let go of everything when they vanish, and do not keep the server open', async () => {
    const pollsMax = 2_000
    await using site = await startSite({ pollsMax })
    const { api, seen } = site
    const clients = await stalledClients(site, pollsMax)
    await api.until(() => api.hub.stats().polls === pollsMax)
    expect(await pendingOf(api)).toBe(pollsMax)

    // Whoever comes now is refused, over a socket as well; reads and writes go on.
    expect(await codeOf(api)).toEqual(overloaded)
    const refused = await stalledClients(site, 50)
    await api.until(() => seen.refusals === 1 + refused.length)
    expect((await api.call('GET', `${file}/active`)).json).toMatchObject({ version: 1, content: 'a: 1' })
    await publish(api, 'x', 'other.txt')
    expect((await api.call('GET', `${fileAt('other.txt')}/active`)).json).toMatchObject({ content: 'x' })
    expect(api.hub.stats()).toMatchObject({ polls: pollsMax, delivered: 0 })

    // Of those who wait, some vanish without a word, some with one.
    const vanishing = clients.slice(0, 800)
    for (const [nth, socket] of vanishing.entries()) {
      if (nth % 2 === 0) socket.destroy()
      else socket.resetAndDestroy()
    }
    const stalled = clients.slice(800)
    await api.until(() => api.hub.stats().polls === stalled.length)
    await pendingUntil(api, stalled.length)

    // There is room again, and everybody is told, whether he reads or not.
    const asking = Array.from({ length: 50 }, () => ask(site))
    await api.until(() => api.hub.stats().polls === stalled.length + asking.length)
    await publish(api, 'a: 2')
    let told: readonly unknown[] | undefined
    void Promise.all(asking).then((all) => (told = all))
    await api.until(() => told !== undefined)
    expect(new Set(told)).toEqual(new Set([2]))
    expect(api.hub.stats()).toMatchObject({
      polls: 0,
      watchers: 0,
      delivered: stalled.length + asking.length,
    })
    await pendingUntil(api, 0)
    expect(await codeOf(api)).toEqual([200, undefined])

    // They are connected still, and more of them wait.
    const known = [{ ...key, version: 2 }]
    const waiting = await stalledClients(site, 200, requestOf({ ...query, known }))
    await api.until(() => api.hub.stats().polls === waiting.length)
    await closed(api)
    expect(api.hub.stats()).toMatchObject({ polls: 0, watchers: 0 })
    expect(api.environment.logger.lines).toEqual([])
    for (const socket of [...stalled, ...waiting, ...refused]) socket.destroy()
  })

  test('and send one question after another let go of all of them with their connection', async () => {
    await using site = await startSite({ pollsMax: 300 })
    const { api } = site
    const clients = await stalledClients(site, 3, requestOf(query).repeat(100))
    await api.until(() => api.hub.stats().polls === 300)
    expect(await codeOf(api)).toEqual(overloaded)
    for (const socket of clients) socket.destroy()
    await api.until(() => api.hub.stats().polls === 0)
    expect(await pendingOf(api)).toBe(0)
    expect(await codeOf(api)).toEqual([200, undefined])
    // Answers that were made before they vanish are let go as well.
    const others = await stalledClients(site, 3, requestOf({ ...query, timeoutMs: 0 }).repeat(100))
    await api.until(() => others.every(({ bytesWritten }) => bytesWritten > 0))
    for (const socket of others) socket.destroy()
    await pendingUntil(api, 0)
    expect(api.environment.logger.lines).toEqual([])
  })
})

describe('streams', () => {
  test('that are asked for one after another over one connection end with it', async () => {
    await using site = await startSite({ subscriptionsMax: 20 })
    const { api } = site
    const watch = `GET /config/v1/namespaces/default/groups/shop/watch HTTP/1.1\r\nhost: x\r\n\r\n`
    const [client] = await stalledClients(site, 1, watch.repeat(20))
    await api.until(() => api.hub.stats().watchers === 20)
    client?.destroy()
    await api.until(() => api.hub.stats().watchers === 0)
    const { text } = await api.call('GET', '/config/metrics')
    expect(text).toMatch(/^orrery_config_http_streams 0$/m)
    await closed(api)
  })
})
