import { join } from 'node:path'
import { Server, ServerCredentials } from '@grpc/grpc-js'
import { addEtcdServices, etcdServerOptions, etcdServices } from '@orrery/adapter-etcd'
import { systemEnvironment } from '@orrery/environment/system'
import { openStore, type Store } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, connect, type Method, methods } from '../differential/endpoint.ts'
import { codecOf } from '../differential/schema.ts'
import type { Fields } from '../differential/wire.ts'
import { startOrrery } from '../servers/orrery.ts'
import { findState } from './found-state.ts'
import { type Operation, perform } from './operation.ts'
import { Oracle } from './oracle.ts'
import { mountSmallDisk, type SmallDisk } from './small-disk.ts'
import { stateOf } from './state.ts'

let disk: SmallDisk
beforeEach(async () => {
  disk = await mountSmallDisk(40)
})
afterEach(() => disk[Symbol.asyncDispose]())

const operationOf = (n: number): Operation =>
  n % 10 === 9
    ? { type: 'delete', key: `key/${n - 5}` }
    : { type: 'put', key: `key/${n}`, value: { text: `value ${n} `, bytes: 20_000 } }

/** Writes until writes fail. */
async function fill(store: Store): Promise<{ issued: Operation[]; answered: number; failures: unknown[] }> {
  const issued: Operation[] = []
  const failures: unknown[] = []
  let answered = 0
  const writeOn = async (): Promise<void> => {
    while (failures.length === 0) {
      const operation = operationOf(issued.length)
      const index = issued.push(operation)
      try {
        await perform(store, operation)
        answered = Math.max(answered, index)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: 10 }, writeOn))
  return { issued, answered, failures }
}

test('a store on a full disk fails by name, serves reads, closes, and has everything when there is space', async () => {
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

test('a server on a full disk refuses writes and serves reads over JSON', async () => {
  await using server = await startOrrery({ directory: join(disk.path, 'data') })
  const post = (path: string, body: Readonly<Record<string, string>>): Promise<Response> =>
    fetch(`${server.url}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) })
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const put = (n: number): Promise<Response> =>
    post('put', { key: base64(`key/${n}`), value: base64(`${n} `.repeat(100_000)) })
  let stored = 0
  let response = await put(stored)
  for (; response.ok; response = await put(stored)) stored++
  expect([response.status, await response.json()]).toMatchObject([503, { code: 14 }])
  expect(stored).toBeGreaterThan(10)

  for (let n = 0; n < stored; n++) {
    const read = await post('range', { key: base64(`key/${n}`) })
    expect([read.status, await read.json()]).toMatchObject([200, { count: '1' }])
  }
  await server.stop()
})

describe('a server with a quota', () => {
  interface Served extends AsyncDisposable {
    call(method: Method, fields: Fields): Promise<Answer>
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
      call: (method, fields) =>
        endpoint.unary(method, codecOf(`${methods[method].message}Request`).encode(fields)),
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
    const put = (n: number, value: Buffer = Buffer.alloc(20_000, 'x')): Promise<Answer> =>
      served.call('Put', { key: Buffer.from(`key/${n}`), value })
    let stored = 0
    let answer = await put(stored)
    for (; answer.code === 0; answer = await put(stored)) stored++
    expect(answer).toEqual(exceeded)
    expect(stored).toBeGreaterThan(100)

    expect(await served.call('Alarm', getAlarms)).toMatchObject({
      response: { alarms: [{ alarm: 1 }] },
    })
    expect(await served.call('Range', { ...all, count_only: true })).toMatchObject({
      response: { count: String(stored) },
    })
    // Nothing that is small passes either, until an operator has looked.
    expect(await put(0, Buffer.alloc(0))).toEqual(exceeded)
    expect(await served.call('LeaseGrant', { TTL: 60 })).toEqual(exceeded)

    expect(await served.call('DeleteRange', all)).toMatchObject(taken)
    expect(await put(0)).toEqual(exceeded)
    const { revision } = store.status()
    expect(await served.call('Compact', { revision, physical: true })).toMatchObject(taken)
    expect(await served.call('Alarm', disarm)).toMatchObject(taken)
    for (let n = 0; n < stored / 2; n++) expect(await put(n)).toMatchObject(taken)
    expect(await served.call('Alarm', getAlarms)).not.toMatchObject({ response: { alarms: [{}] } })
  })
})
