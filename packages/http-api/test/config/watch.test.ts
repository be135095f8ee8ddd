import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { type EventSource, openEvents, type SentEvent } from '../event-source.ts'
import { settle } from '../support.ts'
import { type ConfigApi, group, key, publish, startConfigApi } from './support.ts'

const watch = `${group}/watch`
const gray = { labels: [{ label: 'env', type: 'exact', value: 'gray' }] } as const

interface Present {
  readonly revision: number
  readonly files: readonly { readonly file: string; readonly version: number }[]
}

interface Changes {
  readonly revision: number
  readonly changes: readonly {
    readonly type: string
    readonly release?: { readonly file: string; readonly version: number; readonly content: string }
    readonly key?: { readonly file: string }
  }[]
}

/** What a stream said, in short. */
function saidBy({ events }: Pick<EventSource, 'events'>): readonly string[] {
  return events.map(({ event, data }: SentEvent) => {
    if (event === 'present') {
      const { files } = JSON.parse(data) as Present
      return `present ${files.map((one) => `${one.file}@${one.version}`).join(' ')}`.trim()
    }
    const { changes } = JSON.parse(data) as Changes
    const told = changes.map(({ type, release, key: gone }) =>
      release === undefined ? `${type} ${gone?.file ?? ''}` : `${release.file}=${release.content}`,
    )
    return `changes ${told.join(' ')}`
  })
}

/** Opens a stream, and waits until it has said so many things. */
async function opened(
  api: ConfigApi,
  url: string,
  { count, id }: { readonly count: number; readonly id?: string },
): Promise<EventSource> {
  const source = await openEvents(url, id === undefined ? {} : { 'last-event-id': id })
  await api.until(() => source.events.length >= count)
  return source
}

describe('a stream of changes', () => {
  test('begins with what is present, and goes on with each change', async () => {
    await using api = await startConfigApi()
    await publish(api, '1', 'a')
    const source = await opened(api, (await api.listen()) + watch, { count: 2 })
    expect(source.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
    })
    await publish(api, '2', 'a')
    await api.until(() => source.events.length === 3)
    await publish(api, '1', 'b')
    await api.until(() => source.events.length === 4)
    await api.hub.files.delete({ ...key, file: 'a' })
    await api.until(() => source.events.length === 5)
    expect(saidBy(source)).toEqual([
      'present a@1',
      'changes a=1',
      'changes a=2',
      'changes b=1',
      'changes removed a',
    ])
    for (const { event, id, data } of source.events) {
      expect(id).toBe(event === 'present' ? undefined : String((JSON.parse(data) as Changes).revision))
    }
    source.close()
    await api.until(() => api.hub.stats().watchers === 0)
  })

  test('begins with nothing where there is nothing', async () => {
    await using api = await startConfigApi()
    const source = await opened(api, `${await api.listen()}${watch}?file=app.yaml`, { count: 1 })
    await publish(api, 'a: 1')
    await api.until(() => source.events.length === 2)
    expect(saidBy(source)).toEqual(['present', 'changes app.yaml=a: 1'])
    source.close()
  })

  test('is of the files that are named, and of those whose names begin so', async () => {
    await using api = await startConfigApi()
    for (const name of ['a', 'b', 'web/x', 'web/y']) await publish(api, '1', name)
    const origin = await api.listen()
    const one = await opened(api, `${origin}${watch}?file=a`, { count: 2 })
    const some = await opened(api, `${origin}${watch}?file=b&prefix=web%2F`, { count: 2 })
    expect(saidBy(one)).toEqual(['present a@1', 'changes a=1'])
    expect(saidBy(some)).toEqual(['present b@1 web/x@1 web/y@1', 'changes b=1 web/x=1 web/y=1'])
    for (const source of [one, some]) source.close()
  })

  test('is of what its client sees', async () => {
    await using api = await startConfigApi()
    await publish(api, '1', 'a')
    const origin = await api.listen()
    const all = await opened(api, `${origin}${watch}?label=env:prod`, { count: 2 })
    const some = await opened(api, `${origin}${watch}?label=env:gray`, { count: 2 })
    await api.hub.gray.publish({ ...key, file: 'a' }, { content: '2', rule: gray })
    await api.until(() => some.events.length === 3)
    await api.hub.gray.stop({ ...key, file: 'a' })
    await api.until(() => some.events.length === 4)
    await settle()
    expect(saidBy(all)).toEqual(['present a@1', 'changes a=1'])
    expect(saidBy(some)).toEqual(['present a@1', 'changes a=1', 'changes a=2', 'changes a=1'])
    for (const source of [all, some]) source.close()
  })

  test('of many groups is asked for with a body, with what the client has', async () => {
    await using api = await startConfigApi()
    await publish(api, '1', 'a')
    await publish(api, '1', 'b')
    const { namespace, group: shop } = key
    const known = [{ ...key, file: 'a', version: 1 }]
    const body = JSON.stringify({ targets: [{ namespace, group: shop }], known })
    const controller = new AbortController()
    const response = await fetch(`${await api.listen()}/config/v1/watch`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
      signal: controller.signal,
    })
    let text = ''
    const read = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    })().catch(() => {})
    await api.until(() => text.split('\n\n').length === 4)
    expect(text).toContain('event: present\ndata: ')
    expect(text.slice(text.indexOf('event: changes'))).toMatch(/"file":"b"/)
    expect(text.slice(text.indexOf('event: changes'))).not.toMatch(/"file":"a"/)
    controller.abort()
    await read
    await api.until(() => api.hub.stats().watchers === 0)
  })

  test('shares what it says with others', async () => {
    await using api = await startConfigApi()
    await publish(api, '1', 'a')
    const url = (await api.listen()) + watch
    const sources = await Promise.all(Array.from({ length: 30 }, () => opened(api, url, { count: 2 })))
    await publish(api, '2', 'a')
    await api.until(() => sources.every(({ events }) => events.length === 3))
    expect(new Set(sources.map(({ events }) => events[2]?.data)).size).toBe(1)
    expect((await api.call('GET', '/config/metrics')).text).toContain('orrery_config_http_streams 30')
    for (const source of sources) source.close()
    await api.until(() => api.hub.stats().watchers === 0)
  })
})

describe('a stream that is taken up again', () => {
  /** The id of what was said last. */
  const lastIdOf = ({ events }: EventSource): string => events.at(-1)?.id ?? ''

  test('does not repeat what its reader has, and says what is gone', async () => {
    await using api = await startConfigApi()
    for (const name of ['a', 'b', 'c']) await publish(api, '1', name)
    const url = (await api.listen()) + watch
    const first = await opened(api, url, { count: 2 })
    const id = lastIdOf(first)
    first.close()
    await publish(api, '2', 'b')
    await api.hub.files.delete({ ...key, file: 'c' })
    const again = await opened(api, url, { count: 2, id })
    expect(saidBy(again)).toEqual(['present a@1 b@2', 'changes b=2'])
    const same = await opened(api, url, { count: 1, id: lastIdOf(again) })
    await settle()
    expect(saidBy(same)).toEqual(['present a@1 b@2'])
    await publish(api, '3', 'a')
    await api.until(() => same.events.length === 2)
    expect(saidBy(same)[1]).toBe('changes a=3')
    for (const source of [again, same]) source.close()
  })

  test('repeats what is gray, of which its reader may have seen something else', async () => {
    await using api = await startConfigApi()
    await publish(api, '1', 'a')
    await publish(api, '1', 'b')
    await api.hub.gray.publish({ ...key, file: 'a' }, { content: '2', rule: gray })
    const origin = await api.listen()
    const first = await opened(api, `${origin}${watch}`, { count: 2 })
    expect(saidBy(first)[1]).toBe('changes a=1 b=1')
    const again = await opened(api, `${origin}${watch}?label=env:gray`, { count: 2, id: lastIdOf(first) })
    expect(saidBy(again)).toEqual(['present a@2 b@1', 'changes a=2'])
    for (const source of [first, again]) source.close()
  })

  test('begins anew with an id that is none', async () => {
    await using api = await startConfigApi()
    await publish(api, '1', 'a')
    const url = (await api.listen()) + watch
    for (const id of ['0', 'x', '-1', '']) {
      const source = await opened(api, url, { count: 2, id })
      expect(saidBy(source)).toEqual(['present a@1', 'changes a=1'])
      source.close()
    }
  })

  test('says nothing until this member has seen what its reader has seen', async () => {
    await using api = await startConfigApi()
    await publish(api, '1', 'a')
    const id = String(api.hub.stats().revision + 1)
    const url = (await api.listen()) + watch
    const source = await openEvents(url, { 'last-event-id': id })
    await settle()
    expect(source.events).toEqual([])
    await publish(api, '2', 'a')
    await api.until(() => source.events.length === 1)
    await settle()
    // Its reader has that already: it is of the revision that he named.
    expect(saidBy(source)).toEqual(['present a@2'])
    await publish(api, '3', 'a')
    await api.until(() => source.events.length === 2)
    expect(saidBy(source)[1]).toBe('changes a=3')
    source.close()
    const never = await openEvents(url, { 'last-event-id': '999999' })
    never.close()
    await settle()
    expect(api.environment.logger.lines).toEqual([])
  })
})

describe('a stream', () => {
  test('says that it is there when nothing happens', async () => {
    await using api = await startConfigApi()
    const source = await opened(api, (await api.listen()) + watch, { count: 1 })
    await api.pass(14_900)
    expect(source.comments).toEqual([])
    await api.pass(200)
    await api.until(() => source.comments.length === 1)
    source.close()
  })

  test('lets go of everything when its reader leaves', async () => {
    await using api = await startConfigApi()
    const before = api.environment.clock.pending
    const source = await opened(api, (await api.listen()) + watch, { count: 1 })
    source.close()
    await api.until(() => api.hub.stats().watchers === 0)
    await settle()
    expect(api.environment.clock.pending).toBe(before)
    expect((await api.call('GET', '/config/metrics')).text).toContain('orrery_config_http_streams 0')
  })

  test('ends in order when the server closes, and says why when the hub does', async () => {
    await using api = await startConfigApi()
    const source = await opened(api, (await api.listen()) + watch, { count: 1 })
    await api.app.close()
    await api.until(() => source.closed)
    expect([source.ended, api.hub.stats().watchers]).toEqual([true, 0])

    await using other = await startConfigApi()
    const told = await opened(other, (await other.listen()) + watch, { count: 1 })
    await other.hub.close()
    await other.until(() => told.ended)
    expect(told.events.at(-1)).toMatchObject({ event: 'failure' })
    expect(JSON.parse(told.events.at(-1)?.data ?? '')).toMatchObject({ code: 'CONFIG_CLOSED' })
  })

  test('is refused when there are as many as may be, or when it makes no sense', async () => {
    await using api = await startConfigApi({ options: { subscriptionsMax: 1 } })
    const origin = await api.listen()
    const source = await opened(api, origin + watch, { count: 1 })
    const refused = await api.call('GET', watch)
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'HTTP_API_TOO_MANY_SUBSCRIPTIONS' }])
    source.close()
    await api.until(() => api.hub.stats().watchers === 0)
    await settle()
    for (const [url, headers] of [
      [`${watch}?file=a%2F%2Fb`, {}],
      [`${watch}?clientAddress=x`, {}],
      [`${watch}?name=x`, {}],
      [`${watch}?file=a%2F%2Fb`, { 'last-event-id': '999999' }],
    ] as const) {
      const answer = await api.call('GET', url, undefined, headers)
      expect([url, answer.status, answer.json]).toMatchObject([url, 400, { code: 'CONFIG_INVALID' }])
    }
    expect(api.hub.stats().watchers).toBe(0)
    expect((await api.call('HEAD', watch)).status).toBe(404)
  })
})

describe('a reader who never reads', () => {
  const large = (version: number): string => `${version} `.padEnd(1_000_000, 'x')

  /** Asks for the stream and takes nothing. */
  async function neverReading(api: ConfigApi, url: string): Promise<Socket> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET ${watch} HTTP/1.1\r\nhost: x\r\n\r\n`)
    await api.until(() => api.hub.stats().watchers === 1)
    return socket
  }

  /** More than sockets of the loopback hold. */
  async function publishLarge(api: ConfigApi): Promise<void> {
    for (let index = 0; index < 8; index++) {
      await api.hub.releases.publish({ ...key, file: `f${index}` }, { content: large(1), format: 'text' })
    }
  }

  test('is held one event, however much changes, and then the newest', async () => {
    await using api = await startConfigApi()
    const sockets = new Set<Socket>()
    api.app.server.on('connection', (one: Socket) => sockets.add(one))
    await publishLarge(api)
    const socket = await neverReading(api, await api.listen())
    await api.until(() => Array.from(sockets).some(({ writableNeedDrain }) => writableNeedDrain))
    await settle(50)
    const waiting = (): number => Array.from(sockets).reduce((sum, one) => sum + one.writableLength, 0)
    const held = waiting()
    for (let version = 2; version <= 12; version++) {
      await api.hub.releases.publish({ ...key, file: 'f0' }, { content: large(version), format: 'text' })
    }
    await settle(50)
    expect(waiting()).toBeLessThanOrEqual(held)

    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    socket.resume()
    await api.until(() => text.includes('"content":"12 '))
    await settle(50)
    // The one that was under way, and the newest.
    expect(text.match(/"file":"f0","version":\d+,"name"/g)?.length).toBeLessThanOrEqual(2)
    expect(text).not.toContain('"content":"11 ')
    socket.destroy()
  })

  test('is cut after a while', async () => {
    await using api = await startConfigApi()
    await publishLarge(api)
    const socket = await neverReading(api, await api.listen())
    await settle(50)
    await api.pass(59_000)
    expect(api.hub.stats().watchers).toBe(1)
    await api.pass(2_000)
    await api.until(() => api.hub.stats().watchers === 0)
    socket.destroy()
  })
})

test('a file is watched under its own name only', async () => {
  await using api = await startConfigApi()
  await publish(api, 'a: 1')
  const source = await opened(api, `${await api.listen()}${watch}?file=app.yam`, { count: 1 })
  expect(saidBy(source)).toEqual(['present'])
  source.close()
})
