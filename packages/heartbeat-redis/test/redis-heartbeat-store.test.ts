import { once } from 'node:events'
import { createManualEnvironment } from '@orrery/environment/testing'
import type { HeartbeatStore } from '@orrery/registry'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { createRedisHeartbeatStore, type RedisHeartbeatStoreOptions } from '../src/index.ts'
import { type RespServer, startRespServer } from './support/resp-server.ts'

const unavailable = { code: 'HEARTBEATS_UNAVAILABLE' }

/** By the manual clock. So long that timers of the client, which go by real time, do not come into it. Unit: ms. */
const commandTimeoutMs = 60_000

function open(server: RespServer, options: RedisHeartbeatStoreOptions = {}) {
  const environment = createManualEnvironment()
  const store = createRedisHeartbeatStore(
    { redis: { host: '127.0.0.1', port: server.port }, environment },
    { commandTimeoutMs, reconnectMinMs: 1, reconnectMaxMs: 5, ...options },
  )
  return { store, environment, clock: environment.clock }
}

/** Asks until the store has found its server again. Each attempt ends by itself, as the store was unavailable before. */
async function recovered(store: HeartbeatStore): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const found = await store.latest(['recovered']).catch(() => undefined)
    if (found !== undefined) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect.unreachable('the store did not recover')
}

/** Batches are made when a turn of the event loop is over. */
function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function names({ commands }: RespServer): string[] {
  return commands.map(([name = '']) => name)
}

describe('a heartbeat store in Redis', () => {
  test('connects at its first call, once', async () => {
    await using server = await startRespServer()
    const { store } = open(server)
    expect(store.available).toBe(true)
    expect(server.connections).toBe(0)
    await Promise.all([store.record(['a']), store.latest(['b'])])
    expect(server.connections).toBe(1)
    await store.close()
  })

  test('keeps a heartbeat as one key that expires, with the time of Redis', async () => {
    await using server = await startRespServer()
    const { store } = open(server, { keyPrefix: 'hb:', expireAfterMs: 5_000 })
    await store.record(['ä/b'])
    const { value, expiresMs } = server.values.get('hb:ä/b') ?? {}
    expect(value).toMatch(new RegExp(`^${server.nowMs}:[a-z0-9]+\\.0$`))
    expect(expiresMs).toBe(server.nowMs + 5_000)
    server.nowMs += 1_234
    expect(await store.latest(['ä/b'])).toEqual([{ ageMs: 1_234, stamp: value }])
    server.nowMs += 5_000
    expect(await store.latest(['ä/b'])).toEqual([undefined])
    await store.close()
  })

  test('takes a heartbeat for new when the time of Redis was set back', async () => {
    await using server = await startRespServer()
    const { store } = open(server)
    await store.record(['a'])
    server.nowMs -= 10_000
    expect(await store.latest(['a'])).toMatchObject([{ ageMs: 0 }])
    await store.close()
  })

  test('sends what one turn asks for in few commands, and a script only where it is not known', async () => {
    await using server = await startRespServer()
    const { store } = open(server, { scriptMaxKeys: 100 })
    const subjects = Array.from({ length: 250 }, (_, index) => `${index}`)
    await store.record(['a'])
    expect(names(server)).toEqual(['evalsha', 'eval'])
    await Promise.all(subjects.map((subject) => store.record([subject])))
    expect(names(server).slice(2)).toEqual(['evalsha', 'evalsha', 'evalsha'])
    expect(server.commands.slice(2).map(([, , keys]) => keys)).toEqual(['100', '100', '50'])
    expect((await store.latest(subjects)).includes(undefined)).toBe(false)
    await Promise.all([store.remove(subjects.slice(0, 60)), store.remove(subjects.slice(60, 120))])
    expect(names(server).slice(-2)).toEqual(['del', 'del'])
    await store.close()
  })

  test('does what one turn asks for in its order', async () => {
    await using server = await startRespServer()
    const { store } = open(server)
    await Promise.all([store.record(['warm']), store.latest(['warm'])])
    const sent = server.commands.length
    const [, first, , , second] = await Promise.all([
      store.record(['a', 'b']),
      store.latest(['a', 'b']),
      store.remove(['a']),
      store.record(['c']),
      store.latest(['a', 'b', 'c']),
    ])
    expect(first.map((record) => record !== undefined)).toEqual([true, true])
    expect(second.map((record) => record !== undefined)).toEqual([false, true, true])
    expect(names(server).slice(sent)).toEqual(['evalsha', 'evalsha', 'del', 'evalsha', 'evalsha'])
    await store.close()
  })

  test('does a call for more than fits into its queue in parts', async () => {
    await using server = await startRespServer()
    const { store } = open(server, { batchMaxItems: 10, concurrencyMaxBatches: 2, queueMaxItems: 15 })
    const subjects = Array.from({ length: 1_000 }, (_, index) => `${index}`)
    await store.record(subjects)
    const stamps = (await store.latest(subjects)).map((record) => record?.stamp)
    expect(stamps.includes(undefined)).toBe(false)
    expect(server.values.size).toBe(1_000)
    await store.close()
  })

  test('knows nothing when Redis lost its memory, and goes on', async () => {
    await using server = await startRespServer()
    const { store } = open(server)
    await store.record(['a'])
    server.answer = () => null
    const failed = store.record(['b'])
    await server.received('evalsha', 2)
    await server.stop()
    await expect(failed).rejects.toMatchObject(unavailable)
    expect(store.available).toBe(false)
    server.answer = undefined
    await server.start()
    await recovered(store)
    expect(store.available).toBe(true)
    expect(await store.latest(['a'])).toEqual([undefined])
    await store.record(['a'])
    expect(await store.latest(['a'])).toMatchObject([{ ageMs: 0 }])
    await store.close()
  })

  test.each([
    { options: { keyPrefix: 'x', expireAfterMs: 0 } },
    { options: { expireAfterMs: 1.5 } },
    { options: { commandTimeoutMs: 0 } },
    { options: { commandTimeoutMs: Infinity } },
    { options: { lingerMaxMs: 1_000 } },
    { options: { lingerMaxMs: -1 } },
    { options: { batchMaxItems: 0 } },
    { options: { concurrencyMaxBatches: 0 } },
    { options: { queueMaxItems: Number.NaN } },
    { options: { scriptMaxKeys: 4_097 } },
    { options: { reconnectMinMs: 0 } },
    { options: { reconnectMinMs: 100, reconnectMaxMs: 99 } },
  ])('refuses the options $options', ({ options }) => {
    expect(() => createRedisHeartbeatStore({ redis: {} }, options)).toThrow(
      expect.objectContaining({ code: 'HEARTBEATS_OPTION_INVALID' }),
    )
  })
})

describe('a heartbeat store whose Redis does not answer', () => {
  test('fails a call when its time is over, not before', async () => {
    await using server = await startRespServer()
    const { store, clock } = open(server)
    await store.record(['a'])
    server.answer = () => null
    let isSettled = false
    const call = store.latest(['a']).finally(() => {
      isSettled = true
    })
    call.catch(() => undefined)
    await server.received('evalsha', 2)
    clock.advance(commandTimeoutMs - 1)
    await Promise.resolve()
    expect([isSettled, store.available]).toEqual([false, true])
    clock.advance(1)
    await expect(call).rejects.toMatchObject(unavailable)
    expect(store.available).toBe(false)
    const closed = store.close()
    clock.advance(commandTimeoutMs)
    await closed
    expect(clock.pending).toBe(0)
  })

  test('has no more under way than its options allow, however long that lasts', async () => {
    await using server = await startRespServer()
    const { store, clock } = open(server, { concurrencyMaxBatches: 3 })
    await store.record(['a'])
    server.answer = () => null
    for (let round = 0; round < 5; round++) {
      const calls: Promise<unknown>[] = []
      for (let count = 0; count < 10; count++) {
        calls.push(store.record([`${count}`]))
        await Promise.resolve()
      }
      const settled = Promise.allSettled(calls)
      await server.received('evalsha', 1 + 3)
      clock.advance(commandTimeoutMs)
      expect((await settled).every(({ status }) => status === 'rejected')).toBe(true)
    }
    expect(server.commands.length - 2).toBe(3)
    // With the connection ends what was under way, and nobody has to wait for it any more.
    server.answer = undefined
    server.hangUp()
    await recovered(store)
    await store.close()
  })

  test('refuses at once what does not fit into its queue, and takes more later', async () => {
    await using server = await startRespServer()
    const { store, clock } = open(server, { concurrencyMaxBatches: 1, batchMaxItems: 10, queueMaxItems: 20 })
    await store.record(['a'])
    server.answer = () => null
    const names = (count: number, at: string) => Array.from({ length: count }, (_, index) => `${at}/${index}`)
    const calls = [store.record(names(10, 'sent'))]
    await server.received('evalsha', 2)
    calls.push(store.record(names(10, 'waits')), store.record(names(10, 'waits too')))
    await expect(store.record(['more'])).rejects.toMatchObject(unavailable)
    const settled = Promise.allSettled(calls)
    clock.advance(commandTimeoutMs)
    await settled
    server.answer = undefined
    server.hangUp()
    await recovered(store)
    await store.record(names(20, 'later'))
    await store.close()
  })

  test('does not send late what nobody waits for any more', async () => {
    await using server = await startRespServer()
    await server.stop()
    const { store, clock } = open(server)
    const late = store.record(['late'])
    late.catch(() => undefined)
    clock.advance(commandTimeoutMs)
    await expect(late).rejects.toMatchObject(unavailable)
    await server.start()
    await recovered(store)
    await store.record(['in time'])
    expect([...server.values.keys()]).toEqual(['orrery:heartbeats:in time'])
    await store.close()
  })

  test('leaves out of a batch what nobody waits for any more', async () => {
    await using server = await startRespServer()
    await server.stop()
    const { store, clock } = open(server, { lingerMaxMs: 40_000 })
    const late = store.record(['late'])
    late.catch(() => undefined)
    await endOfTurn()
    clock.advance(30_000)
    const inTime = store.record(['in time'])
    await endOfTurn()
    clock.advance(commandTimeoutMs - 30_000)
    await expect(late).rejects.toMatchObject(unavailable)
    await server.start()
    await inTime
    expect([...server.values.keys()]).toEqual(['orrery:heartbeats:in time'])
    expect(store.available).toBe(true)
    await store.close()
  })

  test('waits for a connection once, and fails at once while it is known to be away', async () => {
    await using server = await startRespServer()
    await server.stop()
    const { store, clock, environment } = open(server)
    const first = store.record(['a'])
    first.catch(() => undefined)
    clock.advance(commandTimeoutMs - 1)
    expect(store.available).toBe(true)
    clock.advance(1)
    await expect(first).rejects.toMatchObject(unavailable)
    expect(store.available).toBe(false)
    // The clock stands still from here on: nothing waits for it.
    await expect(store.record(['a'])).rejects.toMatchObject(unavailable)
    await expect(store.latest(['a'])).rejects.toMatchObject(unavailable)
    await expect(store.remove(['a'])).rejects.toMatchObject(unavailable)
    await store.close()
    expect(clock.pending).toBe(0)
    const messages = environment.logger.lines.map(({ message }) => message)
    expect(messages.filter((message) => message === 'heartbeats in Redis are not available')).toHaveLength(1)
    expect(messages.filter((message) => message.includes('connection')).length).toBeLessThanOrEqual(1)
  })

  test('ends what is in flight when it is closed, and leaves no connection', async () => {
    await using server = await startRespServer()
    const { store, clock } = open(server)
    await store.record(['a'])
    server.answer = () => null
    const call = store.record(['b'])
    call.catch(() => undefined)
    await server.received('evalsha', 2)
    const closed = store.close()
    await expect(store.record(['c'])).rejects.toMatchObject({ code: 'HEARTBEATS_CLOSED' })
    clock.advance(commandTimeoutMs)
    await expect(call).rejects.toMatchObject(unavailable)
    await closed
    expect(clock.pending).toBe(0)
    await server.stop()
    expect(server.connections).toBe(0)
  })
})

describe('a heartbeat store whose Redis answers wrongly', () => {
  const time = '$13\r\n1700000000000\r\n'
  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`

  test.each([
    { what: 'an error', reply: '-OOM command not allowed when used memory > maxmemory\r\n' },
    { what: 'a number', reply: ':1\r\n' },
    { what: 'nothing', reply: '$-1\r\n' },
    { what: 'no time', reply: `*2\r\n$-1\r\n*1\r\n$-1\r\n` },
    { what: 'a time that is none', reply: `*2\r\n${bulk('-1')}*1\r\n$-1\r\n` },
    { what: 'too few values', reply: `*2\r\n${time}*0\r\n` },
    { what: 'too many values', reply: `*2\r\n${time}*2\r\n$-1\r\n$-1\r\n` },
    { what: 'no values', reply: `*2\r\n${time}$-1\r\n` },
    { what: 'more than was asked for', reply: `*3\r\n${time}*1\r\n$-1\r\n:1\r\n` },
    { what: 'a value of somebody else', reply: `*2\r\n${time}*1\r\n${bulk('hello')}` },
    { what: 'a value without a stamp', reply: `*2\r\n${time}*1\r\n${bulk('1700000000000:')}` },
    { what: 'a value with more behind it', reply: `*2\r\n${time}*1\r\n${bulk('1700000000000:a b')}` },
    { what: 'a value that is a number', reply: `*2\r\n${time}*1\r\n:5\r\n` },
  ])('fails the call when it gets $what', async ({ reply }) => {
    await using server = await startRespServer()
    const { store } = open(server)
    await store.record(['a'])
    server.answer = ([name, , keys]) => (name === 'evalsha' && keys === '1' ? reply : undefined)
    await expect(store.latest(['a'])).rejects.toMatchObject(unavailable)
    expect(store.available).toBe(false)
    server.answer = undefined
    expect(await store.latest(['a'])).toMatchObject([{ ageMs: 0 }])
    expect(store.available).toBe(true)
    await store.close()
  })

  test.each(['record', 'remove'] as const)('fails %s when it is told of other keys', async (operation) => {
    await using server = await startRespServer()
    const { store } = open(server)
    for (const reply of [':3\r\n', ':-1\r\n', '+OK\r\n', '$-1\r\n', '*0\r\n', '$0\r\n\r\n']) {
      server.answer = ([name = '']) => (['evalsha', 'del'].includes(name) ? reply : undefined)
      await expect(store[operation](['a', 'b'])).rejects.toMatchObject(unavailable)
    }
    server.answer = undefined
    await store[operation](['a', 'b'])
    await store.close()
  })

  test('fails no other command of the same pipeline', async () => {
    await using server = await startRespServer()
    const { store } = open(server, { scriptMaxKeys: 1 })
    await store.record(['a', 'b'])
    server.answer = ([, , , key]) => (key === 'orrery:heartbeats:a' ? `*2\r\n${time}*0\r\n` : undefined)
    const [a, b] = await Promise.allSettled([store.latest(['a']), store.latest(['b'])])
    expect(a).toMatchObject({
      status: 'rejected',
      reason: { ...unavailable, cause: { name: 'WrongReplyError' } },
    })
    expect(b).toMatchObject({ status: 'fulfilled', value: [{ ageMs: 0 }] })
    await store.close()
  })
})

describe('a heartbeat store on a client of its host', () => {
  const listeners = (client: Redis) =>
    ['ready', 'close', 'error', 'node error', 'end'].map((event) => client.listenerCount(event))

  test('uses it, and leaves it as it was', async () => {
    await using server = await startRespServer()
    const client = new Redis({
      port: server.port,
      lazyConnect: true,
      keyPrefix: 'host:',
      stringNumbers: true,
    })
    const before = listeners(client)
    const store = createRedisHeartbeatStore({ redis: client })
    await store.record(['a', 'b'])
    expect((await store.latest(['a']))[0]).toBeDefined()
    await store.remove(['b'])
    expect([...server.values.keys()]).toEqual(['host:orrery:heartbeats:a'])
    expect(server.connections).toBe(1)
    await store.close()
    expect(client.status).toBe('ready')
    expect(listeners(client)).toEqual(before)
    expect(await client.info()).toContain('loading:0')
    client.disconnect()
    await once(client, 'end')
  })

  test('is not available when it has ended', async () => {
    await using server = await startRespServer()
    const client = new Redis({ port: server.port, lazyConnect: true })
    await client.connect()
    const store = createRedisHeartbeatStore({ redis: client, environment: createManualEnvironment() })
    await store.record(['a'])
    client.disconnect()
    await once(client, 'end')
    await expect(store.record(['a'])).rejects.toMatchObject(unavailable)
    expect(store.available).toBe(false)
    await store.close()
  })

  test('goes on when it drops without a word what was under way', async () => {
    await using server = await startRespServer()
    const environment = createManualEnvironment()
    const client = new Redis({
      port: server.port,
      lazyConnect: true,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      retryStrategy: () => 1,
    })
    await client.connect()
    const options = { commandTimeoutMs, concurrencyMaxBatches: 1 }
    const store = createRedisHeartbeatStore({ redis: client, environment }, options)
    await store.record(['a'])
    server.answer = ([name]) => (name === 'evalsha' ? null : undefined)
    const dropped = store.record(['b'])
    dropped.catch(() => undefined)
    await server.received('evalsha', 2)
    const again = once(client, 'ready')
    server.hangUp()
    await again
    server.answer = undefined
    environment.clock.advance(commandTimeoutMs)
    await expect(dropped).rejects.toMatchObject(unavailable)
    await store.record(['c'])
    expect(store.available).toBe(true)
    await store.close()
    client.disconnect()
    await once(client, 'end')
  })
})
