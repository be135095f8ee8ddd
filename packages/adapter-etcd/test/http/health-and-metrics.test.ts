import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { GatewayFixture } from './gateway-fixture.ts'
import { base64, createGatewayFixture } from './gateway-fixture.ts'

let gateway: GatewayFixture

beforeEach(async () => {
  gateway = await createGatewayFixture()
})
afterEach(() => gateway.close())

async function get(url: string): Promise<readonly [number, string]> {
  const response = await gateway.http.inject(url)
  return [response.statusCode, response.body]
}

const raise = (type: 'noSpace' | 'corrupt'): Promise<unknown> =>
  gateway.store.alarms.activate({ memberId: 0n, type })

describe('/health', () => {
  test('is true while the store serves', async () => {
    expect(await get('/health')).toEqual([200, '{"health":"true","reason":""}'])
    expect(await get('/health?serializable=true')).toEqual([200, '{"health":"true","reason":""}'])
  })

  test('names the alarm, unless it is excluded', async () => {
    await raise('noSpace')
    expect(await get('/health')).toEqual([503, '{"health":"false","reason":"ALARM NOSPACE"}'])
    expect(await get('/health?exclude=NOSPACE')).toEqual([200, '{"health":"true","reason":""}'])
    await raise('corrupt')
    expect(await get('/health?exclude=NOSPACE')).toEqual([503, '{"health":"false","reason":"ALARM CORRUPT"}'])
    expect((await get('/health?exclude=NOSPACE&exclude=CORRUPT'))[0]).toBe(200)
  })

  test('names the failed read', async () => {
    await gateway.store.close()
    const [status, body] = await get('/health?serializable=true')
    expect(status).toBe(503)
    expect(body).toContain('RANGE ERROR:STORE_CLOSED')
  })

  test('is for GET', async () => {
    for (const url of ['/health', '/version', '/livez', '/readyz/non_learner']) {
      const response = await gateway.http.inject({ method: 'POST', url })
      expect([response.statusCode, response.headers.allow]).toEqual([405, 'GET'])
    }
  })
})

describe('/livez and /readyz', () => {
  test('say ok, or each check when asked', async () => {
    expect(await get('/livez')).toEqual([200, 'ok\n'])
    expect(await get('/livez?verbose')).toEqual([200, '[+]serializable_read ok\n/livez check passed\n'])
    expect(await get('/readyz?verbose&exclude=linearizable_read')).toEqual([
      200,
      '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read excluded: ok\n[+]non_learner ok\n' +
        '/readyz check passed\n',
    ])
    expect(await get('/readyz/non_learner')).toEqual([200, 'ok\n'])
  })

  test('say which check failed', async () => {
    await raise('corrupt')
    const [status, body] = await get('/readyz')
    expect(status).toBe(503)
    expect(body).toContain('[-]data_corruption failed: alarm activated: CORRUPT\n')
    expect(body).toContain('/readyz check failed')
    expect(await get('/readyz?exclude=data_corruption')).toEqual([200, 'ok\n'])
    expect(await get('/livez')).toEqual([200, 'ok\n'])
    expect((await get('/readyz/data_corruption'))[0]).toBe(503)
  })
})

test('/version', async () => {
  expect(await get('/version')).toEqual([
    200,
    '{"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0"}',
  ])
})

describe('/metrics', () => {
  async function metric(name: string): Promise<string | undefined> {
    const [, text] = await get('/metrics')
    return text
      .split('\n')
      .find((line) => line.startsWith(name))
      ?.slice(name.length + 1)
  }

  test('counts what calls did', async () => {
    const key = base64('key')
    const { body } = await gateway.post('/v3/lease/grant', { TTL: 60 })
    const { ID } = body as { readonly ID: string }
    await gateway.post('/v3/kv/put', { key, value: base64('1234567'), lease: ID })
    await gateway.post('/v3/kv/txn', {
      success: [
        { request_put: { key } },
        { request_range: { key } },
        { request_txn: { success: [{ request_delete_range: { key: base64('other') } }] } },
      ],
      failure: [{ request_put: { key } }],
    })
    await gateway.post('/v3/lease/keepalive', { ID })
    await gateway.post('/v3/kv/range', {})

    expect(await metric('etcd_mvcc_put_total')).toBe('2')
    expect(await metric('etcd_mvcc_range_total')).toBe('1')
    expect(await metric('etcd_mvcc_delete_total')).toBe('1')
    expect(await metric('etcd_mvcc_txn_total')).toBe('1')
    expect(await metric('etcd_debugging_mvcc_total_put_size_in_bytes')).toBe('13')
    expect(await metric('etcd_debugging_lease_granted_total')).toBe('1')
    expect(await metric('etcd_debugging_lease_renewed_total')).toBe('1')
    const range = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Range"'
    expect(await metric(`grpc_server_started_total{${range}}`)).toBe('1')
    expect(await metric(`grpc_server_handled_total{${range},grpc_code="InvalidArgument"}`)).toBe('1')
    expect(await metric(`grpc_server_msg_sent_total{${range}}`)).toBe('0')
    const keepAlive = 'grpc_type="bidi_stream",grpc_service="etcdserverpb.Lease",grpc_method="LeaseKeepAlive"'
    expect(await metric(`grpc_server_msg_received_total{${keepAlive}}`)).toBe('1')
    expect(await metric(`grpc_server_handled_total{${keepAlive},grpc_code="OK"}`)).toBe('1')
  })

  test('reads the state of the store', async () => {
    await gateway.store.put({ key: 'a', value: '1' })
    await raise('noSpace')
    expect(await metric('etcd_server_has_leader')).toBe('1')
    expect(await metric('etcd_debugging_mvcc_keys_total')).toBe('1')
    expect(await metric('etcd_debugging_mvcc_current_revision')).toBe('2')
    expect(await metric('etcd_server_version{server_version="3.6.14"}')).toBe('1')
    expect(await metric('etcd_cluster_version{cluster_version="3.6"}')).toBe('1')
    const memberId = gateway.store.status().memberId.toString(16)
    expect(await metric(`etcd_debugging_server_alarms{server_id="${memberId}",alarm_type="NOSPACE"}`)).toBe(
      '1',
    )
    expect(Number(await metric('process_resident_memory_bytes'))).toBeGreaterThan(1_000_000)
  })

  test('belong to one server', async () => {
    const other = await createGatewayFixture()
    await other.post('/v3/kv/put', { key: base64('key') })
    expect(await metric('etcd_mvcc_put_total')).toBe('0')
    await other.close()
  })

  test('count health checks', async () => {
    await get('/health')
    await raise('corrupt')
    await get('/health')
    expect(await metric('etcd_server_health_success')).toBe('1')
    expect(await metric('etcd_server_health_failures')).toBe('1')
  })

  test('make no label of what a client says', async () => {
    for (const version of ['3.5.9', '3.5.10', 'x'.repeat(1_000)]) {
      await gateway.http.inject({
        method: 'POST',
        url: '/v3/kv/range',
        headers: { 'grpc-metadata-client-api-version': version },
        payload: '{}',
      })
    }
    const name = 'etcd_server_client_requests_total'
    expect(await metric(`${name}{type="unary",client_api_version="3.5"}`)).toBe('2')
    expect(await metric(`${name}{type="unary",client_api_version="unknown"}`)).toBe('1')
  })
})
