import { constants, createDecipheriv, generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { hasCode } from '@orrery/environment'
import { describe, expect, test } from 'vitest'
import { openEvents } from '../event-source.ts'
import { during } from '../support.ts'
import { startLateMember } from './late-member.ts'
import { type ConfigApi, file, key, startConfigApi, testKeys } from './support.ts'

const secret = 'password: open sesame'
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const spki = publicKey.export({ type: 'spki', format: 'der' })

interface Sealed {
  readonly content?: string
  readonly sealed: { readonly content: string; readonly dataKey?: string }
}

/** Who knows the word may read. */
async function startSecrets(): Promise<ConfigApi> {
  const api = await startConfigApi({
    keys: testKeys(),
    options: { mayReadPlain: ({ headers }) => Promise.resolve(headers['x-word'] === 'mellon') },
  })
  await api.hub.releases.publish(key, { content: secret, encrypted: true })
  return api
}

const friend = { 'x-word': 'mellon' }

/** Every way to ask for contents. */
const questions = [
  `${file}/active`,
  `${file}/active?linearizable`,
  `${file}/releases/1`,
  `${file}/draft`,
  `${file}/content`,
  `${file}/diff?from=1&to=2`,
  `${file}/diff?from=1&to=draft`,
  '/config/v1/export',
  '/config/v1/export?decrypt',
  file,
  '/config/v1/files',
  `${file}/releases`,
  '/config/v1/audit',
] as const

describe('a content that stands encrypted', () => {
  test('is told nobody whom the host does not let', async () => {
    await using api = await startSecrets()
    await api.hub.releases.publish(key, { content: `${secret} 2` })
    await api.hub.files.save(key, { content: `${secret} 3` })
    const statuses: number[] = []
    for (const url of questions) {
      for (const headers of [{}, { 'x-word': 'friend' }]) {
        const { status, bytes } = await api.call('GET', url, undefined, headers)
        expect(bytes.toString('latin1'), url).not.toContain('sesame')
        statuses.push(status)
      }
    }
    const each = [200, 200, 200, 403, 403, 403, 403, 200, 403, 200, 200, 200, 200]
    expect(statuses).toEqual(each.flatMap((status) => [status, status]))
  })

  test('is told plainly whom the host lets', async () => {
    await using api = await startSecrets()
    await api.hub.releases.publish(key, { content: `${secret} 2` })
    await api.hub.files.save(key, { content: `${secret} 3` })
    for (const url of questions.slice(0, 7)) {
      const { status, text } = await api.call('GET', url, undefined, friend)
      expect([status, text.includes('sesame')], url).toEqual([200, true])
    }
    const read = await api.call('GET', `${file}/active`, undefined, friend)
    expect(read.headers['cache-control']).toBe('private, no-store')
    const archive = await api.call('GET', '/config/v1/export?decrypt', undefined, friend)
    expect(archive.status).toBe(200)
  })

  test('is told sealed, and its data key only for the key of the caller', async () => {
    await using api = await startSecrets()
    for (const path of ['active', 'releases/1']) {
      const without = (await api.call('GET', `${file}/${path}`)).json as Sealed
      expect(without.content).toBeUndefined()
      expect(without.sealed.dataKey).toBeUndefined()
      expect(Buffer.from(without.sealed.content, 'base64').length).toBe(12 + secret.length + 16)
      const inQuery = await api.call('GET', `${file}/${path}?publicKey=${spki.toString('base64url')}`)
      const inHeader = await api.call('GET', `${file}/${path}`, undefined, {
        'x-public-key': spki.toString('base64'),
        ...friend,
      })
      for (const { json } of [inQuery, inHeader]) expect(opened(json as Sealed)).toBe(secret)
    }
  })

  test.each([
    ['no key', 'abc'],
    ['no base64', '%22%22'],
    ['a key that is too short', shortKey()],
    ['nothing', ''],
  ])('is not told for %s', async (_what, given) => {
    await using api = await startSecrets()
    const answer = await api.call('GET', `${file}/active?publicKey=${given}`)
    expect([answer.status, answer.json]).toMatchObject([400, { code: 'CONFIG_PUBLIC_KEY_INVALID' }])
  })

  test('is found by whoever may not read it where the member lags, and what it sees is not kept any more', async () => {
    let release = (): void => {}
    await using member = await startLateMember({
      keys: testKeys(),
      hubOptions: { releasesMaxItems: 2 },
      overrides: (hub) => ({
        readLinearizable: (...args) => {
          release()
          return hub.readLinearizable(...args)
        },
      }),
    })
    const { api, ahead } = member
    release = () => member.release()
    const publish = (content: string): Promise<unknown> =>
      during(api.environment, ahead.releases.publish(key, { content, encrypted: true }))
    await publish(`${secret} 1`)
    await member.catchUp()
    member.hold()
    for (const version of [2, 3, 4]) await publish(`${secret} ${version}`)
    const answer = await api.call('GET', `${file}/active`)
    expect([answer.status, answer.json]).toMatchObject([200, { version: 4, encrypted: true }])
    expect(answer.headers['etag']).toMatch(/^W\/"4-/)
    member.hold()
    await during(api.environment, ahead.files.delete(key))
    const gone = await api.call('GET', `${file}/active`)
    expect([gone.status, gone.json]).toMatchObject([404, { code: 'CONFIG_RELEASE_NOT_FOUND' }])
  })

  test('is not in what is told of its release', async () => {
    await using api = await startSecrets()
    await api.hub.files.save(key, { content: `${secret} 2` })
    const published = await api.call('POST', `${file}/publish`)
    expect(published.json).toMatchObject({ version: 2, encrypted: true })
    const rolledBack = await api.call('POST', `${file}/releases/1/rollback`)
    await api.hub.files.save(key, { content: `${secret} 3` })
    const gray = await api.call('POST', `${file}/gray`, { rule: { percent: 1 } })
    for (const { status, text } of [published, rolledBack, gray]) {
      expect([status, text.includes('sesame')]).toEqual([201, false])
    }
  })

  test('is left out of streams, unless the host lets their reader', async () => {
    await using api = await startSecrets()
    const url = `${await api.listen()}/config/v1/namespaces/default/groups/shop/watch`
    const [stranger, known] = [await openEvents(url), await openEvents(url, friend)]
    await api.until(() => stranger.events.length === 2 && known.events.length === 2)
    await api.hub.releases.publish(key, { content: `${secret} 2` })
    await api.until(() => stranger.events.length === 3 && known.events.length === 3)
    expect(stranger.events.map(({ data }) => data).join()).not.toContain('sesame')
    expect(JSON.parse(stranger.events[2]?.data ?? '')).toMatchObject({
      changes: [{ type: 'released', release: { version: 2, encrypted: true } }],
    })
    expect(JSON.parse(known.events[2]?.data ?? '')).toMatchObject({
      changes: [{ release: { version: 2, content: `${secret} 2` } }],
    })
    for (const source of [stranger, known]) source.close()
  })

  test('does not become plain by a change of somebody who may not read it', async () => {
    await using api = await startSecrets()
    await api.hub.files.save(key, { content: `${secret} 2` })
    const { revision } = (await api.call('GET', file)).json as { readonly revision: number }
    for (const [method, url, body] of [
      ['PUT', file, { encrypted: false }],
      ['PUT', `${file}?ifRevision=${revision}`, { encrypted: false }],
      ['PUT', file, { encrypted: false, content: 'x' }],
      ['POST', `${file}/publish`, { encrypted: false }],
      ['POST', `${file}/gray`, { encrypted: false, rule: { percent: 1 } }],
    ] as const) {
      const answer = await api.call(method, url, body)
      expect([answer.status, answer.json]).toMatchObject([403, { code: 'HTTP_API_PLAIN_FORBIDDEN' }])
    }
    // A draft that was saved before stays secret, even when its file is not any more.
    expect((await api.call('PUT', file, { encrypted: false }, friend)).status).toBe(200)
    expect((await api.call('GET', `${file}/draft`)).status).toBe(403)
    expect((await api.call('GET', `${file}/diff?from=1&to=draft`)).status).toBe(403)
  })

  test('does not become plain because this member has not seen yet that it is secret', async () => {
    await using api = await startConfigApi({
      keys: testKeys(),
      overrides: (hub) => ({ files: { ...hub.files, get: () => undefined } }),
    })
    await api.hub.files.save(key, { content: secret, encrypted: true })
    const answer = await api.call('PUT', file, { encrypted: false })
    expect([answer.status, answer.json]).toMatchObject([412, { code: 'CONFIG_CONFLICT' }])
    expect(api.hub.files.get(key)?.encrypted).toBe(true)
  })

  test('is told sealed by a member that has no keys', async () => {
    await using api = await startSecrets()
    const keysMissing = (): Promise<never> =>
      Promise.reject(Object.assign(new Error('no keys'), { code: 'CONFIG_KEYS_MISSING' }))
    await using keyless = await startConfigApi({
      overrides: () => ({
        peek: (query) => api.hub.peek(query),
        releases: api.hub.releases,
        read: keysMissing,
        readLinearizable: keysMissing,
      }),
    })
    for (const query of ['', '?linearizable']) {
      expect((await keyless.call('GET', `${file}/active${query}`)).json).toMatchObject({ sealed: {} })
    }
  })
})

test('a file is encrypted only by a hub that has keys', async () => {
  await using api = await startConfigApi()
  const answer = await api.call('PUT', file, { content: secret, encrypted: true })
  expect([answer.status, answer.json]).toMatchObject([409, { code: 'CONFIG_KEYS_MISSING' }])
})

test('a content that does not open is told as such, and logged', async () => {
  await using api = await startSecrets()
  const failed = await api.hub.releases
    .sealed(key, 1, { publicKey: 'x' })
    .catch((error: unknown) => hasCode(error, 'CONFIG_PUBLIC_KEY_INVALID'))
  expect(failed).toBe(true)
  await using broken = await startConfigApi({
    options: { mayReadPlain: () => true },
    overrides: () => ({
      peek: (query) => api.hub.peek(query),
      read: () =>
        Promise.reject(
          Object.assign(new Error('CONFIG_DECRYPTION_FAILED: it was changed'), {
            code: 'CONFIG_DECRYPTION_FAILED',
          }),
        ),
    }),
  })
  const answer = await broken.call('GET', `${file}/active`)
  expect([answer.status, answer.json]).toEqual([
    500,
    { code: 'CONFIG_DECRYPTION_FAILED', message: 'it was changed' },
  ])
  expect(broken.environment.logger.lines).toHaveLength(1)
})

test('a hook that fails lets nobody read', async () => {
  await using api = await startConfigApi({
    keys: testKeys(),
    options: {
      mayReadPlain: () => {
        throw new Error('the directory is down')
      },
    },
  })
  await api.hub.releases.publish(key, { content: secret, encrypted: true })
  const answer = await api.call('GET', `${file}/active`)
  expect([answer.status, answer.text.includes('sesame')]).toEqual([500, false])
})

/** What only the owner of the private key can do. */
function opened({ sealed: { content, dataKey = '' } }: Sealed): string {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const plainKey = privateDecrypt(
    { key: privateKey, padding, oaepHash: 'sha256' },
    Buffer.from(dataKey, 'base64'),
  )
  const bytes = Buffer.from(content, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', plainKey, bytes.subarray(0, 12))
  // Without what the hub binds it to, the tag cannot be looked at.
  return decipher.update(bytes.subarray(12, -16)).toString()
}

function shortKey(): string {
  const short = generateKeyPairSync('rsa', { modulusLength: 1_024 })
  return short.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url')
}
