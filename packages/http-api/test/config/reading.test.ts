import { describe, expect, test } from 'vitest'
import { file, fileAt, key, publish, startConfigApi } from './support.ts'

const active = `${file}/active`

interface Read {
  readonly version: number
  readonly content: string
}

describe('a read', () => {
  test('gives the content with its version as a tag, and 304 to whoever has it', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    const first = await api.call('GET', active)
    expect(first.json).toMatchObject({ version: 1, content: 'a: 1', namespace: 'default' })
    const { md5 } = first.json as { readonly md5: string }
    const tag = `W/"1-${md5}"`
    expect(first.headers['etag']).toBe(tag)
    expect(first.headers['cache-control']).toBe('private, no-cache')
    for (const known of [tag, `"1-${md5}"`, `"x", ${tag}`]) {
      const same = await api.call('GET', active, undefined, { 'if-none-match': known })
      expect([same.status, same.text, same.headers['etag']]).toEqual([304, '', tag])
    }
    for (const other of ['*', '"1"', `"2-${md5}"`, ',', '"']) {
      expect((await api.call('GET', active, undefined, { 'if-none-match': other })).status).toBe(200)
    }
    await publish(api, 'a: 2')
    expect((await api.call('GET', active, undefined, { 'if-none-match': tag })).json).toMatchObject({
      version: 2,
    })
  })

  test('says that nothing is released', async () => {
    await using api = await startConfigApi()
    await api.call('PUT', file, { content: 'a: 1' })
    for (const url of [active, `${active}?linearizable`, `${fileAt('none')}/active`]) {
      const answer = await api.call('GET', url)
      expect([answer.status, answer.json]).toMatchObject([404, { code: 'CONFIG_RELEASE_NOT_FOUND' }])
    }
  })

  test('can see every write that was acknowledged before', async () => {
    let linearized = 0
    await using api = await startConfigApi({
      overrides: (hub) => ({
        readLinearizable: (...args) => {
          linearized++
          return hub.readLinearizable(...args)
        },
      }),
    })
    await publish(api, 'a: 1')
    expect((await api.call('GET', `${active}?linearizable=true`)).json).toMatchObject({ content: 'a: 1' })
    expect((await api.call('GET', `${active}?linearizable=false`)).json).toMatchObject({ content: 'a: 1' })
    expect(linearized).toBe(1)
  })

  test('waits until this member has seen what the caller has seen, but not for ever', async () => {
    await using api = await startConfigApi({ options: { catchUpMaxMs: 2_000 } })
    await publish(api, 'a: 1')
    const { revision } = api.hub.stats()
    expect((await api.call('GET', `${active}?afterRevision=${revision}`)).status).toBe(200)
    const late = api.call('GET', `${active}?afterRevision=${revision + 1}`)
    await api.hub.releases.publish(key, { content: 'a: 2' })
    expect((await late).json).toMatchObject({ content: 'a: 2' })
    const before = api.environment.clock.pending
    const never = api.call('GET', `${active}?afterRevision=${revision + 1_000}`)
    await api.until(() => api.environment.clock.pending > before)
    expect((await api.call('GET', '/config/metrics')).text).toContain('orrery_config_http_pending 1')
    await api.pass(2_000)
    const refused = await never
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'HTTP_API_LAGGING' }])
    expect((await api.call('GET', '/config/metrics')).text).toContain('orrery_config_http_pending 0')
  })
})

describe('what a client sees', () => {
  const contentOf = async (
    api: Awaited<ReturnType<typeof startConfigApi>>,
    query = '',
    headers: Record<string, string> = {},
  ): Promise<string> =>
    ((await api.call('GET', `${active}?${query}`, undefined, headers)).json as Read).content

  test('depends on its labels, as the query string or headers say', async () => {
    await using api = await startConfigApi()
    await publish(api, 'all: 1')
    const labels = [
      { label: 'env', type: 'exact', value: 'gray: 100%,' },
      { label: 'zone', type: 'in', values: ['a', 'b'] },
    ]
    await api.call('POST', `${file}/gray`, { content: 'gray: 1', rule: { labels } })
    expect(await contentOf(api)).toBe('all: 1')
    const env = encodeURIComponent('gray: 100%,')
    expect(await contentOf(api, `label=env:${env}&label=zone:b`)).toBe('gray: 1')
    expect(await contentOf(api, `label=env:${env}`)).toBe('all: 1')
    const header = { 'x-client-labels': `zone:a, env:${env}` }
    expect(await contentOf(api, '', header)).toBe('gray: 1')
    expect(await contentOf(api, 'label=zone:a', header)).toBe('all: 1')
    for (const broken of ['env', ':x', 'a:%zz', 'a:1,a:2']) {
      const answer = await api.call('GET', active, undefined, { 'x-client-labels': broken })
      expect([broken, answer.status, answer.json]).toMatchObject([broken, 400, { code: 'CONFIG_INVALID' }])
    }
    expect((await api.call('GET', `${active}?label=a:1&label=a:2`)).status).toBe(400)
  })

  test('depends on where it asks from, unless the request or the host says something else', async () => {
    await using api = await startConfigApi({
      options: {
        clientOf: ({ headers }) => {
          const address = headers['x-real-address']
          return typeof address === 'string' ? { address } : undefined
        },
      },
    })
    await publish(api, 'all: 1')
    await api.call('POST', `${file}/gray`, { content: 'gray: 1', rule: { addresses: ['127.0.0.0/8'] } })
    expect(await contentOf(api)).toBe('gray: 1')
    expect(await contentOf(api, 'clientAddress=10.0.0.1')).toBe('all: 1')
    expect(await contentOf(api, '', { 'x-client-address': '10.0.0.1' })).toBe('all: 1')
    expect(await contentOf(api, 'clientAddress=127.0.0.1', { 'x-real-address': '10.0.0.1' })).toBe('all: 1')
    expect((await api.call('GET', `${active}?clientAddress=nowhere`)).status).toBe(400)
  })

  test('depends on its id', async () => {
    await using api = await startConfigApi()
    await publish(api, 'all: 1')
    await api.call('POST', `${file}/gray`, { content: 'gray: 1', rule: { percent: 50 } })
    const seen = await Promise.all(
      Array.from({ length: 40 }, (_, index) => contentOf(api, '', { 'x-client-id': `client-${index}` })),
    )
    expect(new Set(seen)).toEqual(new Set(['all: 1', 'gray: 1']))
    const again = await Promise.all(seen.map((_, index) => contentOf(api, `clientId=client-${index}`)))
    expect(again).toEqual(seen)
  })
})
