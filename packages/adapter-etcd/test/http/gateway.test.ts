import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { GatewayFixture } from './gateway-fixture.ts'
import { base64, createGatewayFixture } from './gateway-fixture.ts'

let gateway: GatewayFixture

beforeEach(async () => {
  gateway = await createGatewayFixture()
})
afterEach(() => gateway.close())

const key = base64('key')

/** The body of a failed call, in both dialects. */
const refusal = (code: number, message: unknown): unknown => ({ error: message, message, code, details: [] })

describe('unary calls', () => {
  test('put and range', async () => {
    const put = await gateway.post('/v3/kv/put', { key, value: base64('one') })
    expect(put).toMatchObject({ status: 200, body: { header: { revision: '2' } } })
    const range = await gateway.post('/v3/kv/range', { key })
    expect(range).toMatchObject({
      status: 200,
      body: {
        header: { cluster_id: expect.stringMatching(/^\d+$/) as string, revision: '2', raft_term: '1' },
        kvs: [{ key, value: base64('one'), create_revision: '2', mod_revision: '2', version: '1' }],
        count: '1',
      },
    })
  })

  test('any content type will do', async () => {
    for (const type of [
      'application/x-www-form-urlencoded',
      'text/plain',
      'application/json; charset=utf-8',
    ]) {
      const response = await gateway.http.inject({
        method: 'POST',
        url: '/v3/kv/put',
        headers: { 'content-type': type },
        payload: `{"key":"${key}"}`,
      })
      expect(response.statusCode).toBe(200)
      expect(response.headers['content-type']).toMatch('application/json')
    }
  })

  test('an empty body is an empty message', async () => {
    expect(await gateway.post('/v3/maintenance/status', '')).toMatchObject({
      status: 200,
      body: { version: '3.6.14' },
    })
    expect(await gateway.post('/v3/kv/range', '')).toEqual({
      status: 400,
      body: refusal(3, 'etcdserver: key is not provided'),
    })
  })

  test('/v3beta is another name of /v3', async () => {
    expect(await gateway.post('/v3beta/kv/put', { key })).toMatchObject({ status: 200 })
    expect(await gateway.post('/v3alpha/kv/put', { key })).toMatchObject({ status: 404 })
  })

  test.each([
    'kv/range',
    'kv/put',
    'kv/deleterange',
    'kv/txn',
    'kv/compaction',
    'lease/grant',
    'lease/revoke',
    'kv/lease/revoke',
    'lease/timetolive',
    'kv/lease/timetolive',
    'lease/leases',
    'kv/lease/leases',
    'cluster/member/add',
    'cluster/member/remove',
    'cluster/member/update',
    'cluster/member/list',
    'cluster/member/promote',
    'maintenance/alarm',
    'maintenance/status',
    'maintenance/defragment',
    'maintenance/hash',
    'maintenance/hashkv',
    'maintenance/transfer-leadership',
    'maintenance/downgrade',
    'auth/status',
    'auth/disable',
    'auth/authenticate',
    'lock/unlock',
    'election/proclaim',
    'election/leader',
    'election/resign',
  ])('%s reaches its service', async (path) => {
    const { body } = await gateway.post(`/v3/${path}`, {})
    expect(body).not.toMatchObject({ message: 'Not Found' })
    expect(body).not.toMatchObject({ message: 'internal error' })
    expect(gateway.logger.lines).toEqual([])
  })

  test('what etcd has and we do not is not implemented', async () => {
    const answer = await gateway.post('/v3/auth/user/add', { name: 'root' })
    expect(answer).toEqual({ status: 501, body: refusal(12, 'not supported by this server') })
  })

  test('an unknown path is not found', async () => {
    expect(await gateway.post('/v3/kv/frobnicate', {})).toEqual({
      status: 404,
      body: refusal(5, 'Not Found'),
    })
  })

  test.each(['GET', 'PUT', 'DELETE', 'PATCH'] as const)('%s is not allowed', async (method) => {
    const response = await gateway.http.inject({ method, url: '/v3/kv/range' })
    expect(response.statusCode).toBe(405)
    expect(response.json()).toEqual(refusal(12, 'Method Not Allowed'))
  })
})

describe('malformed requests', () => {
  test.each([
    ['not json', "invalid character 'n' in literal null"],
    ['{"key":', 'unexpected EOF'],
    ['{"key":"a2V5"', 'unexpected EOF'],
    ['[]', 'unexpected token ['],
    ['{"key":17}', 'invalid value for bytes field key: 17'],
    ['{"key":"a2V5","key":"a2V5"}', 'duplicate field "key"'],
    [`{"key":${'['.repeat(200)}`, 'exceeded max depth'],
    ['{"key":"ÿ"}', 'invalid value for bytes field key: "ÿ"'],
  ])('%s', async (body, message) => {
    const answer = await gateway.post('/v3/kv/range', body)
    expect(answer).toEqual({ status: 400, body: refusal(3, message) })
  })

  test('bytes that are not UTF-8', async () => {
    const payload = Buffer.from('{"key":"\xff"}', 'latin1')
    const response = await gateway.http.inject({ method: 'POST', url: '/v3/kv/range', payload })
    expect([response.statusCode, response.json()]).toEqual([400, refusal(3, 'invalid UTF-8')])
  })

  test('a body beyond the limit', async () => {
    const small = await createGatewayFixture({ bodyMaxBytes: 100 })
    const value = base64('x'.repeat(100))
    const answer = await small.post('/v3/kv/put', { key, value })
    expect(answer.status).toBe(429)
    expect(answer.body).toMatchObject({
      code: 8,
      message: expect.stringContaining('larger than max') as string,
    })
    expect(await small.store.get('key')).toBeUndefined()
    await small.close()
  })

  test('keys that mean something to JavaScript mean nothing here', async () => {
    const answer = await gateway.post(
      '/v3/kv/put',
      `{"__proto__":{"value":"eA=="},"constructor":1,"key":"${key}"}`,
    )
    expect(answer.status).toBe(200)
    expect((await gateway.store.get('key'))?.value).toHaveLength(0)
  })
})

describe('failures', () => {
  test.each([
    [
      'kv/range',
      { key, revision: '99' },
      400,
      11,
      'etcdserver: mvcc: required revision is a future revision',
    ],
    ['lease/revoke', { ID: '404' }, 404, 5, 'etcdserver: requested lease not found'],
    ['kv/put', { key, lease: '404' }, 404, 5, 'etcdserver: requested lease not found'],
    ['kv/put', { key, ignore_value: true }, 400, 3, 'etcdserver: key not found'],
    ['election/leader', { name: key }, 500, 2, 'election: no leader'],
    ['auth/authenticate', { name: 'a', password: 'b' }, 400, 9, 'etcdserver: authentication is not enabled'],
  ])('%s %j', async (path, body, status, code, message) => {
    expect(await gateway.post(`/v3/${path}`, body)).toEqual({ status, body: refusal(code, message) })
  })

  test('a bug of ours is logged and not shown', async () => {
    const broken = await createGatewayFixture({
      services: {
        lock: {
          lock: () => Promise.reject(new Error('secret')),
          unlock: () => Promise.reject(new TypeError('secret')),
        },
      },
    })
    const answer = await broken.post('/v3/lock/unlock', {})
    expect(answer).toEqual({ status: 500, body: refusal(13, 'internal error') })
    expect(broken.logger.lines).toMatchObject([{ level: 'error', fields: { error: { message: 'secret' } } }])
    await broken.close()
  })

  test('a call that outlives its deadline', async () => {
    const holder = await gateway.store.leases.grant({ ttlMs: 60_000 })
    const name = base64('lock')
    await gateway.post('/v3/lock/lock', { name, lease: String(holder.id) })
    const response = await gateway.http.inject({
      method: 'POST',
      url: '/v3/lock/lock',
      headers: { 'grpc-timeout': '20m' },
      payload: JSON.stringify({ name }),
    })
    expect([response.statusCode, response.json()]).toEqual([504, refusal(4, 'context deadline exceeded')])
  })

  test('a call that requires a leader says so in a header', async () => {
    let seen: string | undefined
    const spy = await createGatewayFixture({
      services: {
        lock: {
          lock: () => Promise.resolve({}),
          unlock: (_request, { metadata }) => {
            seen = `${metadata.get('hasleader') ?? ''} ${metadata.get('authorization') ?? ''}`
            return Promise.resolve({})
          },
        },
      },
    })
    await spy.http.inject({
      method: 'POST',
      url: '/v3/lock/unlock',
      headers: { 'grpc-metadata-hasleader': 'true', authorization: 'Bearer token' },
      payload: '{}',
    })
    expect(seen).toBe('true Bearer token')
    await spy.close()
  })
})

describe('a client like Patroni', () => {
  test('learns the version and its members, writes under a lease, and competes for the leader key', async () => {
    const version = await gateway.http.inject('/version')
    expect(version.json()).toMatchObject({ etcdserver: '3.6.14', etcdcluster: '3.6.0' })
    const members = await gateway.post('/v3/cluster/member/list', {})
    expect(members.body).toMatchObject({ members: [{ name: 'default' }] })

    const grant = await gateway.post('/v3/lease/grant', { TTL: 30 })
    const { ID } = grant.body as { readonly ID: string }
    expect(grant.body).toMatchObject({ TTL: '30', ID: expect.stringMatching(/^\d+$/) as string })

    const leader = base64('/service/batman/leader')
    const acquire = (name: string): Promise<unknown> =>
      gateway
        .post('/v3/kv/txn', {
          compare: [{ key: leader, target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
          success: [{ request_put: { key: leader, value: base64(name), lease: ID } }],
          failure: [{ request_range: { key: leader } }],
        })
        .then(({ body }) => body)
    const won = (await acquire('a')) as { readonly header: { readonly revision: string } }
    expect(won).toMatchObject({ succeeded: true, responses: [{ response_put: {} }] })
    const lost = await acquire('b')
    expect(lost).toMatchObject({
      responses: [{ response_range: { kvs: [{ value: base64('a'), lease: ID }] } }],
    })
    expect(lost).not.toHaveProperty('succeeded')

    const renew = await gateway.post('/v3/lease/keepalive', { ID })
    expect(renew.body).toMatchObject({ result: { ID, TTL: '30' } })
    const lostLease = await gateway.post('/v3/lease/keepalive', { ID: '1' })
    expect(lostLease.body).toMatchObject({ result: { ID: '1' } })
    expect(lostLease.body).not.toHaveProperty('result.TTL')

    const prefix = {
      key: base64('/service/batman/'),
      range_end: base64('/service/batman0'),
      serializable: true,
    }
    expect(await gateway.post('/v3/kv/range', prefix)).toMatchObject({ body: { count: '1' } })
    const release = await gateway.post('/v3/kv/txn', {
      compare: [{ key: leader, target: 'MOD', result: 'EQUAL', mod_revision: won.header.revision }],
      success: [{ request_delete_range: { key: leader } }],
    })
    expect(release.body).toMatchObject({
      succeeded: true,
      responses: [{ response_delete_range: { deleted: '1' } }],
    })
  })
})
