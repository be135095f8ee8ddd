import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemEnvironment } from '@orrery/environment/system'
import { createRecordingLogger } from '@orrery/environment/testing'
import {
  createRedisHeartbeatStore,
  redisHeartbeatStoreDefaults,
  type RedisHeartbeatStoreOptions,
} from '@orrery/heartbeat-redis'
import type { HeartbeatStore } from '@orrery/registry'
import { heartbeatStoreConformance } from '@orrery/registry/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../free-ports.ts'
import { quick, recovered, subjectsOf, unavailable } from './heartbeats.ts'
import { type RedisServer, startRedis, until } from './redis-server.ts'

const { keyPrefix } = redisHeartbeatStoreDefaults

function open(server: RedisServer, options: RedisHeartbeatStoreOptions = {}): HeartbeatStore {
  return createRedisHeartbeatStore({ redis: { host: '127.0.0.1', port: server.port } }, options)
}

describe.each([
  { name: 'many keys in a command', options: {} },
  { name: 'a key in a command', options: { scriptMaxKeys: 1 } },
])('on Redis, $name:', ({ options }) => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test.each(heartbeatStoreConformance)('$name', async ({ name, run }) => {
    await run({
      open: () =>
        Promise.resolve(open(server, { ...quick, commandTimeoutMs: 2_000, ...options, keyPrefix: name })),
      cut: () => server.kill(),
      restore: () => server.restart(),
    })
  })
})

describe('a heartbeat store in a Redis', () => {
  test('that is killed and comes back knows nothing any more, and goes on', async () => {
    await using server = await startRedis()
    const logger = createRecordingLogger()
    const redis = { host: '127.0.0.1', port: server.port }
    const store = createRedisHeartbeatStore({ redis, environment: systemEnvironment({ logger }) }, quick)
    await store.record(['a'])
    await server.kill()
    for (const call of [store.record(['a']), store.latest(['a']), store.remove(['a'])]) {
      await expect(call).rejects.toMatchObject(unavailable)
    }
    expect(store.available).toBe(false)
    await server.restart()
    await recovered(store)
    expect(store.available).toBe(true)
    expect(await store.latest(['a', 'recovered'])).toMatchObject([
      undefined,
      { stamp: expect.any(String) as string },
    ])
    const messages = logger.lines.map(({ message }) => message)
    expect(messages).toContain('the connection to Redis failed')
    expect(messages.slice(-1)).toEqual(['heartbeats in Redis are available again'])
    await store.close()
  })

  test('that hangs fails calls in their time, and goes on when it does', async () => {
    await using server = await startRedis()
    const store = open(server, quick)
    await store.record(['a'])
    server.signal('SIGSTOP')
    let isLate = false
    const late = setTimeout(() => {
      isLate = true
    }, 10 * quick.commandTimeoutMs)
    const calls = [store.record(['b']), store.latest(['a']), store.remove(['c'])]
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({ status: 'rejected', reason: unavailable })
    }
    expect([isLate, store.available]).toEqual([false, false])
    clearTimeout(late)
    server.signal('SIGCONT')
    await recovered(store)
    expect(store.available).toBe(true)
    expect((await store.latest(['a']))[0]).toBeDefined()
    await store.close()
  })

  test('that hangs can be closed', async () => {
    await using server = await startRedis()
    const store = open(server, quick)
    await store.record(['a'])
    server.signal('SIGSTOP')
    const call = store.record(['b'])
    call.catch(() => undefined)
    await store.close()
    await expect(call).rejects.toBeInstanceOf(Error)
    server.signal('SIGCONT')
  })

  test('that forgets its scripts while it runs is told them again', async () => {
    await using server = await startRedis()
    const store = open(server)
    await store.record(['a'])
    await server.client().call('script', ['flush'])
    const calls = [store.record(subjectsOf(1_000)), store.latest(['a']), store.record(['b'])]
    await Promise.all(calls)
    expect((await store.latest(['a', 'b', ...subjectsOf(1_000)])).includes(undefined)).toBe(false)
    await store.close()
  })

  test('takes and gives 100 000 subjects, as keys that expire in a day', async () => {
    await using server = await startRedis()
    const [store, other] = [
      open(server, { commandTimeoutMs: 10_000 }),
      open(server, { commandTimeoutMs: 10_000 }),
    ]
    const subjects = subjectsOf(100_000)
    await store.record(subjects)
    const found = await other.latest([...subjects, 'nobody'])
    expect(found.findIndex((record) => record === undefined)).toBe(100_000)
    expect(found.slice(0, -1).every((record) => (record?.ageMs ?? -1) >= 0)).toBe(true)
    const client = server.client()
    expect(await client.dbsize()).toBe(100_000)
    const leftMs = await client.pttl(`${keyPrefix}${subjects[0] ?? ''}`)
    expect(leftMs).toBeGreaterThan(86_000_000)
    expect(leftMs).toBeLessThanOrEqual(86_400_000)
    await other.remove(subjects)
    expect(await client.dbsize()).toBe(0)
    await Promise.all([store.close(), other.close()])
  })

  test('takes single heartbeats of 20 000 callers in one turn', async () => {
    await using server = await startRedis()
    const store = open(server, { commandTimeoutMs: 10_000 })
    const subjects = subjectsOf(20_000)
    await Promise.all(subjects.map((subject) => store.record([subject])))
    expect((await store.latest(subjects)).includes(undefined)).toBe(false)
    await store.close()
  })

  test('forgets who had no heartbeat for long enough', async () => {
    await using server = await startRedis()
    const store = open(server, { expireAfterMs: 50 })
    await store.record(['a'])
    await until(async () => (await store.latest(['a']))[0] === undefined)
    await store.close()
  })

  test('takes what somebody else keeps under its keys for a failure, and a heartbeat replaces it', async () => {
    await using server = await startRedis()
    const client = server.client()
    const store = open(server)
    await client.set(`${keyPrefix}a`, 'something else')
    await client.lpush(`${keyPrefix}list`, 'something else')
    await expect(store.latest(['a'])).rejects.toMatchObject(unavailable)
    expect(await store.latest(['list'])).toEqual([undefined])
    await store.record(['a', 'list'])
    expect((await store.latest(['a', 'list'])).includes(undefined)).toBe(false)
    await store.close()
  })

  test('needs no more rights than its README says', async () => {
    const readme = await readFile('packages/heartbeat-redis/README.md', 'utf8')
    const rights = /^ACL SETUSER heartbeats on >secret (.*)$/m.exec(readme)?.[1]?.split(' ') ?? []
    expect(rights.length).toBeGreaterThan(3)
    await using server = await startRedis()
    await server.client().call('acl', ['setuser', 'heartbeats', 'on', '>secret', ...rights])
    const redis = { host: '127.0.0.1', port: server.port, username: 'heartbeats', password: 'secret' }
    const store = createRedisHeartbeatStore({ redis })
    await store.record(['a'])
    expect((await store.latest(['a']))[0]).toBeDefined()
    await store.remove(['a'])
    await store.close()
    const stranger = createRedisHeartbeatStore({ redis: { ...redis, password: 'wrong' } }, quick)
    await expect(stranger.record(['a'])).rejects.toMatchObject(unavailable)
    await stranger.close()
  })

  test('is reached over TLS', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'orrery-redis-tls-'))
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')]
    const subject = ['-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2']
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    await promisify(execFile)('openssl', [...request, '-keyout', key, '-out', cert, ...subject])
    const ca = await readFile(cert)
    const [port = 0] = await freePorts(1)
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
    const args = ['--tls-port', `${port}`, ...files, '--tls-auth-clients', 'no']
    await using server = await startRedis({ args })
    const store = createRedisHeartbeatStore({ redis: { host: '127.0.0.1', port, tls: { ca } } })
    await store.record(['a'])
    expect((await open(server).latest(['a']))[0]).toBeDefined()
    await store.close()
    await rm(directory, { recursive: true })
  })
})
