import { connect } from 'node:net'
import { hasCode } from '@orrery/environment'
import { RegistryError } from '@orrery/registry'
import { StoreError } from '@orrery/store'
import { fastify } from 'fastify'
import { describe, expect, test } from 'vitest'
import { registryApiPlugin } from '../src/index.ts'
import { type Method, registerShop, shop, startApi } from './support.ts'

const instances = `${shop}/instances`
const good = { id: 'a', host: 'h', port: 1 }

const badBodies: readonly (readonly [what: string, method: Method, url: string, body: unknown])[] = [
  ['no body where fields are needed', 'POST', instances, undefined],
  ['an array', 'POST', instances, []],
  ['null', 'POST', instances, 'null'],
  ['a text', 'POST', instances, '"x"'],
  ['no JSON', 'POST', instances, '{"host":'],
  ['a body of JSON type without content', 'POST', instances, ''],
  ['a poisoned prototype', 'POST', instances, '{"host":"h","port":1,"__proto__":{"x":1}}'],
  ['a poisoned constructor', 'POST', instances, '{"host":"h","port":1,"constructor":{"prototype":{}}}'],
  ['an unknown field', 'POST', instances, { ...good, weigth: 1 }],
  ['names of the path in the body', 'POST', instances, { ...good, namespace: 'other' }],
  ['a port as text', 'POST', instances, { ...good, port: '1' }],
  ['a port with a fraction', 'POST', instances, { ...good, port: 1.5 }],
  ['a port that is too large', 'POST', instances, { ...good, port: 65_536 }],
  ['a negative weight', 'POST', instances, { ...good, weight: -1 }],
  ['a flag as text', 'POST', instances, { ...good, isolated: 'true' }],
  ['a flag as number', 'POST', instances, { ...good, healthy: 1 }],
  ['null for a text', 'POST', instances, { ...good, version: null }],
  ['metadata that is no text', 'POST', instances, { ...good, metadata: { a: 1 } }],
  ['metadata that is a list', 'POST', instances, { ...good, metadata: ['a'] }],
  ['too much metadata', 'POST', instances, { ...good, metadata: { a: 'x'.repeat(4_097) } }],
  [
    'too many labels',
    'POST',
    instances,
    { ...good, metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [i, ''])) },
  ],
  ['an unknown part of a location', 'POST', instances, { ...good, location: { city: 'x' } }],
  ['a host that is too long', 'POST', instances, { ...good, host: 'h'.repeat(129) }],
  ['an empty host', 'POST', instances, { ...good, host: '' }],
  ['a time to live that is too short', 'POST', instances, { ...good, ttlMs: 1 }],
  ['a time to live that is too long', 'POST', instances, { ...good, ttlMs: 86_400_001 }],
  ['never as text', 'POST', instances, { ...good, evictAfterMs: 'never' }],
  ['half of a surrogate pair', 'POST', instances, '{"host":"\\ud800","port":1}'],
  ['an id of dots', 'POST', instances, { ...good, id: '..' }],
  ['an unknown field of a change', 'PATCH', `${instances}/a`, { id: 'b' }],
  ['a number for a namespace', 'PUT', '/v1/namespaces/x', { comment: 1 }],
  ['a threshold above one', 'PUT', shop, { protectThreshold: 1.1 }],
  ['an alias that is a text', 'PUT', shop, { aliasOf: 'default/shop' }],
  ['an alias in a change', 'PATCH', shop, { aliasOf: { namespace: 'default', service: 'x' } }],
  ['exports that are no list', 'PUT', shop, { exportTo: '*' }],
  ['heartbeats without keys', 'POST', '/v1/heartbeats', {}],
  ['a heartbeat without id', 'POST', '/v1/heartbeats', { keys: [{ namespace: 'a', service: 'b' }] }],
  [
    'a heartbeat with more',
    'POST',
    '/v1/heartbeats',
    { keys: [{ namespace: 'a', service: 'b', id: 'c', x: 1 }] },
  ],
  ['a forwarded batch that is none', 'POST', '/v1/heartbeats/forwarded', { beats: [] }],
  ['a forwarded beat that is none', 'POST', '/v1/heartbeats/forwarded', batch({ beats: [1] })],
  [
    'too many forwarded beats',
    'POST',
    '/v1/heartbeats/forwarded',
    batch({ beats: Array.from({ length: 10_001 }, () => 'a/b/c') }),
  ],
]

function batch(changes: object): object {
  return { from: 'a', life: 'x', sequence: 1, ringRevision: 0, beats: [], isLast: false, ...changes }
}

const badUrls: readonly (readonly [what: string, method: Method, url: string])[] = [
  ['an unknown parameter', 'GET', '/v1/instances?naemspace=x'],
  ['a parameter where none is', 'GET', '/v1/stats?x=1'],
  ['a parameter that would be a prototype', 'GET', '/v1/instances?__proto__=x'],
  ['a limit that is no number', 'GET', '/v1/instances?limit=many'],
  ['a limit that is too large', 'GET', '/v1/instances?limit=10001'],
  ['a limit of nothing', 'GET', '/v1/instances?limit=0'],
  ['a limit with a fraction', 'GET', '/v1/instances?limit=1.5'],
  ['a limit without value', 'GET', '/v1/instances?limit='],
  ['two limits', 'GET', '/v1/instances?limit=1&limit=2'],
  ['a negative offset', 'GET', '/v1/instances?offset=-1'],
  ['a port that is too large', 'GET', '/v1/instances?port=65536'],
  ['a flag that is neither', 'GET', '/v1/instances?healthy=yes'],
  ['two flags', 'GET', '/v1/instances?healthy=true&healthy=false'],
  ['a label without colon', 'GET', '/v1/instances?metadata=x'],
  ['a label without key', 'GET', '/v1/instances?metadata=:x'],
  ['a label twice', 'GET', '/v1/instances?metadata=a:x&metadata=a:y'],
  ['an escape that is none', 'GET', '/v1/instances?service=%zz'],
  ['an escape that is no UTF-8', 'GET', '/v1/instances?service=%ff'],
  ['a revision that is negative', 'GET', `${shop}/discover?revision=-1`],
  ['a revision that is no integer', 'GET', `${shop}/discover?revision=9007199254740993`],
  ['no revision to begin with', 'GET', '/v1/changes'],
  ['a subscription that lingers too long', 'GET', `${shop}/subscribe?lingerMaxMs=60001`],
  ['an unknown parameter of a subscription', 'GET', `${shop}/subscribe?healthy=true`],
  ['a name that is none', 'PUT', '/v1/namespaces/a%20b'],
  ['a name of dots', 'PUT', '/v1/namespaces/...'],
  ['a name that is too long', 'PUT', `/v1/namespaces/${'n'.repeat(65)}`],
]

describe('a request that makes no sense is refused, and changes nothing', () => {
  test.each(badBodies)('%s', async (_what, method, url, body) => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const before = api.registry.revision
    const answer = await api.call(method, url, body)
    expect([answer.status, answer.json]).toEqual([
      400,
      { code: 'REGISTRY_INVALID', message: expect.any(String) as string },
    ])
    expect(api.registry.revision).toBe(before)
  })

  test.each(badUrls)('%s', async (_what, method, url) => {
    await using api = await startApi()
    const answer = await api.call(method, url)
    expect([answer.status, answer.json]).toEqual([
      400,
      { code: 'REGISTRY_INVALID', message: expect.any(String) as string },
    ])
    expect(api.environment.logger.lines).toEqual([])
  })

  test.each(['/v1/namespaces/%zz', '/v1/namespaces/%ff/services/x', '/v1/namespaces/%'])(
    'a path with an escape that is none: %s',
    async (path) => {
      await using api = await startApi()
      expect((await api.call('GET', path)).status).toBe(400)
    },
  )

  test.each(['x', '"x"', 'W/"1"', '"1", "2"', '*', '"99999999999999999"'])('If-Match: %s', async (header) => {
    await using api = await startApi()
    await registerShop(api, 'a')
    const answer = await api.call('DELETE', `${instances}/a`, undefined, { 'if-match': header })
    expect([answer.status, answer.json]).toMatchObject([400, { code: 'REGISTRY_INVALID' }])
  })

  test('two different revisions to write over', async () => {
    await using api = await startApi()
    await registerShop(api, 'a')
    expect(
      (await api.call('DELETE', `${instances}/a?ifRevision=1`, undefined, { 'if-match': '"2"' })).status,
    ).toBe(400)
  })

  test('another type than JSON', async () => {
    await using api = await startApi()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'x']) {
      const answer = await api.call('POST', instances, JSON.stringify(good), { 'content-type': type })
      expect([answer.status, answer.json]).toMatchObject([415, { code: 'HTTP_API_MEDIA_TYPE_UNSUPPORTED' }])
    }
    const utf8 = { 'content-type': 'application/json; charset=utf-8' }
    expect((await api.call('POST', instances, JSON.stringify(good), utf8)).status).toBe(201)
  })

  test('a body that is too large', async () => {
    await using api = await startApi({ options: { bodyMaxBytes: 1_000, batchMaxBytes: 2_000 } })
    for (const [url, bytes] of [
      [instances, 1_001],
      ['/v1/heartbeats', 2_001],
      ['/v1/heartbeats/forwarded', 2_001],
    ] as const) {
      const answer = await api.call('POST', url, 'x'.repeat(bytes))
      expect([answer.status, answer.json]).toMatchObject([413, { code: 'HTTP_API_BODY_TOO_LARGE' }])
    }
  })

  test('a body that is too large is not read to its end', async () => {
    await using api = await startApi()
    const url = new URL(await api.listen())
    const socket = connect(Number(url.port), url.hostname)
    socket.write(
      `POST ${instances} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10000000000\r\n\r\n{`,
    )
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toMatch(/^HTTP\/1.1 413 /)
    expect(text).toContain('HTTP_API_BODY_TOO_LARGE')
  })
})

describe('what fails', () => {
  test.each([
    [new StoreError('STORE_NO_LEADER', 'at 10.0.0.7'), 503, 'HTTP_API_STORE_UNAVAILABLE'],
    [new StoreError('STORE_TIMED_OUT', 'at 10.0.0.7'), 503, 'HTTP_API_STORE_UNAVAILABLE'],
    [new StoreError('STORE_DAMAGED', 'in /var/10.0.0.7'), 500, 'HTTP_API_INTERNAL'],
    [new RegistryError('REGISTRY_OPTION_INVALID', 'of 10.0.0.7'), 500, 'HTTP_API_INTERNAL'],
    [new Error('secret 10.0.0.7'), 500, 'HTTP_API_INTERNAL'],
    [new TypeError('x of undefined 10.0.0.7'), 500, 'HTTP_API_INTERNAL'],
  ])('%s is told without what it is made of', async (error, status, code) => {
    await using api = await startApi({ overrides: { deregister: () => Promise.reject(error) } })
    const answer = await api.call('DELETE', `${instances}/a`)
    expect([answer.status, answer.json]).toMatchObject([status, { code }])
    expect(answer.text).not.toContain('10.0.0.7')
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined)
    const logged = api.environment.logger.lines.map(({ fields }) => fields['error'])
    expect(logged).toEqual(status === 500 ? [error] : [])
  })

  test('a write whose client leaves waits no longer', async () => {
    let seen: AbortSignal | undefined
    await using api = await startApi({
      overrides: {
        deregister: (_key, options) =>
          new Promise((_resolve, reject) => {
            seen = options?.signal
            seen?.addEventListener('abort', () => reject(seen?.reason as Error))
          }),
      },
    })
    const url = await api.listen()
    const controller = new AbortController()
    const answer = fetch(`${url}${instances}/a`, { method: 'DELETE', signal: controller.signal })
    answer.catch(() => {})
    while (seen === undefined) await new Promise((resolve) => setImmediate(resolve))
    expect(seen.aborted).toBe(false)
    controller.abort()
    await new Promise((resolve) => seen?.addEventListener('abort', resolve))
    await expect(answer).rejects.toThrow()
  })
})

describe('a host', () => {
  test('puts its authentication before every route, and its errors are told', async () => {
    await using api = await startApi({
      host: (app) => {
        app.addHook('onRequest', (request, _reply, done) => {
          if (request.headers.authorization === 'Bearer x') done()
          else
            done(Object.assign(new Error('who are you?'), { statusCode: 401, code: 'HOST_UNAUTHENTICATED' }))
        })
      },
    })
    for (const url of ['/v1/stats', '/health', '/metrics', '/openapi.json', `${shop}/subscribe`]) {
      const refused = await api.call('GET', url)
      expect([refused.status, refused.json]).toMatchObject([
        401,
        { code: 'HOST_UNAUTHENTICATED', message: 'who are you?' },
      ])
    }
    expect((await api.call('GET', '/v1/stats', undefined, { authorization: 'Bearer x' })).status).toBe(200)
  })

  test('keeps its own parsers, validation and errors', async () => {
    await using api = await startApi({
      host: (app) => {
        const schema = {
          body: { type: 'object', properties: { n: { type: 'number' } }, additionalProperties: false },
          response: { 200: { type: 'object', properties: { n: { type: 'number' } } } },
        }
        app.post('/mine', { schema }, (request) => ({ ...(request.body as object), hidden: 1 }))
        app.get('/broken', () => {
          throw new Error('mine')
        })
        app.post('/text', (request) => request.body)
      },
    })
    expect((await api.call('POST', '/mine', { n: '5', more: 1 })).json).toEqual({ n: 5 })
    expect((await api.call('GET', '/broken')).json).toMatchObject({
      error: 'Internal Server Error',
      message: 'mine',
    })
    expect((await api.call('POST', '/text', 'hi', { 'content-type': 'text/plain' })).text).toBe('hi')
  })

  test('mounts several, below prefixes', async () => {
    await using api = await startApi({ prefix: '/one' })
    await using other = await startApi({
      host: (app) =>
        app.register(registryApiPlugin, {
          registry: api.registry,
          prefix: '/one',
        }) as unknown as Promise<void>,
      prefix: '/two',
    })
    const created = await other.call('POST', `/one${instances}`, good)
    expect(created.headers['location']).toBe(`/one${instances}/a`)
    expect((await other.call('GET', '/one/v1/stats')).json).toMatchObject({ instances: 1 })
    expect((await other.call('GET', '/two/v1/stats')).json).toMatchObject({ instances: 0 })
  })

  test('leaves out the route for other members', async () => {
    await using api = await startApi({ options: { forwardedHeartbeats: false } })
    expect((await api.call('POST', '/v1/heartbeats/forwarded', batch({}))).status).toBe(404)
  })

  test('is told of options that make no sense', async () => {
    await using api = await startApi()
    const bad = {
      subscriptionsMax: -1,
      bodyMaxBytes: 0,
      eventsMax: 1.5,
      keepaliveMs: NaN,
      stalledMaxMs: Infinity,
    }
    for (const [name, value] of Object.entries(bad)) {
      const app = fastify()
      const error: unknown = await Promise.resolve(
        app.register(registryApiPlugin, { registry: api.registry, [name]: value }),
      ).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(hasCode(error, 'HTTP_API_OPTION_INVALID') && error.message).toContain(name)
    }
  })
})
