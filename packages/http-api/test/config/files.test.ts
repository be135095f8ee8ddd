import { describe, expect, test } from 'vitest'
import { type ConfigApi, file, fileAt, group, publish, startConfigApi } from './support.ts'

const raw = { 'content-type': 'application/yaml' }

interface File {
  readonly revision: number
  readonly latestVersion: number
  readonly hasDraft: boolean
}

async function fileOf(api: ConfigApi, url = file): Promise<File> {
  return (await api.call('GET', url)).json as File
}

describe('groups', () => {
  test('are created, listed, changed and deleted', async () => {
    await using api = await startConfigApi()
    const created = await api.call('PUT', group, { comment: 'of the shop' })
    expect(created.status).toBe(201)
    const { revision } = created.json as File
    expect(created.headers['etag']).toBe(`"${revision}"`)
    expect((await api.call('GET', '/config/v1/namespaces')).json).toEqual({ items: ['default'] })
    expect((await api.call('GET', '/config/v1/groups?namespace=default')).json).toMatchObject({
      total: 1,
      items: [{ group: 'shop', comment: 'of the shop' }],
    })
    const stale = { 'if-match': '"0"' }
    expect((await api.call('PATCH', group, { comment: 'x' }, stale)).json).toMatchObject({
      code: 'CONFIG_CONFLICT',
    })
    const changed = await api.call('PATCH', `${group}?ifRevision=${revision}`, { business: 'b' })
    expect(changed.json).toMatchObject({ comment: 'of the shop', business: 'b' })
    expect((await api.call('DELETE', group)).status).toBe(204)
    expect((await api.call('GET', group)).json).toMatchObject({ code: 'CONFIG_GROUP_NOT_FOUND' })
  })
})

describe('contents', () => {
  test.each([
    ['a text', 'a: 1\n'],
    ['nothing', ''],
    ['other scripts, and a byte order mark', '\ufeffgrüße: 世界 🎉\r\n'],
    ['what looks like JSON', '{"a":1}'],
  ])('%s is kept as it is', async (_what, content) => {
    await using api = await startConfigApi()
    for (const headers of [raw, { 'content-type': 'application/json' }, { 'content-type': 'text/plain' }]) {
      const saved = await api.call('PUT', `${file}/content`, Buffer.from(content), headers)
      expect([saved.status, saved.json]).toMatchObject([200, { hasDraft: true }])
      const { bytes, headers: told } = await api.call('GET', `${file}/content`)
      expect(bytes).toEqual(Buffer.from(content))
      expect(told['content-type']).toBe('text/plain; charset=utf-8')
      expect(told['x-content-type-options']).toBe('nosniff')
    }
  })

  test('need no media type', async () => {
    await using api = await startConfigApi()
    const answer = await api.app.inject({ method: 'PUT', url: `${file}/content`, payload: Buffer.from('x') })
    expect(answer.statusCode).toBe(200)
    expect((await api.call('GET', `${file}/content`)).text).toBe('x')
  })

  test('that are no UTF-8, or too long, are refused', async () => {
    await using api = await startConfigApi()
    const broken = await api.call('PUT', `${file}/content`, Buffer.from([0xff, 0xfe]), raw)
    expect([broken.status, broken.json]).toMatchObject([400, { code: 'CONFIG_INVALID' }])
    const long = await api.call('PUT', `${file}/content`, Buffer.alloc(1_048_577, 'x'), raw)
    expect([long.status, long.json]).toMatchObject([413, { code: 'HTTP_API_BODY_TOO_LARGE' }])
    expect((await api.call('PUT', `${file}/content`, Buffer.alloc(1_048_576, 'x'), raw)).status).toBe(200)
    // As JSON, each of these takes six times as much.
    const escaped = await api.call('PUT', file, { content: '\u0001'.repeat(1_048_576) })
    expect(escaped.status).toBe(200)
  })

  test('are written over only what the caller has seen', async () => {
    await using api = await startConfigApi()
    const first = await api.call('PUT', `${file}/content?ifRevision=0`, Buffer.from('1'), raw)
    const { revision } = first.json as File
    expect(first.headers['etag']).toBe(`"${revision}"`)
    const again = await api.call('PUT', `${file}/content`, Buffer.from('2'), { ...raw, 'if-match': '"0"' })
    expect([again.status, again.json]).toMatchObject([412, { code: 'CONFIG_CONFLICT' }])
    const seen = await api.call('GET', `${file}/content`)
    const md5 = String(seen.headers['x-content-md5'])
    expect(seen.headers['x-content-md5']).toBe(
      ((await api.call('GET', `${file}/draft`)).json as { md5: string }).md5,
    )
    const other = await api.call('PUT', `${file}/content?ifMd5=${'0'.repeat(32)}`, Buffer.from('3'), raw)
    expect(other.status).toBe(412)
    const same = await api.call('PUT', `${file}/content?ifMd5=${md5}`, Buffer.from('4'), raw)
    expect(same.status).toBe(200)
  })
})

describe('names', () => {
  test('slashes and other characters of names are escaped in paths', async () => {
    await using api = await startConfigApi()
    const odd = '/config/v1/namespaces/team%2Fa/groups/shop%2Fv1.0:x'
    const url = `${odd}/files/${encodeURIComponent('grüße/50% #?&.yaml')}`
    expect((await api.call('PUT', url, { content: 'a: 1' })).status).toBe(200)
    expect((await api.call('GET', url)).json).toMatchObject({
      namespace: 'team/a',
      group: 'shop/v1.0:x',
      file: 'grüße/50% #?&.yaml',
      format: 'yaml',
    })
    expect((await api.call('GET', '/config/v1/files?prefix=gr%C3%BC%C3%9Fe%2F')).json).toMatchObject({
      total: 1,
    })
  })

  test('the longest ones fit', async () => {
    await using api = await startConfigApi()
    const url = `/config/v1/namespaces/${'n'.repeat(64)}/groups/${'g'.repeat(128)}/files/${encodeURIComponent('世'.repeat(256))}`
    expect((await api.call('PUT', url, { content: 'x' })).status).toBe(200)
    expect((await api.call('GET', `${url}/content`)).text).toBe('x')
  })

  test('that no file may have are refused', async () => {
    await using api = await startConfigApi()
    for (const name of ['a/../b', '/a', 'a//b', ' ', 'a\\b']) {
      const answer = await api.call('PUT', fileAt(name), { content: 'x' })
      expect([name, answer.status, answer.json]).toMatchObject([name, 400, { code: 'CONFIG_INVALID' }])
    }
  })
})

describe('files', () => {
  test('are listed by filters, in pages', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1', 'web/a.yaml')
    await api.call('PUT', fileAt('web/b.yaml'), { content: 'x', tags: { tier: 'one:two', env: 'prod' } })
    await api.call('PUT', fileAt('c.yaml'), { content: 'x' })
    const names = async (query: string): Promise<readonly string[]> => {
      const { json } = await api.call('GET', `/config/v1/files?${query}`)
      return (json as { items: readonly { file: string }[] }).items.map((item) => item.file)
    }
    expect(await names('')).toEqual(['c.yaml', 'web/a.yaml', 'web/b.yaml'])
    expect(await names('prefix=web/&limit=1&offset=1')).toEqual(['web/b.yaml'])
    expect(await names('released')).toEqual(['web/a.yaml'])
    expect(await names('released=false&namespace=default&group=shop')).toEqual(['c.yaml', 'web/b.yaml'])
    expect(await names('tag=tier:one:two&tag=env:prod')).toEqual(['web/b.yaml'])
    expect(await names('tag=tier:one')).toEqual([])
  })

  test('have drafts that nobody sees until they are published, and that can be forgotten', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    await api.call('PUT', file, { content: 'a: 2', comment: 'soon' })
    expect((await api.call('GET', `${file}/active`)).json).toMatchObject({ version: 1, content: 'a: 1' })
    expect((await api.call('GET', `${file}/draft`)).json).toMatchObject({ content: 'a: 2', encrypted: false })
    expect((await api.call('DELETE', `${file}/draft`)).json).toMatchObject({
      hasDraft: false,
      comment: 'soon',
    })
    expect((await api.call('GET', `${file}/draft`)).json).toMatchObject({ content: 'a: 1', releasedAs: 1 })
    const empty = await api.call('PUT', fileAt('empty'), { comment: 'later' })
    expect(empty.status).toBe(200)
    expect((await api.call('GET', `${fileAt('empty')}/draft`)).json).toMatchObject({
      code: 'CONFIG_NO_DRAFT',
    })
  })

  test('go with all of theirs, and their versions are never given again', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    await publish(api, 'a: 2')
    expect((await api.call('DELETE', file)).status).toBe(204)
    expect((await api.call('GET', `${file}/active`)).status).toBe(404)
    await publish(api, 'a: 3')
    expect(await fileOf(api)).toMatchObject({ latestVersion: 3 })
  })
})

describe('releases', () => {
  test('are published, listed, rolled back and withdrawn', async () => {
    await using api = await startConfigApi()
    await api.call('PUT', file, { content: 'a: 1' })
    const published = await api.call('POST', `${file}/publish`, { name: 'first', reason: 'wanted' })
    expect([published.status, published.json]).toMatchObject([
      201,
      { version: 1, name: 'first', comment: 'wanted' },
    ])
    expect(published.json).not.toHaveProperty('content')
    await publish(api, 'a: 2\nb: 2')
    const { json: diff } = await api.call('GET', `${file}/diff?from=1&to=2`)
    expect(diff).toMatchObject({ added: 2, removed: 1 })
    expect((await api.call('POST', `${file}/releases/1/rollback`)).json).toMatchObject({
      version: 3,
      origin: 'rollback',
      from: 1,
    })
    const first = (await api.call('GET', `${file}/releases?limit=2`)).json as {
      readonly items: readonly { version: number }[]
      readonly next: string
    }
    expect(first.items.map(({ version }) => version)).toEqual([3, 2])
    const { json: rest } = await api.call('GET', `${file}/releases?limit=2&after=${first.next}`)
    expect(rest).toMatchObject({ items: [{ version: 1 }] })
    expect(rest).not.toHaveProperty('next')
    expect((await api.call('POST', `${file}/withdraw`)).json).not.toHaveProperty('release')
    expect((await api.call('GET', `${file}/releases/3`)).json).toMatchObject({ content: 'a: 1' })
  })

  test('say where a content is not of its format', async () => {
    await using api = await startConfigApi()
    const answer = await api.call('POST', `${fileAt('x.json')}/publish`, { content: '{\n  "a": }' })
    expect([answer.status, answer.json]).toMatchObject([
      400,
      { code: 'CONFIG_CONTENT_INVALID', line: 2, column: expect.any(Number) as number },
    ])
  })

  test('for some become releases for all, or end', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    const rule = { labels: [{ label: 'env', type: 'exact', value: 'gray' }] }
    await api.call('POST', `${file}/gray`, { content: 'a: 2', rule })
    expect((await api.call('POST', `${file}/publish`, { content: 'a: 3' })).json).toMatchObject({
      code: 'CONFIG_GRAY_ACTIVE',
    })
    const ruled = await api.call('PATCH', `${file}/gray`, { rule: { percent: 0 }, reason: 'too many' })
    expect(ruled.json).toMatchObject({ gray: { version: 4, rule: { percent: 0 } }, release: { version: 3 } })
    const { revision } = ruled.json as File
    const stale = await api.call('POST', `${file}/gray/promote?ifRevision=${revision - 1}`)
    expect(stale.status).toBe(412)
    const promoted = await api.call('POST', `${file}/gray/promote`, undefined, {
      'if-match': `"${revision}"`,
    })
    expect(promoted.json).toMatchObject({ release: { version: 4, origin: 'promote' } })
    await api.call('POST', `${file}/gray`, { content: 'a: 5', rule })
    expect((await api.call('DELETE', `${file}/gray`)).json).toMatchObject({
      release: { version: 6, from: 2 },
    })
  })
})

describe('the audit trail', () => {
  test('tells who did what, and why, as the host and the request say', async () => {
    await using api = await startConfigApi({
      options: { actorOf: ({ headers }) => headers.authorization?.slice('Bearer '.length) },
    })
    const ann = { authorization: 'Bearer ann' }
    const reason = Buffer.from('für später').toString('latin1')
    await api.call('PUT', file, { content: 'a: 1' }, { ...ann, 'x-reason': reason })
    await api.call('POST', `${file}/publish`, { reason: 'now' }, { ...ann, 'x-reason': 'not this' })
    await api.call('DELETE', file, undefined, { 'x-reason': 'away' })
    const { json } = await api.call('GET', '/config/v1/audit?namespace=default&group=shop&file=app.yaml')
    const { items } = json as { readonly items: readonly { action: string; actor: string; reason: string }[] }
    expect(items.map(({ action, actor, reason: why }) => [action, actor, why])).toEqual([
      ['fileDeleted', '', 'away'],
      ['published', 'ann', 'now'],
      ['draftSaved', 'ann', 'für später'],
    ])
    const some = await api.call('GET', '/config/v1/audit?action=published&action=fileDeleted&limit=1')
    const { next } = some.json as { readonly next: string }
    expect(some.json).toMatchObject({ items: [{ action: 'fileDeleted' }] })
    const others = await api.call(
      'GET',
      `/config/v1/audit?action=published&action=fileDeleted&after=${encodeURIComponent(next)}`,
    )
    expect(others.json).toMatchObject({ items: [{ action: 'published' }] })
    const hers = (await api.call('GET', '/config/v1/audit?actor=ann')).json
    expect(hers).toMatchObject({ items: [{ action: 'published' }, {}, { action: 'groupCreated' }] })
    const broken = { 'x-reason': Buffer.from([0xff]).toString('latin1') }
    expect((await api.call('DELETE', file, undefined, broken)).json).toMatchObject({ code: 'CONFIG_INVALID' })
  })
})

describe('templates', () => {
  test('are kept with slashes in their names', async () => {
    await using api = await startConfigApi()
    const url = '/config/v1/templates/web%2Fnginx'
    const saved = await api.call('PUT', url, { content: 'x: 1', format: 'yaml' })
    const { revision } = saved.json as File
    expect((await api.call('PUT', `${url}?ifRevision=0`, { content: 'y' })).status).toBe(412)
    expect((await api.call('GET', '/config/v1/templates')).json).toMatchObject({
      items: [{ name: 'web/nginx' }],
    })
    const gone = await api.call('DELETE', url, undefined, { 'if-match': `"${revision}"` })
    expect(gone.status).toBe(204)
    expect((await api.call('GET', url)).json).toMatchObject({ code: 'CONFIG_TEMPLATE_NOT_FOUND' })
  })
})

describe('operators', () => {
  test('see what the hub counts, however often they ask', async () => {
    await using api = await startConfigApi()
    await publish(api, 'a: 1')
    await api.call('GET', `${file}/active`)
    expect((await api.call('GET', '/config/v1/stats')).json).toEqual(api.hub.stats())
    await api.call('GET', '/config/metrics')
    const { text, headers } = await api.call('GET', '/config/metrics')
    expect(String(headers['content-type'])).toMatch(/^text\/plain/)
    expect(text).toContain('orrery_config_ready 1')
    expect(text).toContain('orrery_config_files 1')
    expect(text).toContain(`orrery_config_writes_total ${api.hub.stats().writes.done}`)
    expect(text).toMatch(/orrery_config_reads_total\{answer="memory"\} \d/)
  })

  test('learn whether the hub serves', async () => {
    await using early = await startConfigApi({ isUnstarted: true })
    expect((await early.call('GET', '/config/health')).json).toMatchObject({ state: 'created' })
    const refused = await early.call('GET', file)
    expect([refused.status, refused.json]).toMatchObject([503, { code: 'CONFIG_NOT_READY' }])
    expect(refused.headers['retry-after']).toBe('1')
    await using api = await startConfigApi()
    expect((await api.call('GET', '/config/health')).status).toBe(200)
    await api.hub.close()
    expect((await api.call('GET', '/config/health')).status).toBe(503)
    expect((await api.call('GET', `${file}/active`)).json).toMatchObject({ code: 'CONFIG_CLOSED' })
  })
})
