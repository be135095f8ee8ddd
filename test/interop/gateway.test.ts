import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type EtcdLikeServer, startEtcd } from './servers/etcd.ts'
import { startOrrery } from './servers/orrery.ts'

let etcd: EtcdLikeServer
let orrery: EtcdLikeServer

beforeAll(async () => {
  ;[etcd, orrery] = await Promise.all([startEtcd(), startOrrery()])
})

afterAll(() => Promise.all([etcd[Symbol.asyncDispose](), orrery[Symbol.asyncDispose]()]))

type Json = Readonly<Record<string, unknown>>

const b64 = (text: string): string => Buffer.from(text).toString('base64')

const run = promisify(execFile)

/** Sends a request with curl: the client that documentation shows. */
async function curl(
  server: EtcdLikeServer,
  path: string,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const args = ['-sS', '-m', '20', '-w', '\n%{http_code}', '-X', 'POST', '-d', body, `${server.url}${path}`]
  const { stdout } = await run('curl', args)
  const end = stdout.lastIndexOf('\n')
  return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) }
}

/** Fields that name the server, or tell its time. */
const identity = new Set(['cluster_id', 'member_id', 'raft_term', 'raftTerm', 'raftIndex', 'leader'])

function withoutIdentity(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (name, field: unknown) => (identity.has(name) ? undefined : field))
}

async function post(server: EtcdLikeServer, path: string, body: unknown): Promise<unknown> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const { status, body: answer } = await curl(server, path, text)
  return { status, answer: withoutIdentity(JSON.parse(answer)) }
}

type Request = readonly [path: string, body: unknown]

/** Sends the same requests to both, one after the other, and compares status and body of each. */
async function expectSame(requests: readonly Request[]): Promise<void> {
  for (const [path, body] of requests) {
    const [expected, actual] = await Promise.all([etcd, orrery].map((server) => post(server, path, body)))
    expect(actual, `${path} ${JSON.stringify(body)}`).toEqual(expected)
  }
}

/** The same where Orrery also says what newer versions of etcd say. */
async function expectAtLeast(requests: readonly Request[]): Promise<void> {
  for (const [path, body] of requests) {
    const [expected, actual] = await Promise.all([etcd, orrery].map((server) => post(server, path, body)))
    expect(actual, `${path} ${JSON.stringify(body)}`).toMatchObject(expected as object)
  }
}

const put = (key: string, value: string): Json => ({ key: b64(key), value: b64(value) })
const created = (key: string, revision: number): Json => ({
  key: b64(key),
  target: 'CREATE',
  create_revision: revision,
})

describe('the JSON gateway answers as that of a real etcd', () => {
  test('keys: put, range, delete, with every option', () =>
    expectSame([
      ['/v3/kv/put', put('k/1', 'one')],
      ['/v3/kv/put', { ...put('k/2', 'two'), prev_kv: true }],
      ['/v3/kv/put', { ...put('k/2', 'zwei'), prevKv: true }],
      ['/v3/kv/put', { key: b64('k/3') }],
      ['/v3/kv/range', { key: b64('k/1') }],
      ['/v3/kv/range', { key: b64('k/'), range_end: b64('k0') }],
      ['/v3/kv/range', { key: b64('k/'), rangeEnd: b64('k0'), limit: '1' }],
      ['/v3/kv/range', { key: b64('k/'), range_end: b64('k0'), limit: 2, serializable: true }],
      ['/v3/kv/range', { key: b64('k/'), range_end: b64('k0'), sort_order: 'DESCEND', sort_target: 'MOD' }],
      [
        '/v3/kv/range',
        { key: b64('k/'), range_end: b64('k0'), sort_order: 2, sort_target: 1, keys_only: true },
      ],
      ['/v3/kv/range', { key: b64('k/'), range_end: b64('k0'), count_only: true, revision: '2' }],
      ['/v3/kv/range', { key: b64('none') }],
      ['/v3/kv/range', { key: 'AA==', range_end: 'AA==' }],
      ['/v3beta/kv/range', { key: b64('k/1') }],
      ['/v3/kv/deleterange', { key: b64('k/1'), prev_kv: true }],
      ['/v3/kv/deleterange', { key: b64('k/1') }],
      ['/v3/kv/compaction', { revision: 3, physical: true }],
    ]))

  test('txns, as Patroni writes them', () =>
    expectSame([
      [
        '/v3/kv/txn',
        { compare: [created('leader', 0)], success: [{ request_put: put('leader', 'node-a') }] },
      ],
      [
        '/v3/kv/txn',
        {
          compare: [created('leader', 0)],
          success: [{ request_put: put('leader', 'node-b') }],
          failure: [{ request_range: { key: b64('leader') } }],
        },
      ],
      [
        '/v3/kv/txn',
        {
          compare: [{ result: 'EQUAL', target: 'VALUE', key: b64('leader'), value: b64('node-a') }],
          success: [{ requestDeleteRange: { key: b64('leader') } }],
        },
      ],
      ['/v3/kv/txn', {}],
      [
        '/v3/kv/txn',
        {
          success: [
            { request_txn: { success: [{ request_put: put('nested', '1') }] } },
            { request_range: { key: b64('nested') } },
          ],
        },
      ],
    ]))

  test('leases', () =>
    expectSame([
      ['/v3/lease/grant', { ID: '4711', TTL: '300' }],
      ['/v3/kv/put', { ...put('leased', 'x'), lease: '4711' }],
      ['/v3/lease/keepalive', { ID: '4711' }],
      ['/v3/lease/keepalive', { ID: 4712 }],
      ['/v3/lease/leases', {}],
      ['/v3/kv/lease/leases', {}],
      ['/v3/lease/revoke', { ID: 4711 }],
      ['/v3/lease/timetolive', { ID: 4711 }],
      ['/v3/kv/lease/timetolive', { ID: 4711, keys: true }],
      ['/v3/kv/range', { key: b64('leased') }],
    ]))

  test('maintenance, cluster, lock and election', () =>
    expectSame([
      ['/v3/maintenance/defragment', {}],
      ['/v3/lease/grant', { ID: 99, TTL: 300 }],
      ['/v3/lock/lock', { name: b64('mutex'), lease: 99 }],
      ['/v3/lock/unlock', { key: b64('mutex/63') }],
      ['/v3/election/campaign', { name: b64('poll'), lease: 99, value: b64('me') }],
      ['/v3/election/leader', { name: b64('poll') }],
      ['/v3/lease/revoke', { ID: 99 }],
    ]))

  test('alarms', () =>
    expectAtLeast([
      ['/v3/maintenance/alarm', { action: 'GET' }],
      ['/v3/maintenance/alarm', {}],
      ['/v3/maintenance/alarm', { action: 'ACTIVATE', alarm: 'NOSPACE', memberID: 5 }],
      ['/v3/maintenance/alarm', { action: 'GET', alarm: 'NOSPACE' }],
      ['/v3/kv/put', put('full', '1')],
      ['/v3/kv/txn', { success: [{ request_put: put('full', '1') }] }],
      ['/v3/lease/grant', { ID: 701, TTL: 300 }],
      ['/v3/kv/range', { key: b64('full') }],
      ['/v3/kv/deleterange', { key: b64('k/'), range_end: b64('k0') }],
      ['/v3/maintenance/alarm', { action: 'DEACTIVATE', alarm: 'NOSPACE', memberID: 5 }],
      ['/v3/kv/put', put('full', '1')],
    ]))

  test('refusals: the same status, code and message', () =>
    expectAtLeast([
      ['/v3/kv/range', {}],
      ['/v3/kv/range', { key: b64('a'), revision: 99_999 }],
      ['/v3/kv/range', { key: b64('a'), revision: 1 }],
      ['/v3/kv/put', { ...put('a', 'b'), lease: 404 }],
      ['/v3/kv/put', { ...put('a', 'b'), ignore_value: true }],
      ['/v3/kv/txn', { success: [{ request_put: put('a', '1') }, { request_put: put('a', '2') }] }],
      ['/v3/lease/revoke', { ID: 404 }],
      ['/v3/lease/grant', { ID: 5, TTL: 9_000_000_001 }],
      ['/v3/election/leader', { name: b64('nobody') }],
    ]))

  test('paths and methods that do not exist', async () => {
    for (const path of ['/v3/nothing', '/v3/kv/nothing']) {
      const [expected, actual] = await Promise.all([etcd, orrery].map((server) => curl(server, path, '{}')))
      expect(actual?.status).toBe(expected?.status)
    }
    const [expected, actual] = await Promise.all([etcd, orrery].map(({ url }) => fetch(`${url}/v3/kv/range`)))
    expect(actual?.status).toBe(expected?.status)
  })

  test('bodies that are no JSON or not of the message are refused with a client error', async () => {
    for (const body of ['{', '[]', '"x"', '{"key": 5}', '{"key":"%%%"}', '{"revision":"x"}']) {
      const [expected, actual] = await Promise.all(
        [etcd, orrery].map((server) => curl(server, '/v3/kv/range', body)),
      )
      expect(actual?.status, body).toBe(expected?.status)
    }
  })

  test('/version and /health', async () => {
    const read = async ({ url }: EtcdLikeServer, path: string): Promise<Json> =>
      (await (await fetch(`${url}${path}`)).json()) as Json
    expect(await read(orrery, '/health')).toMatchObject(await read(etcd, '/health'))
    expect(Object.keys(await read(orrery, '/version'))).toEqual(
      expect.arrayContaining(Object.keys(await read(etcd, '/version'))),
    )
  })
})

/** Reads JSON values from a chunked answer as they arrive, the way Patroni does. */
async function* jsonValues(response: Response): AsyncGenerator<Json> {
  if (response.body === null) throw new Error('the answer has no body')
  let text = ''
  for await (const chunk of response.body) {
    text += Buffer.from(chunk as Uint8Array).toString()
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      yield JSON.parse(text.slice(0, end)) as Json
      text = text.slice(end + 1)
    }
  }
}

async function watchedOverHttp(server: EtcdLikeServer): Promise<readonly unknown[]> {
  const stop = new AbortController()
  const body = JSON.stringify({
    create_request: { key: b64('pat/'), range_end: b64('pat0'), prev_kv: true, filters: ['NODELETE'] },
  })
  const response = await fetch(`${server.url}/v3/watch`, { method: 'POST', body, signal: stop.signal })
  const values = jsonValues(response)
  const seen: unknown[] = [(await values.next()).value]
  for (const value of ['1', '2']) {
    await post(server, '/v3/kv/put', put('pat/leader', value))
    seen.push((await values.next()).value)
  }
  await post(server, '/v3/kv/deleterange', { key: b64('pat/leader') })
  await post(server, '/v3/kv/put', put('pat/leader', 'again'))
  seen.push((await values.next()).value)
  stop.abort()
  return seen.map(withoutIdentity)
}

async function watchedOverWebSocket(server: EtcdLikeServer): Promise<readonly unknown[]> {
  const socket = new WebSocket(`ws://${server.endpoint}/v3/watch`)
  const seen: unknown[] = []
  let arrived = (): void => {}
  socket.on('message', (data) => {
    const text = Buffer.isBuffer(data) ? data.toString() : ''
    for (const line of text.split('\n')) if (line !== '') seen.push(withoutIdentity(JSON.parse(line)))
    arrived()
  })
  const until = (count: number): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.once('error', reject)
      arrived = () => {
        if (seen.length >= count) resolve()
      }
      arrived()
    })
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.send(JSON.stringify({ create_request: { key: b64('ws') } }))
  await until(1)
  await post(server, '/v3/kv/put', put('ws', '1'))
  await until(2)
  socket.send(JSON.stringify({ create_request: { key: b64('ws2'), watch_id: '7' } }))
  await until(3)
  await post(server, '/v3/kv/put', put('ws2', '1'))
  await until(4)
  socket.send(JSON.stringify({ cancel_request: { watch_id: 7 } }))
  await until(5)
  socket.close()
  return seen
}

describe('streams over the gateway', () => {
  test('a watch over HTTP gives each response as it happens', async () => {
    const [expected, actual] = await Promise.all([etcd, orrery].map(watchedOverHttp))
    expect(actual).toEqual(expected)
  })

  test('a watch over WebSocket takes further requests', async () => {
    const [expected, actual] = await Promise.all([etcd, orrery].map(watchedOverWebSocket))
    expect(actual).toEqual(expected)
  })

  test('a watch of compacted revisions is canceled and says so', async () => {
    const story = async (server: EtcdLikeServer): Promise<readonly unknown[]> => {
      for (const value of ['1', '2']) await post(server, '/v3/kv/put', put('compacted', value))
      const range = JSON.stringify(await post(server, '/v3/kv/range', { key: b64('compacted') }))
      const revision = Number(/"revision":"(\d+)"/.exec(range)?.[1])
      await post(server, '/v3/kv/compaction', { revision, physical: true })
      const stop = new AbortController()
      const body = JSON.stringify({ create_request: { key: b64('compacted'), start_revision: revision - 1 } })
      const response = await fetch(`${server.url}/v3/watch`, { method: 'POST', body, signal: stop.signal })
      const values = jsonValues(response)
      const seen = [(await values.next()).value, (await values.next()).value]
      stop.abort()
      return seen.map(withoutIdentity)
    }
    const [expected, actual] = await Promise.all([etcd, orrery].map(story))
    expect(actual).toEqual(expected)
  })

  test('one request may keep several leases alive', async () => {
    const story = async (server: EtcdLikeServer): Promise<unknown> => {
      for (const ID of [501, 502]) await post(server, '/v3/lease/grant', { ID, TTL: 300 })
      const { body } = await curl(server, '/v3/lease/keepalive', '{"ID":501}{"ID":502}\n{"ID":503}')
      return body
        .trim()
        .split('\n')
        .map((line) => withoutIdentity(JSON.parse(line)))
    }
    const [expected, actual] = await Promise.all([etcd, orrery].map(story))
    expect(actual).toEqual(expected)
  })

  test('Observe tells of each leader', async () => {
    const story = async (server: EtcdLikeServer): Promise<unknown> => {
      await post(server, '/v3/lease/grant', { ID: 601, TTL: 300 })
      await post(server, '/v3/election/campaign', { name: b64('seen'), lease: 601, value: b64('first') })
      const stop = new AbortController()
      const body = JSON.stringify({ name: b64('seen') })
      const response = await fetch(`${server.url}/v3/election/observe`, {
        method: 'POST',
        body,
        signal: stop.signal,
      })
      const values = jsonValues(response)
      const seen: unknown[] = [(await values.next()).value]
      await post(server, '/v3/kv/put', { ...put('seen/259', 'second'), lease: 601 })
      seen.push((await values.next()).value)
      stop.abort()
      return seen.map(withoutIdentity)
    }
    const [expected, actual] = await Promise.all([etcd, orrery].map(story))
    expect(actual).toEqual(expected)
  })
})
