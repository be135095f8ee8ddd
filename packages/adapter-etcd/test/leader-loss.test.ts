import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { inMemoryCluster, type MemoryCluster, type Store } from '@orrery/store'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { etcdServices } from '../src/index.ts'
import type { CallContext, EtcdServices, etcdserverpb } from '../src/index.ts'
import { LeaderWatch } from '../src/services/leader-watch.ts'

/** Timers that fit a test. */
const node = { heartbeatIntervalMs: 20, electionTimeoutMs: 200, requestTimeoutMs: 600 }
const noLeader = { code: 'ETCD_NO_LEADER', status: 14, details: 'etcdserver: no leader' }
const key = Buffer.from('k')

let cluster: MemoryCluster
let environment: ManualEnvironment
let name: string
let store: Store
let services: EtcdServices

beforeEach(async () => {
  cluster = await inMemoryCluster({ node })
  const leader = await cluster.leader()
  const follower = cluster.members.find((one) => one.store !== leader)
  if (follower === undefined) throw new Error('there is no follower')
  name = follower.name
  store = follower.store
  environment = createManualEnvironment()
  services = etcdServices({ store, environment }, { electionTimeoutMs: 200 })
  await store.put({ key: 'k' })
})

afterEach(async () => {
  cluster.network.heal()
  await cluster.close()
})

function call(headers: Readonly<Record<string, string>> = {}): CallContext {
  return { signal: new AbortController().signal, metadata: { get: (header) => headers[header] } }
}

const led = (): CallContext => call({ hasleader: 'true' })

/** A stream whose client says one thing, and then nothing. */
async function* only<Request>(request: Request): AsyncGenerator<Request> {
  yield request
  await new Promise(() => undefined)
}

function begin<Response>(stream: AsyncIterable<Response>): AsyncIterator<Response> {
  return stream[Symbol.asyncIterator]()
}

const watchRequest: etcdserverpb.WatchRequest = { createRequest: { key } }

/** Cuts the member off, and waits until it has noticed. */
async function loseLeader(): Promise<void> {
  cluster.network.isolate(name)
  await expect.poll(() => store.status().leaderId, { timeout: 10_000 }).toBe(0n)
}

describe('at a member that has lost its leader', () => {
  test('calls that require one are refused, and served again when it is back', async () => {
    await expect(services.kv.range({ key, serializable: true }, led())).resolves.toMatchObject({ count: 1 })
    await loseLeader()
    await expect(services.kv.range({ key, serializable: true }, led())).rejects.toMatchObject(noLeader)
    await expect(services.kv.put({ key }, led())).rejects.toMatchObject(noLeader)
    await expect(services.maintenance.status({}, led())).rejects.toMatchObject(noLeader)
    await expect(begin(services.watch.watch(only(watchRequest), led())).next()).rejects.toMatchObject(
      noLeader,
    )
    await expect(begin(services.lease.leaseKeepAlive(only({}), led())).next()).rejects.toMatchObject(noLeader)
    await expect(services.kv.range({ key, serializable: true }, call())).resolves.toMatchObject({ count: 1 })
    cluster.network.heal()
    await expect.poll(() => store.status().leaderId, { timeout: 10_000 }).not.toBe(0n)
    await expect(services.kv.range({ key }, led())).resolves.toMatchObject({ count: 1 })
  })

  test('watches and renewals that require one end after three election timeouts; others go on', async () => {
    const { id } = await store.leases.grant({ ttlMs: 60_000 })
    const watch = begin(services.watch.watch(only(watchRequest), led()))
    const keepAlive = begin(services.lease.leaseKeepAlive(only({ ID: id }), led()))
    const patient = begin(services.watch.watch(only(watchRequest), call()))
    for (const stream of [watch, patient]) {
      expect((await stream.next()).value).toMatchObject({ created: true })
    }
    expect((await keepAlive.next()).value).toMatchObject({ ID: id, TTL: 60 })
    const ends = [watch.next(), keepAlive.next()]
    const ended: unknown[] = []
    for (const end of ends) end.catch((error: unknown) => ended.push(error))
    const event = patient.next()
    environment.clock.advance(5_000)
    await loseLeader()
    environment.clock.advance(400)
    await new Promise((resolve) => setImmediate(resolve))
    expect(ended).toEqual([])
    environment.clock.advance(200)
    for (const end of ends) await expect(end).rejects.toMatchObject(noLeader)
    expect(environment.clock.pending).toBe(0)
    cluster.network.heal()
    await expect
      .poll(() => store.put({ key: 'k' }).then(() => 'done', String), { timeout: 10_000 })
      .toBe('done')
    expect((await event).value).toMatchObject({ events: [{}] })
  })

  test('a renewal that requires none waits for a leader, and ends as timed out when none comes', async () => {
    const { id } = await store.leases.grant({ ttlMs: 60_000 })
    await loseLeader()
    const keepAlive = begin(services.lease.leaseKeepAlive(only({ ID: id }), call()))
    await expect(keepAlive.next()).rejects.toMatchObject({
      status: 14,
      details: 'etcdserver: request timed out',
    })
  })

  test('writes and linearizable reads time out as unavailable', async () => {
    await loseLeader()
    const timedOut = { status: 14, details: 'etcdserver: request timed out' }
    await expect(services.kv.put({ key }, call())).rejects.toMatchObject(timedOut)
    await expect(services.kv.range({ key }, call())).rejects.toMatchObject(timedOut)
    await expect(services.lease.leaseGrant({ TTL: 60 }, call())).rejects.toMatchObject(timedOut)
  })
})

describe('a watch for leaders', () => {
  test('counts leaderless looks in a row, and only while there are streams', () => {
    const { clock } = createManualEnvironment()
    const standing = { leaderId: 1n }
    const leaders = new LeaderWatch({
      store: { status: () => standing as never },
      clock,
      electionTimeoutMs: 100,
    })
    expect(clock.pending).toBe(0)
    const one = leaders.open(call())
    standing.leaderId = 0n
    clock.advance(250)
    standing.leaderId = 1n
    clock.advance(100)
    standing.leaderId = 0n
    clock.advance(249)
    expect(one.context.signal.aborted).toBe(false)
    clock.advance(100)
    expect(one.context.signal.reason).toMatchObject(noLeader)
    expect(clock.pending).toBe(0)
    const another = leaders.open(call())
    clock.advance(250)
    another.close()
    another.close()
    expect(clock.pending).toBe(0)
    const third = leaders.open(call())
    clock.advance(250)
    expect(third.context.signal.aborted).toBe(false)
    third.close()
  })
  test('leaves no memory behind of a call that has ended, not even if its method listens on', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const { clock } = createManualEnvironment()
    const leaders = new LeaderWatch({ store, clock, electionTimeoutMs: 100 })
    const client = call()
    const use = (): WeakRef<AbortSignal> => {
      const stream = leaders.open(client)
      const { signal } = stream.context
      signal.addEventListener('abort', () => undefined)
      stream.close()
      return new WeakRef(signal)
    }
    const signals = Array.from({ length: 10 }, use)
    await vi.waitFor(
      () => {
        collectGarbage()
        expect(signals.filter((signal) => signal.deref() !== undefined)).toHaveLength(0)
      },
      { timeout: 30_000 },
    )
    expect(client.signal.aborted).toBe(false)
  })
})
