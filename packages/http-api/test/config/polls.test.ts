import { connect, type Socket } from 'node:net'
import type { PollResult, ReleaseInfo } from '@orrery/config-hub'
import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { PollJson } from '../../src/config/json/poll-json.ts'
import { type ConfigApi, file, fileAt, key, publish, startConfigApi } from './support.ts'

const poll = '/config/v1/poll'

interface PollAnswer {
  readonly type: string
  readonly revision: number
  readonly changes: readonly { readonly type: string; readonly info?: { readonly version: number } }[]
}

/** A client that asks over a socket of its own, and may read nothing. */
interface RawPoll {
  readonly socket: Socket
  readonly text: () => string
}

function rawPoll(origin: string, body: object, { reads = true }: { readonly reads?: boolean } = {}): RawPoll {
  const { hostname, port } = new URL(origin)
  const socket = connect(Number(port), hostname)
  const json = JSON.stringify(body)
  let text = ''
  socket.on('error', () => {})
  if (reads) socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  else socket.pause()
  socket.write(
    `POST ${poll} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
  )
  return { socket, text: () => text }
}

async function gaugeOf(api: ConfigApi, name: string): Promise<number> {
  const { text } = await api.call('GET', '/config/metrics')
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? NaN)
}

describe('a poll', () => {
  test('is answered at once when there is something that the client does not have', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    const first = (await api.call('POST', poll, { targets: [key] })).json as PollAnswer
    expect(first).toMatchObject({
      type: 'changed',
      changes: [{ type: 'released', key, info: { version: 1, format: 'yaml' } }],
    })
    expect(JSON.stringify(first)).not.toContain('a: 1')
    await api.call('DELETE', file)
    const known = [{ ...key, version: 1 }]
    expect((await api.call('POST', poll, { targets: [key], known })).json).toMatchObject({
      changes: [{ type: 'removed', key, version: 1 }],
    })
  })

  test('waits for a release', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    const answer = api.call('POST', poll, { targets: [key], known: [{ ...key, version: 1 }] })
    await api.until(() => api.hub.stats().polls === 1)
    await publish(api, 'a: 2')
    expect((await answer).json).toMatchObject({ type: 'changed', changes: [{ info: { version: 2 } }] })
  })

  test('waits for a group, and for files whose names begin alike', async () => {
    await using api = await startConfigApi()
    const { namespace, group } = key
    const wide = api.call('POST', poll, { targets: [{ namespace, group }] })
    const narrow = api.call('POST', poll, { targets: [{ namespace, group, prefix: 'b/' }, key] })
    await api.until(() => api.hub.stats().polls === 2)
    await publish(api, 'x: 1', 'a/x.yaml')
    expect((await wide).json).toMatchObject({ changes: [{ key: { file: 'a/x.yaml' } }] })
    expect(api.hub.stats().polls).toBe(1)
    await publish(api, 'x: 1', 'b/x.yaml')
    expect((await narrow).json).toMatchObject({ changes: [{ key: { file: 'b/x.yaml' } }] })
  })

  test('is told of what its client sees', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    const known = [{ ...key, version: 1 }]
    const client = { id: 'c', labels: { env: 'gray' } }
    const others = api.call('POST', poll, { targets: [key], known, timeoutMs: 100 })
    const chosen = api.call('POST', poll, { targets: [key], known, client })
    const byHeader = api.call('POST', poll, { targets: [key], known }, { 'x-client-labels': 'env:gray' })
    await api.until(() => api.hub.stats().polls === 3)
    const rule = { labels: [{ label: 'env', type: 'exact', value: 'gray' }] }
    await api.call('POST', `${file}/gray`, { content: 'a: 2', rule })
    for (const answer of [chosen, byHeader]) {
      expect((await answer).json).toMatchObject({ changes: [{ info: { version: 2, origin: 'gray' } }] })
    }
    await api.pass(150)
    expect((await others).json).toMatchObject({ type: 'unchanged' })
  })

  test('is told that nothing has changed when its time is up', async () => {
    await using api = await startConfigApi()
    const before = api.environment.clock.pending
    const answer = api.call('POST', poll, { targets: [key], timeoutMs: 5_000 })
    const other = api.call('POST', poll, { targets: [key] })
    await api.until(() => api.hub.stats().polls === 2)
    // One timer for all of them.
    expect(api.environment.clock.pending - before).toBeLessThanOrEqual(1)
    await api.pass(5_100)
    expect((await answer).json).toEqual({ type: 'unchanged', revision: api.hub.stats().revision })
    expect(api.hub.stats().polls).toBe(1)
    await api.pass(25_000)
    expect((await other).json).toMatchObject({ type: 'unchanged' })
    expect((await api.call('POST', poll, { targets: [key], timeoutMs: 0 })).json).toMatchObject({
      type: 'unchanged',
    })
  })

  test('is told nothing that is older than what its client has seen', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    const afterRevision = api.hub.stats().revision + 2
    const answer = api.call('POST', poll, { targets: [key], afterRevision })
    await api.until(() => api.hub.stats().polls === 1)
    await publish(api, 'a: 2')
    expect(api.hub.stats().polls).toBe(1)
    await publish(api, 'a: 3')
    expect((await answer).json).toMatchObject({ changes: [{ info: { version: 3 } }] })
  })

  test('ends when its client leaves, which is no failure', async () => {
    await using api = await startConfigApi()
    const origin = await api.listen()
    const { socket } = rawPoll(origin, { targets: [key], timeoutMs: 600_000 })
    await api.until(() => api.hub.stats().polls === 1)
    expect(await gaugeOf(api, 'orrery_config_http_pending')).toBe(1)
    socket.destroy()
    await api.until(() => api.hub.stats().polls === 0)
    expect(await gaugeOf(api, 'orrery_config_http_pending')).toBe(0)
    expect(api.environment.logger.lines).toEqual([])
  })

  test('does not keep what it was asked with', async () => {
    let seen: FastifyRequest | undefined
    await using api = await startConfigApi({
      host: (app) => {
        app.addHook('preHandler', (request, _reply, done) => {
          if (request.url === poll) seen = request
          done()
        })
      },
    })
    const answer = api.call('POST', poll, { targets: [key], timeoutMs: 1_000 })
    await api.until(() => api.hub.stats().polls === 1)
    expect(seen?.body).toBeUndefined()
    await api.pass(1_100)
    expect((await answer).status).toBe(200)
  })

  test('is answered, with nothing that is new, when the server closes', async () => {
    await using api = await startConfigApi()
    const origin = await api.listen()
    const before = api.hub.stats().revision
    const { text } = rawPoll(origin, { targets: [key], timeoutMs: 600_000, afterRevision: before })
    await api.until(() => api.hub.stats().polls === 1)
    let isClosed = false
    void api.app.close().then(() => (isClosed = true))
    await api.until(() => isClosed)
    expect(text()).toMatch(/^HTTP\/1.1 200 /)
    expect(text()).toContain(JSON.stringify({ type: 'unchanged', revision: before }))
    expect(api.environment.logger.lines).toEqual([])
  })

  test('is told when the hub closes', async () => {
    await using api = await startConfigApi()
    const answer = api.call('POST', poll, { targets: [key] })
    await api.until(() => api.hub.stats().polls === 1)
    await api.hub.close()
    const { status, json, headers } = await answer
    expect([status, json, headers['retry-after']]).toMatchObject([503, { code: 'CONFIG_CLOSED' }, '1'])
  })
})

describe('polls', () => {
  test('are no more than so many, until one ends', async () => {
    await using api = await startConfigApi({ options: { pollsMax: 2 } })
    const origin = await api.listen()
    const polls = [rawPoll(origin, { targets: [key] }), rawPoll(origin, { targets: [key] })]
    await api.until(() => api.hub.stats().polls === 2)
    const refused = await api.call('POST', poll, { targets: [key] })
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'HTTP_API_OVERLOADED' }])
    expect(refused.headers['retry-after']).toBe('1')
    polls[0]?.socket.destroy()
    await api.until(() => api.hub.stats().polls === 1)
    expect((await api.call('POST', poll, { targets: [key], timeoutMs: 0 })).status).toBe(200)
    polls[1]?.socket.destroy()
  })

  test('ask for no more than so much, all together', async () => {
    await using api = await startConfigApi({ options: { pollItemsMax: 5 } })
    const origin = await api.listen()
    const known = [key, { ...key, file: 'b' }].map((one) => ({ ...one, version: 0 }))
    const { socket } = rawPoll(origin, { targets: [key], known })
    await api.until(() => api.hub.stats().polls === 1)
    const refused = await api.call('POST', poll, { targets: [key], known })
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'HTTP_API_OVERLOADED' }])
    expect((await api.call('POST', poll, { targets: [key], timeoutMs: 0 })).status).toBe(200)
    socket.destroy()
  })

  test('of a thousand clients are answered together, and of those who do not read, all is let go', async () => {
    const pollsMax = 1_000
    await using api = await startConfigApi({ options: { pollsMax } })
    const origin = await api.listen()
    await publish(api, 'a: 1')
    const sockets = new Set<Socket>()
    api.app.server.on('connection', (socket: Socket) => sockets.add(socket))
    const body = { targets: [key], known: [{ ...key, version: 1 }], timeoutMs: 600_000 }
    const half = pollsMax / 2
    const reading = Array.from({ length: half }, () => rawPoll(origin, body))
    const stalled = Array.from({ length: half }, () => rawPoll(origin, body, { reads: false }))
    await api.until(() => api.hub.stats().polls === pollsMax)
    const refused = Array.from({ length: 100 }, () => rawPoll(origin, body))
    await api.until(() => refused.every(({ text }) => text().endsWith('}')))
    expect(new Set(refused.map(({ text }) => text().slice(0, 12)))).toEqual(new Set(['HTTP/1.1 503']))

    await publish(api, 'a: 2')
    await api.until(() => reading.every(({ text }) => text().endsWith('}')))
    const answers = new Set(reading.map(({ text }) => text().slice(text().indexOf('{'))))
    expect(answers.size).toBe(1)
    expect([...answers].join()).toContain('"version":2')
    expect(api.hub.stats().polls).toBe(0)
    // What is held for those who do not read fits into their sockets.
    await api.until(() => Array.from(sockets).every(({ writableLength }) => writableLength === 0))
    expect(await gaugeOf(api, 'orrery_config_http_pending')).toBe(0)
    for (const { socket } of [...reading, ...stalled, ...refused]) socket.destroy()
  })

  test('that are answered but not read count until they are gone', async () => {
    await using api = await startConfigApi({ options: { pollsMax: 1 } })
    const origin = await api.listen()
    // More than sockets of the loopback hold.
    const tags = Object.fromEntries(manyTags())
    for (let index = 0; index < 60; index++) {
      await api.hub.releases.publish({ ...key, file: String(index) }, { content: '', tags })
    }
    const { namespace, group } = key
    const { socket } = rawPoll(origin, { targets: [{ namespace, group }] }, { reads: false })
    await api.until(() => api.hub.stats().delivered === 60)
    expect(api.hub.stats().polls).toBe(0)
    const refused = await api.call('POST', poll, { targets: [key], timeoutMs: 0 })
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'HTTP_API_OVERLOADED' }])
    socket.destroy()
    while ((await gaugeOf(api, 'orrery_config_http_pending')) > 0);
    expect((await api.call('POST', poll, { targets: [key], timeoutMs: 0 })).status).toBe(200)
  })
})

function manyTags(): readonly (readonly [string, string])[] {
  return Array.from({ length: 64 }, (_, index) => [`tag-${index}`, 'y'.repeat(4_096)] as const)
}

describe('the JSON of answers', () => {
  function infoOf(version: number): { readonly info: ReleaseInfo; readonly made: () => number } {
    let made = 0
    const info = { version, toJSON: () => ({ version, made: ++made }) } as unknown as ReleaseInfo
    return { info, made: () => made }
  }

  test('is made once for all who get the same answer', () => {
    const json = new PollJson()
    const { info, made } = infoOf(1)
    const result: PollResult = { type: 'changed', revision: 3, changes: [{ type: 'released', key, info }] }
    expect(JSON.parse(json.textOf(result))).toEqual({
      ...result,
      changes: [{ type: 'released', key, info: { version: 1, made: 1 } }],
    })
    expect(json.textOf(result)).toBe(json.textOf(result))
    expect(made()).toBe(1)
  })

  test('shares what is the same of answers that differ', () => {
    const json = new PollJson()
    const [one, two] = [infoOf(1), infoOf(2)]
    const changes = [one, two].map(({ info }) => ({ type: 'released', key, info }) as const)
    for (const some of [
      changes,
      changes.slice(1),
      [...changes, { type: 'removed', key, version: 7 } as const],
    ]) {
      const text = json.textOf({ type: 'changed', revision: 3, changes: some })
      expect((JSON.parse(text) as { changes: readonly unknown[] }).changes).toHaveLength(some.length)
    }
    expect([one.made(), two.made()]).toEqual([1, 1])
    expect(JSON.parse(json.textOf({ type: 'unchanged', revision: 9 }))).toEqual({
      type: 'unchanged',
      revision: 9,
    })
  })
})

test('a poll that is refused is not counted', async () => {
  await using api = await startConfigApi()
  for (const headers of [{ 'x-client-labels': 'env' }, { 'x-client-address': 'nowhere' }]) {
    const answer = await api.call('POST', poll, { targets: [key] }, headers)
    expect([answer.status, answer.json]).toMatchObject([400, { code: 'CONFIG_INVALID' }])
  }
  expect(await gaugeOf(api, 'orrery_config_http_pending')).toBe(0)
})

test('a read that waits counts among polls', async () => {
  await using api = await startConfigApi({ options: { pollsMax: 0 } })
  await publish(api, 'a: 1')
  const { revision } = api.hub.stats()
  expect((await api.call('GET', `${fileAt('app.yaml')}/active?afterRevision=${revision}`)).status).toBe(200)
  const refused = await api.call('GET', `${file}/active?afterRevision=${revision + 1}`)
  expect(refused.json).toMatchObject({ code: 'HTTP_API_OVERLOADED' })
})
