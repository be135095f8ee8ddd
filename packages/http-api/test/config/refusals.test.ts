import { ConfigError } from '@orrery/config-hub'
import { hasCode } from '@orrery/environment'
import { createRegistry } from '@orrery/registry'
import { createMemoryStore, StoreError } from '@orrery/store'
import { fastify } from 'fastify'
import { describe, expect, test } from 'vitest'
import { configApiPlugin, registryApiPlugin } from '../../src/index.ts'
import { file, group, key, type Method, publish, startConfigApi } from './support.ts'

const poll = '/config/v1/poll'
const gray = `${file}/gray`

const badBodies: readonly (readonly [what: string, method: Method, url: string, body: unknown])[] = [
  ['an array', 'PUT', group, []],
  ['no JSON', 'PUT', group, '{"comment":'],
  ['a poisoned prototype', 'PUT', group, '{"comment":"x","__proto__":{"x":1}}'],
  ['an unknown field', 'PUT', group, { coment: 'x' }],
  ['names of the path in the body', 'PUT', group, { namespace: 'x' }],
  ['metadata that is no text', 'PUT', group, { metadata: { a: 1 } }],
  ['a reason that is no text', 'PUT', group, { reason: 1 }],
  ['a reason that is too long', 'PUT', group, { reason: 'x'.repeat(1_025) }],
  ['a content that is no text', 'PUT', file, { content: 1 }],
  ['half of a surrogate pair', 'PUT', file, '{"content":"\\ud800"}'],
  ['a format that is none', 'PUT', file, { content: 'x', format: 'ini' }],
  ['a flag as text', 'PUT', file, { encrypted: 'true' }],
  ['a rule where none is', 'POST', `${file}/publish`, { content: 'x', rule: { percent: 1 } }],
  ['no rule', 'POST', gray, { content: 'x' }],
  ['an empty rule', 'POST', gray, { content: 'x', rule: {} }],
  ['a rule with an unknown part', 'POST', gray, { content: 'x', rule: { ips: [] } }],
  ['a percentage above a hundred', 'POST', gray, { content: 'x', rule: { percent: 101 } }],
  ['a network that is none', 'POST', gray, { content: 'x', rule: { addresses: ['10.0.0.0/33'] } }],
  ['a matcher of no type', 'POST', gray, { content: 'x', rule: { labels: [{ label: 'a', value: 'b' }] } }],
  [
    'a matcher without value',
    'POST',
    gray,
    { content: 'x', rule: { labels: [{ label: 'a', type: 'exact' }] } },
  ],
  [
    'a pattern that is none',
    'POST',
    gray,
    { content: 'x', rule: { labels: [{ label: 'a', type: 'regex', value: '(' }] } },
  ],
  ['a template without content', 'PUT', '/config/v1/templates/t', {}],
  ['a poll for nothing', 'POST', poll, {}],
  ['a poll for no targets', 'POST', poll, { targets: [] }],
  ['a target without group', 'POST', poll, { targets: [{ namespace: 'a' }] }],
  ['a target of file and prefix', 'POST', poll, { targets: [{ ...key, prefix: 'a' }] }],
  ['a target of no name', 'POST', poll, { targets: [{ ...key, file: 'a//b' }] }],
  ['what is known of no file', 'POST', poll, { targets: [key], known: [{ namespace: 'a', group: 'b' }] }],
  ['a version that is negative', 'POST', poll, { targets: [key], known: [{ ...key, version: -1 }] }],
  ['a time that is too long', 'POST', poll, { targets: [key], timeoutMs: 600_001 }],
  ['a time with a fraction', 'POST', poll, { targets: [key], timeoutMs: 0.5 }],
  ['a client whose labels are a list', 'POST', poll, { targets: [key], client: { labels: ['a'] } }],
  ['a client whose address is none', 'POST', poll, { targets: [key], client: { address: '10.0.0' } }],
  ['too many targets', 'POST', poll, { targets: Array.from({ length: 10_001 }, () => key) }],
  ['a watch for nothing', 'POST', '/config/v1/watch', {}],
  ['a watch with a time', 'POST', '/config/v1/watch', { targets: [key], timeoutMs: 1 }],
]

const badUrls: readonly (readonly [what: string, method: Method, url: string])[] = [
  ['an unknown parameter', 'GET', '/config/v1/files?naemspace=x'],
  ['a parameter where none is', 'GET', '/config/v1/stats?x=1'],
  ['a limit that is too large', 'GET', '/config/v1/groups?limit=10001'],
  ['a limit of nothing', 'GET', '/config/v1/audit?limit=0'],
  ['a flag that is neither', 'GET', '/config/v1/files?released=yes'],
  ['a tag without colon', 'GET', '/config/v1/files?tag=x'],
  ['a tag twice', 'GET', '/config/v1/files?tag=a:x&tag=a:y'],
  ['an escape that is none', 'GET', '/config/v1/files?group=%zz'],
  ['a cursor that is none', 'GET', `${file}/releases?after=x`],
  ['a version that is none', 'GET', `${file}/releases/latest`],
  ['a version of nothing', 'POST', `${file}/releases/0/rollback`],
  ['no versions to compare', 'GET', `${file}/diff`],
  ['a draft as the first to compare', 'GET', `${file}/diff?from=draft&to=1`],
  ['something else to compare with', 'GET', `${file}/diff?from=1&to=-1`],
  ['an action that is none', 'GET', '/config/v1/audit?action=shouted'],
  ['a file without its group', 'GET', '/config/v1/audit?namespace=a&file=b'],
  ['a name that is none', 'PUT', '/config/v1/namespaces/a%20b/groups/x'],
  ['a name that is too long', 'PUT', `/config/v1/namespaces/${'n'.repeat(65)}/groups/x`],
  ['a revision that is negative', 'GET', `${file}/active?afterRevision=-1`],
]

describe('a request that makes no sense is refused, and changes nothing', () => {
  test.each(badBodies)('%s', async (_what, method, url, body) => {
    await using api = await startConfigApi()
    const before = (await api.store.range({ key: 'x' })).revision
    const answer = await api.call(method, url, body)
    expect([answer.status, answer.json]).toEqual([
      400,
      { code: 'CONFIG_INVALID', message: expect.any(String) as string },
    ])
    expect((await api.store.range({ key: 'x' })).revision).toBe(before)
    expect(api.hub.stats()).toMatchObject({ polls: 0, watchers: 0 })
    expect(api.environment.logger.lines).toEqual([])
  })

  test.each(badUrls)('%s', async (_what, method, url) => {
    await using api = await startConfigApi()
    const answer = await api.call(method, url)
    expect([answer.status, answer.json]).toEqual([
      400,
      { code: 'CONFIG_INVALID', message: expect.any(String) as string },
    ])
  })

  test.each(['x', '"x"', 'W/"1"', '*'])('If-Match: %s', async (header) => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    const answer = await api.call('DELETE', file, undefined, { 'if-match': header })
    expect([answer.status, answer.json]).toMatchObject([400, { code: 'CONFIG_INVALID' }])
    const two = await api.call('DELETE', `${file}?ifRevision=1`, undefined, { 'if-match': '"2"' })
    expect(two.status).toBe(400)
  })

  test('another type than JSON, or too much of it', async () => {
    await using api = await startConfigApi({ options: { bodyMaxBytes: 1_000 } })
    for (const url of [group, file]) {
      const text = await api.call('PUT', url, '{}', { 'content-type': 'text/plain' })
      expect([text.status, text.json]).toMatchObject([415, { code: 'HTTP_API_MEDIA_TYPE_UNSUPPORTED' }])
      const long = await api.call('PUT', url, 'x'.repeat(1_001))
      expect([long.status, long.json]).toMatchObject([413, { code: 'HTTP_API_BODY_TOO_LARGE' }])
    }
    expect((await api.call('POST', poll, 'x'.repeat(1_001))).status).toBe(413)
  })
})

describe('what fails', () => {
  test.each([
    [new StoreError('STORE_NO_LEADER', 'at 10.0.0.7'), 503, 'HTTP_API_STORE_UNAVAILABLE'],
    [new StoreError('STORE_DAMAGED', 'in /var/10.0.0.7'), 500, 'HTTP_API_INTERNAL'],
    [new ConfigError('CONFIG_OPTION_INVALID', 'of 10.0.0.7'), 500, 'HTTP_API_INTERNAL'],
    [new ConfigError('CONFIG_OVERLOADED', 'too much'), 503, 'CONFIG_OVERLOADED'],
    [new Error('secret 10.0.0.7'), 500, 'HTTP_API_INTERNAL'],
  ])('%s is told without what it is made of', async (error, status, code) => {
    await using api = await startConfigApi({
      overrides: (hub) => ({ files: { ...hub.files, delete: () => Promise.reject(error) } }),
    })
    const answer = await api.call('DELETE', file)
    expect([answer.status, answer.json]).toMatchObject([status, { code }])
    expect(answer.text).not.toContain('10.0.0.7')
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined)
    const logged = api.environment.logger.lines.map(({ fields }) => fields['error'])
    expect(logged).toEqual(status === 500 ? [error] : [])
  })

  test('a write whose client leaves waits no longer, which is no failure of ours', async () => {
    let seen: AbortSignal | undefined
    await using api = await startConfigApi({
      overrides: (hub) => ({
        files: {
          ...hub.files,
          delete: (_key, options) =>
            new Promise((_resolve, reject) => {
              seen = options?.signal
              seen?.addEventListener('abort', () => reject(seen?.reason as Error))
            }),
        },
      }),
    })
    const controller = new AbortController()
    const answer = fetch((await api.listen()) + file, { method: 'DELETE', signal: controller.signal })
    answer.catch(() => {})
    await api.until(() => seen !== undefined)
    controller.abort()
    await api.until(() => seen?.aborted === true)
    await expect(answer).rejects.toThrow()
    expect(api.environment.logger.lines).toEqual([])
  })
})

describe('a host', () => {
  test('puts its authentication before every route, and its errors are told', async () => {
    await using api = await startConfigApi({
      host: (app) => {
        app.addHook('onRequest', (request, _reply, done) => {
          if (request.headers.authorization === 'Bearer x') done()
          else done(Object.assign(new Error('who are you?'), { statusCode: 401, code: 'HOST_STRANGER' }))
        })
      },
    })
    for (const url of [file, `${file}/content`, `${group}/watch`, '/config/v1/export', '/config/metrics']) {
      const refused = await api.call('GET', url)
      expect([refused.status, refused.json]).toEqual([
        401,
        { code: 'HOST_STRANGER', message: 'who are you?' },
      ])
    }
    const content = await api.call('PUT', `${file}/content`, Buffer.from('x'), { 'content-type': 'x/y' })
    expect(content.status).toBe(401)
    const known = { authorization: 'Bearer x' }
    expect((await api.call('GET', '/config/v1/stats', undefined, known)).status).toBe(200)
  })

  test('serves a registry beside it, and keeps its own parsers', async () => {
    await using api = await startConfigApi({
      host: async (app) => {
        const registry = createRegistry({ store: createMemoryStore() })
        await app.register(registryApiPlugin, { registry })
        app.post('/text', (request) => request.body)
      },
    })
    const documents = await Promise.all(
      ['/openapi.json', '/config/openapi.json'].map(async (url) => {
        const { paths } = (await api.call('GET', url)).json as { readonly paths: object }
        return Object.keys(paths)
      }),
    )
    expect(documents[0]?.some((path) => path.startsWith('/config/'))).toBe(false)
    expect(documents[1]?.every((path) => path.startsWith('/config/'))).toBe(true)
    expect((await api.call('GET', '/v1/namespaces')).json).toMatchObject({ code: 'REGISTRY_NOT_READY' })
    expect((await api.call('GET', '/config/v1/namespaces')).status).toBe(200)
    expect((await api.call('POST', '/text', 'hi', { 'content-type': 'text/plain' })).text).toBe('hi')
  })

  test('mounts it below a prefix', async () => {
    await using api = await startConfigApi({ prefix: '/one' })
    expect((await api.call('PUT', `/one${file}`, { content: 'x' })).status).toBe(200)
    expect((await api.call('GET', file)).status).toBe(404)
  })

  test('is told of options that make no sense', async () => {
    await using api = await startConfigApi()
    const bad = {
      bodyMaxBytes: 0,
      archivesMax: -1,
      pollsMax: 1.5,
      pollItemsMax: NaN,
      catchUpMaxMs: Infinity,
      keepaliveMs: 0,
    }
    for (const [name, value] of Object.entries(bad)) {
      const app = fastify({ routerOptions: { maxParamLength: 256 } })
      expect(await failureOf(app.register(configApiPlugin, { hub: api.hub, [name]: value }))).toContain(name)
    }
  })

  test('is told when its server takes only shorter names than files may have', async () => {
    await using api = await startConfigApi()
    for (const options of [{}, { routerOptions: { maxParamLength: 255 } }]) {
      const app = fastify(options)
      expect(await failureOf(app.register(configApiPlugin, { hub: api.hub }))).toContain('maxParamLength')
    }
  })
})

/** The message of an option that is refused. */
async function failureOf(registered: PromiseLike<unknown>): Promise<string> {
  const error: unknown = await Promise.resolve(registered).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return hasCode(error, 'HTTP_API_OPTION_INVALID') ? error.message : 'it was not refused'
}
