import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConfigHubSettings } from '../src/config-hub-options.ts'
import type { ReferenceServerOptions } from '../src/options.ts'
import { createReferenceServer, type ReferenceServer } from '../src/reference-server.ts'
import { anyPort, inMemory } from './server-options.ts'

const hub: ConfigHubSettings = {
  keyFile: undefined,
  contentMaxBytes: 1_048_576,
  releasesMaxItems: 100,
  auditMaxAgeMs: Infinity,
}
const file = '/config/v1/namespaces/default/groups/shop/files/shop.yaml'
const targets = [{ namespace: 'default', group: 'shop', file: 'shop.yaml' }]

let directory: string
const servers: ReferenceServer[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-config-'))
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  rmSync(directory, { recursive: true })
})

async function start(options: Partial<ReferenceServerOptions> = {}): Promise<ReferenceServer> {
  const server = createReferenceServer({ ...inMemory, listenHttp: anyPort, configHub: hub, ...options })
  servers.push(server)
  await server.start()
  return server
}

/** Over a connection of its own, which is closed. */
async function ask(
  server: ReferenceServer,
  path: string,
  { method = 'GET', body }: { readonly method?: string; readonly body?: unknown } = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const given = body === undefined ? {} : { body: JSON.stringify(body) }
  const headers = {
    connection: 'close',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const answer = await fetch(`${server.endpoints.http ?? ''}${path}`, { method, headers, ...given })
  return { status: answer.status, body: await answer.json() }
}

async function publish(server: ReferenceServer, content: string, more: object = {}): Promise<unknown> {
  const { status, body } = await ask(server, `${file}/publish`, {
    method: 'POST',
    body: { content, ...more },
  })
  expect(status).toBe(201)
  return body
}

function keyFile(keys: object): string {
  const path = join(directory, 'keys.json')
  writeFileSync(path, JSON.stringify(keys))
  chmodSync(path, 0o600)
  return path
}

const localKeys = { current: 'k', keys: { k: Buffer.alloc(32, 7).toString('base64') } }

describe('the configuration hub', () => {
  test('is served over HTTP beside the registry, and knows who published', async () => {
    const server = await start()
    expect(await publish(server, 'a: 1', { reason: 'first' })).toMatchObject({ version: 1 })
    expect(await ask(server, `${file}/active`)).toMatchObject({ status: 200, body: { content: 'a: 1' } })
    expect(await ask(server, '/config/v1/audit?action=published')).toMatchObject({
      body: { items: [{ action: 'published', actor: '127.0.0.1', reason: 'first' }] },
    })
    expect(await ask(server, '/config/health')).toMatchObject({ status: 200, body: { state: 'ready' } })
    expect(await ask(server, '/health')).toMatchObject({ status: 200 })
    const { body } = await ask(server, '/v1/instances?namespace=orrery')
    const { items } = body as { readonly items: readonly { readonly service: string }[] }
    expect(items.map(({ service }) => service)).toEqual(['config', 'etcd', 'registry'])
  })

  test('takes names as long as they may be', async () => {
    const server = await start()
    const name = 'ü'.repeat(256)
    const path = `/config/v1/namespaces/default/groups/shop/files/${encodeURIComponent(name)}`
    const published = await ask(server, `${path}/publish`, { method: 'POST', body: { content: '1' } })
    expect(published).toMatchObject({ status: 201, body: { file: name } })
    expect(await ask(server, `${path}/active`)).toMatchObject({ body: { content: '1' } })
  })

  test('keeps everything across a restart, within the limits that it was given', async () => {
    const dataDir = join(directory, 'data')
    const limited = { dataDir, configHub: { ...hub, contentMaxBytes: 8, releasesMaxItems: 2 } }
    const server = await start(limited)
    for (const content of ['a: 1', 'a: 2', 'a: 3']) await publish(server, content)
    const large = { method: 'POST', body: { content: 'a: 3456789' } }
    expect(await ask(server, `${file}/publish`, large)).toMatchObject({
      status: 400,
      body: { code: 'CONFIG_INVALID' },
    })
    await server.close()
    const again = await start(limited)
    expect(await ask(again, `${file}/active`)).toMatchObject({ body: { version: 3, content: 'a: 3' } })
    expect(await ask(again, `${file}/releases`)).toMatchObject({
      body: { items: [{ version: 3 }, { version: 2 }] },
    })
  })

  test('encrypts with the keys of its file, and tells contents only sealed', async () => {
    const dataDir = join(directory, 'data')
    const encrypting = { dataDir, configHub: { ...hub, keyFile: keyFile(localKeys) } }
    const server = await start(encrypting)
    await publish(server, 'password: x', { encrypted: true })
    const { body } = await ask(server, `${file}/active`)
    expect(body).toMatchObject({ version: 1, encrypted: true, sealed: {} })
    expect(body).not.toHaveProperty('content')
    await server.close()

    const without = await start({ dataDir })
    const plain = { method: 'POST', body: { content: 'password: y' } }
    expect(await ask(without, `${file}/publish`, plain)).toMatchObject({
      status: 409,
      body: { code: 'CONFIG_KEYS_MISSING' },
    })
  })

  test.each([
    [{}, /^--config-keys: the key file .* must /],
    [{ current: 'k', keys: { k: 'short' } }, /^--config-keys: the key file .* has no 32 bytes/],
  ])('is not there when its keys are %j', async (keys, reason) => {
    await expect(start({ configHub: { ...hub, keyFile: keyFile(keys) } })).rejects.toMatchObject({
      code: 'SERVER_OPTION_INVALID',
      reason: expect.stringMatching(reason) as string,
    })
  })

  test('says when there is no file of keys', async () => {
    const missing = join(directory, 'none.json')
    await expect(start({ configHub: { ...hub, keyFile: missing } })).rejects.toMatchObject({
      code: 'SERVER_OPTION_INVALID',
      reason: expect.stringContaining(`'${missing}'`) as string,
    })
  })

  test('is not there when it is off', async () => {
    const server = await start({ configHub: undefined })
    expect((await ask(server, '/config/v1/groups')).status).toBe(404)
    expect((await ask(server, '/v1/services')).status).toBe(200)
  })

  test('answers polls and ends streams when the server closes', async () => {
    const server = await start()
    const { version, md5 } = (await publish(server, 'a: 1')) as { version: number; md5: string }
    const known = targets.map((target) => ({ ...target, version, md5 }))
    const body = { targets, known, timeoutMs: 600_000 }
    const poll = ask(server, '/config/v1/poll', { method: 'POST', body })
    const stream = await fetch(
      `${server.endpoints.http ?? ''}/config/v1/namespaces/default/groups/shop/watch`,
    )
    const reader = stream.body?.getReader()
    await reader?.read()
    await expect.poll(async () => (await ask(server, '/config/v1/stats')).body).toMatchObject({ polls: 1 })
    const closed = server.close()
    expect(await poll).toMatchObject({ status: 200, body: { type: 'unchanged' } })
    while ((await reader?.read())?.done === false);
    await closed
  })
})
