import { join } from 'node:path'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { addEtcdServices, etcdServerOptions, etcdServices } from '@orrery/adapter-etcd'
import { systemEnvironment } from '@orrery/environment/system'
import { openStore, type Store } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { findState } from './crash/found-state.ts'
import { type Operation, perform } from './crash/operation.ts'
import { Oracle } from './crash/oracle.ts'
import { mountSmallDisk, type SmallDisk } from './crash/small-disk.ts'
import { stateOf } from './crash/state.ts'
import { type Answer, call, connect, type Endpoint } from './differential/endpoint.ts'
import type { EtcdLikeServer } from './servers/etcd.ts'
import { startOrrery } from './servers/orrery.ts'

let disk: SmallDisk
beforeEach(async () => {
  disk = await mountSmallDisk(40)
})
afterEach(() => disk[Symbol.asyncDispose]())

/** Runs `write` with 0, 1, … until a write fails, so many at once. */
async function writeUntilFull(atOnce: number, write: (n: number) => Promise<boolean>): Promise<void> {
  let next = 0
  let full = false
  const writeOn = async (): Promise<void> => {
    while (!full) if (!(await write(next++))) full = true
  }
  await Promise.all(Array.from({ length: atOnce }, writeOn))
}

describe('a store on a full disk', () => {
  const operationOf = (n: number): Operation =>
    n % 10 === 9
      ? { type: 'delete', key: `key/${n - 5}` }
      : { type: 'put', key: `key/${n}`, value: { text: `value ${n} `, bytes: 20_000 } }

  /** Writes until writes fail. */
  async function fill(store: Store): Promise<{ issued: Operation[]; answered: number; failures: unknown[] }> {
    const issued: Operation[] = []
    const failures: unknown[] = []
    let answered = 0
    await writeUntilFull(10, async (n) => {
      issued.push(operationOf(n))
      try {
        await perform(store, operationOf(n))
        answered = Math.max(answered, n + 1)
        return true
      } catch (error) {
        failures.push(error)
        return false
      }
    })
    return { issued, answered, failures }
  }

  test('fails by name, serves reads, closes, and has everything when there is space', async () => {
    const directory = join(disk.path, 'store')
    const store = await openStore({ directory }, { quotaBytes: 0 })
    const { issued, answered, failures } = await fill(store)
    for (const failure of failures) expect(failure).toMatchObject({ code: 'STORE_FAILED' })
    expect(answered).toBeGreaterThan(100)
    expect(store.status().state).toBe('failed')
    await expect(store.put({ key: 'more' })).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(store.leases.grant({ ttlMs: 5_000 })).rejects.toMatchObject({ code: 'STORE_FAILED' })

    await using oracle = new Oracle()
    const readable = await stateOf(store)
    expect(readable.appliedIndex).toBeGreaterThanOrEqual(answered)
    await oracle.advance(issued.slice(0, readable.appliedIndex))
    expect(readable).toEqual(await oracle.state())
    await store.close()

    await disk.resize(400)
    const found = await findState(directory, async (reopened) => {
      await reopened.put({ key: 'more' })
    })
    expect(found.appliedIndex).toBeGreaterThanOrEqual(readable.appliedIndex)
    expect(found.appliedIndex).toBeLessThanOrEqual(issued.length)
    await oracle.advance(issued.slice(oracle.index, found.appliedIndex))
    expect(found).toEqual(await oracle.state())
  })
})

describe('a server on a full disk', () => {
  interface Load {
    readonly valueBytes: number
    /** Writes in flight. */
    readonly atOnce: number
  }

  const keyOf = (n: number): Buffer => Buffer.from(`key/${String(n).padStart(6, '0')}`)
  const valueOf = (n: number, { valueBytes }: Load): Buffer => Buffer.alloc(valueBytes, `${n} `)

  /** Writes keys 0, 1, … until some are refused. */
  async function fill(
    endpoint: Endpoint,
    load: Load,
  ): Promise<{ readonly acknowledged: readonly number[]; readonly refusals: readonly Answer[] }> {
    const acknowledged: number[] = []
    const refusals: Answer[] = []
    await writeUntilFull(load.atOnce, async (n) => {
      const answer = await call(endpoint, 'Put', { key: keyOf(n), value: valueOf(n, load) })
      if (answer.code === 0) acknowledged.push(n)
      else refusals.push(answer)
      return answer.code === 0
    })
    return { acknowledged, refusals }
  }

  /** Those of some keys that are missing or have another value. */
  async function missing(
    endpoint: Endpoint,
    { keys, load, serializable }: { keys: readonly number[]; load: Load; serializable: boolean },
  ): Promise<readonly number[]> {
    const lost: number[] = []
    for (const n of keys) {
      const answer = await call(endpoint, 'Range', { key: keyOf(n), serializable })
      if (!('response' in answer)) throw new Error(answer.message)
      const [kv] = (answer.response['kvs'] ?? []) as { readonly value: string }[]
      if (kv?.value !== valueOf(n, load).toString('base64')) lost.push(n)
    }
    return lost
  }

  /** Status and body of a call over JSON about one key. */
  async function callJson(url: string, method: 'put' | 'range', n: number): Promise<readonly unknown[]> {
    const body = JSON.stringify({ key: keyOf(n).toString('base64') })
    const response = await fetch(`${url}/v3/kv/${method}`, { method: 'POST', body })
    return [response.status, await response.json()]
  }

  async function withServer<T>(
    work: (server: EtcdLikeServer, endpoint: Endpoint) => Promise<T>,
    healthy = true,
  ): Promise<T> {
    await using server = await startOrrery({ directory: join(disk.path, 'data'), healthy })
    const endpoint = connect(server.name, server.endpoint)
    try {
      return await work(server, endpoint)
    } finally {
      endpoint.close()
      await server.stop()
    }
  }

  const unavailable = { code: 14 }

  test.each<Load>([
    { valueBytes: 40_000, atOnce: 1 },
    { valueBytes: 1_000_000, atOnce: 16 },
  ])('says so, serves reads, and has lost nothing once there is space again: %j', async (load) => {
    const keys = await withServer(async (server, endpoint) => {
      const { acknowledged, refusals } = await fill(endpoint, load)
      for (const refusal of refusals) expect(refusal).toMatchObject(unavailable)
      expect(acknowledged.length * load.valueBytes).toBeGreaterThan(4_000_000)
      // What it logs comes by another way than its answers, and may come after them.
      await vi.waitFor(() => expect(server.process.output()).toMatch(/DISK_FULL|ENOSPC|no space/i), 10_000)
      const health = await fetch(`${server.url}/health`)
      expect([health.status, await health.json()]).toEqual([503, { health: 'false', reason: 'STORE FAILED' }])
      for (const serializable of [false, true]) {
        expect(await missing(endpoint, { keys: acknowledged, load, serializable })).toEqual([])
      }
      expect(await call(endpoint, 'DeleteRange', { key: keyOf(0) })).toMatchObject(unavailable)
      expect(await callJson(server.url, 'put', 0)).toMatchObject([503, unavailable])
      expect(await callJson(server.url, 'range', 0)).toMatchObject([200, { count: '1' }])
      return acknowledged
    })

    await disk.resize(400)
    await withServer(async (_server, endpoint) => {
      expect(await missing(endpoint, { keys, load, serializable: false })).toEqual([])
      expect(await call(endpoint, 'Put', { key: keyOf(0) })).toMatchObject({ code: 0 })
    })
  })

  test('serves what it holds when it is started again on the full disk', async () => {
    const load: Load = { valueBytes: 40_000, atOnce: 1 }
    const { acknowledged } = await withServer((_server, endpoint) => fill(endpoint, load))
    await withServer(async (_server, endpoint) => {
      expect(await missing(endpoint, { keys: acknowledged, load, serializable: false })).toEqual([])
    }, false)
  })
})

describe('a server with a quota', () => {
  interface Served extends AsyncDisposable {
    readonly endpoint: Endpoint
  }

  async function serve(store: Store): Promise<Served> {
    const server = new Server(etcdServerOptions())
    const member = { name: 'quota' }
    addEtcdServices(server, etcdServices({ store, environment: systemEnvironment(), member }))
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error)
        else resolve(bound)
      })
    })
    const endpoint = connect('quota', `127.0.0.1:${port}`)
    return {
      endpoint,
      [Symbol.asyncDispose]: () => {
        endpoint.close()
        server.forceShutdown()
        return Promise.resolve()
      },
    }
  }

  const exceeded = { code: 8, message: 'etcdserver: mvcc: database space exceeded' }
  const taken = { code: 0 }
  const [getAlarms, disarm] = [{ action: 0 }, { action: 2, alarm: 1 }]
  const all = { key: Buffer.from([0]), range_end: Buffer.from([0]) }

  test('stops before the disk is full; deletes, a compaction and a disarmed alarm bring it back', async () => {
    await using store = await openStore({ directory: join(disk.path, 'store') }, { quotaBytes: 4_000_000 })
    await using served = await serve(store)
    const { endpoint } = served
    const put = (n: number, value: Buffer = Buffer.alloc(20_000, 'x')): Promise<Answer> =>
      call(endpoint, 'Put', { key: Buffer.from(`key/${n}`), value })
    let stored = 0
    let answer = await put(stored)
    for (; answer.code === 0; answer = await put(stored)) stored++
    expect(answer).toEqual(exceeded)
    expect(stored).toBeGreaterThan(100)

    // The alarm is a write of its own, for which a refusal does not wait.
    await vi.waitUntil(() => store.alarms.list().length > 0, { timeout: 30_000 })
    expect(await call(endpoint, 'Alarm', getAlarms)).toMatchObject({ response: { alarms: [{ alarm: 1 }] } })
    expect(await call(endpoint, 'Range', { ...all, count_only: true })).toMatchObject({
      response: { count: String(stored) },
    })
    // Nothing that is small passes either, until an operator has looked.
    expect(await put(0, Buffer.alloc(0))).toEqual(exceeded)
    expect(await call(endpoint, 'LeaseGrant', { TTL: 60 })).toEqual(exceeded)

    expect(await call(endpoint, 'DeleteRange', all)).toMatchObject(taken)
    expect(await put(0)).toEqual(exceeded)
    const { revision } = store.status()
    expect(await call(endpoint, 'Compact', { revision, physical: true })).toMatchObject(taken)
    expect(await call(endpoint, 'Alarm', disarm)).toMatchObject(taken)
    for (let n = 0; n < stored / 2; n++) expect(await put(n)).toMatchObject(taken)
    expect(await call(endpoint, 'Alarm', getAlarms)).not.toMatchObject({ response: { alarms: [{}] } })
  })
})
