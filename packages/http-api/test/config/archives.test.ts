import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { file, fileAt, key, publish, startConfigApi, testKeys } from './support.ts'

const zip = { 'content-type': 'application/zip' }

describe('an archive', () => {
  test('takes files from one hub to another, with what is said of them', async () => {
    await using one = await startConfigApi()
    await publish(one, 'a: 1', 'web/a.yaml')
    await one.call('PUT', fileAt('web/a.yaml'), { content: 'a: 2', tags: { tier: 'web' }, comment: 'c' })
    await publish(one, 'b', 'b.txt')
    const exported = await one.call('GET', '/config/v1/export?namespace=default&prefix=web/')
    expect(exported.headers).toMatchObject({
      'content-type': 'application/zip',
      'content-disposition': 'attachment; filename="config.zip"',
      'cache-control': 'no-store',
    })

    await using other = await startConfigApi({ options: { actorOf: () => 'ann' } })
    const url = '/config/v1/import?conflict=abort&namespace=elsewhere'
    const imported = await other.call('POST', url, exported.bytes, { ...zip, 'x-reason': 'moved' })
    expect([imported.status, imported.json]).toEqual([
      200,
      { files: [{ namespace: 'elsewhere', group: 'shop', file: 'web/a.yaml', outcome: 'created' }] },
    ])
    const moved = '/config/v1/namespaces/elsewhere/groups/shop/files/web%2Fa.yaml'
    expect((await other.call('GET', moved)).json).toMatchObject({ tags: { tier: 'web' }, hasDraft: true })
    expect((await other.call('GET', `${moved}/content`)).text).toBe('a: 2')
    expect((await other.call('GET', '/config/v1/audit?action=draftSaved')).json).toMatchObject({
      items: [{ actor: 'ann', reason: 'moved' }],
    })
    // Again: it depends on what is to become of what is there.
    const again = (conflict: string): ReturnType<typeof other.call> =>
      other.call('POST', `/config/v1/import?conflict=${conflict}&namespace=elsewhere`, exported.bytes, {
        'content-type': 'application/octet-stream',
      })
    expect((await again('skip')).json).toMatchObject({ files: [{ outcome: 'skipped' }] })
    expect((await again('overwrite')).json).toMatchObject({ files: [{ outcome: 'overwritten' }] })
    const aborted = await again('abort')
    expect([aborted.status, aborted.json]).toMatchObject([412, { code: 'CONFIG_CONFLICT' }])
    expect((await again('maybe')).status).toBe(400)
  })

  test('has encrypted files only for whoever may read them', async () => {
    await using api = await startConfigApi({
      keys: testKeys(),
      options: { mayReadPlain: ({ headers }) => headers.authorization === 'yes' },
    })
    await publish(api, 'plain', 'plain.txt')
    await api.hub.releases.publish(key, { content: 'a: secret', encrypted: true })
    const filesIn = async (url: string, headers: Record<string, string> = {}): Promise<number> => {
      const { bytes } = await api.call('GET', url, undefined, headers)
      const answer = await api.call('POST', '/config/v1/import?conflict=overwrite', bytes, zip)
      return (answer.json as { readonly files: readonly unknown[] }).files.length
    }
    expect(await filesIn('/config/v1/export')).toBe(1)
    expect(await filesIn('/config/v1/export?decrypt', { authorization: 'yes' })).toBe(2)
    expect((await api.call('GET', '/config/v1/export?decrypt')).status).toBe(403)
    expect((await api.call('GET', file)).json).toMatchObject({ encrypted: true })
  })

  test('is refused when it is none, too large, or said to be something else', async () => {
    await using api = await startConfigApi({ options: { archiveMaxBytes: 1_000 } })
    const url = '/config/v1/import?conflict=skip'
    for (const body of [Buffer.from('PK\u0003\u0004 not really'), Buffer.alloc(0)]) {
      const answer = await api.call('POST', url, body, zip)
      expect([answer.status, answer.json]).toMatchObject([400, { code: 'CONFIG_ARCHIVE_INVALID' }])
    }
    expect((await api.call('POST', url, Buffer.alloc(1_001), zip)).json).toMatchObject({
      code: 'HTTP_API_BODY_TOO_LARGE',
    })
    const other = await api.call('POST', url, {})
    expect([other.status, other.json]).toMatchObject([415, { code: 'HTTP_API_MEDIA_TYPE_UNSUPPORTED' }])
    expect((await api.call('POST', '/config/v1/import', Buffer.alloc(1), zip)).status).toBe(400)
  })

  test('is not read to its end when it is too large', async () => {
    await using api = await startConfigApi()
    const url = new URL(await api.listen())
    const socket = connect(Number(url.port), url.hostname)
    socket.write(
      'POST /config/v1/import?conflict=skip HTTP/1.1\r\nhost: x\r\ncontent-type: application/zip\r\ncontent-length: 10000000000\r\n\r\nPK',
    )
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toMatch(/^HTTP\/1.1 413 /)
  })
})

test('exports and imports are no more than so many at a time', async () => {
  const ended: (() => void)[] = []
  await using api = await startConfigApi({
    options: { archivesMax: 2 },
    overrides: (hub) => ({
      archives: {
        ...hub.archives,
        export: () => new Promise((resolve) => ended.push(() => resolve(new Uint8Array(1)))),
        import: () => new Promise((resolve) => ended.push(() => resolve({ files: [] }))),
      },
    }),
  })
  const answers = [
    api.call('GET', '/config/v1/export'),
    api.call('POST', '/config/v1/import?conflict=skip', Buffer.alloc(1), zip),
  ]
  await api.until(() => ended.length === 2)
  const refused = await api.call('GET', '/config/v1/export')
  expect([refused.status, refused.json]).toMatchObject([503, { code: 'HTTP_API_OVERLOADED' }])
  for (const end of ended) end()
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200])
  const next = api.call('GET', '/config/v1/export')
  await api.until(() => ended.length === 3)
  ended[2]?.()
  expect((await next).status).toBe(200)
})
