import type { ClientDuplexStream } from '@grpc/grpc-js'
import type { WatchResponse as StoreResponse } from '@orrery/mvcc'
import type { Store, WatchStream } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { etcdserverpb } from '../src/index.ts'
import { etcdServices } from '../src/index.ts'
import { bytes, kv, Reader, startEtcd, storeWith, text, watch, type Etcd } from './support/loopback.ts'

type Stream = ClientDuplexStream<etcdserverpb.WatchRequest, etcdserverpb.WatchResponse>

class Watcher {
  readonly stream: Stream
  readonly #frames: Reader<etcdserverpb.WatchResponse>

  constructor({ client }: Etcd) {
    this.stream = client.bidiStream(watch.Watch)
    this.#frames = new Reader<etcdserverpb.WatchResponse>(this.stream)
  }

  create(createRequest: etcdserverpb.WatchCreateRequest): Promise<etcdserverpb.WatchResponse> {
    this.stream.write({ createRequest })
    return this.next()
  }

  next(): Promise<etcdserverpb.WatchResponse> {
    return this.#frames.next()
  }

  [Symbol.dispose](): void {
    this.stream.on('error', () => {})
    this.stream.cancel()
  }
}

const put = (etcd: Etcd, key: string, value = ''): Promise<unknown> =>
  etcd.client.call(kv.Put, { key: bytes(key), value: bytes(value) })

function summary({ events }: etcdserverpb.WatchResponse): string[] {
  return (events ?? []).map(({ type, kv: now }) => {
    return `${type === 1 ? 'delete' : 'put'} ${text(now?.key)} ${text(now?.value)}@${String(now?.modRevision)}`
  })
}

describe('a watcher', () => {
  test('is announced, gets what happens from then on, and is canceled', async () => {
    await using etcd = await startEtcd()
    await put(etcd, 'a', 'before')
    using watcher = new Watcher(etcd)
    const created = await watcher.create({ key: bytes('a') })
    expect(created).toMatchObject({ watchId: 0, created: true, canceled: false, header: { revision: 2 } })
    await put(etcd, 'a', 'after')
    await etcd.client.call(kv.DeleteRange, { key: bytes('a') })
    const first = await watcher.next()
    expect(first.watchId).toBe(0)
    expect(summary(first)).toEqual(['put a after@3'])
    const second = await watcher.next()
    expect(summary(second)).toEqual(['delete a @4'])
    expect(second.header?.revision).toBe(4)
    watcher.stream.write({ cancelRequest: { watchId: 5 } })
    watcher.stream.write({ cancelRequest: { watchId: 0 } })
    expect(await watcher.next()).toMatchObject({ watchId: 0, canceled: true, created: false })
    expect(etcd.store.status().watchers).toBe(0)
  })

  test('reads history, with the revisions of a range in order and whole', async () => {
    await using etcd = await startEtcd()
    await put(etcd, 'a', '1')
    await etcd.client.call(kv.Txn, {
      success: ['b', 'a', 'c'].map((key) => ({ requestPut: { key: bytes(key), value: bytes('2') } })),
    })
    await put(etcd, 'z', '3')
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a'), rangeEnd: bytes('d'), startRevision: 2 })
    const events: string[] = []
    while (events.length < 4) events.push(...summary(await watcher.next()))
    expect(events).toEqual(['put a 1@2', 'put b 2@3', 'put a 2@3', 'put c 2@3'])
  })

  test('without a key watches the smallest one, and all with an end of one zero byte', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    await watcher.create({})
    await watcher.create({ rangeEnd: bytes('\0') })
    await put(etcd, 'a')
    await put(etcd, '\0')
    expect((await watcher.next()).watchId).toBe(1)
    const ids = [(await watcher.next()).watchId, (await watcher.next()).watchId]
    expect(ids.sort()).toEqual([0, 1])
  })

  test('leaves out what it filters, and gives previous key-values', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a'), filters: [0], prevKv: true })
    using puts = new Watcher(etcd)
    await puts.create({ key: bytes('a'), filters: [1], prevKv: true })
    await put(etcd, 'a', '1')
    await put(etcd, 'a', '2')
    await etcd.client.call(kv.DeleteRange, { key: bytes('a') })
    const deleted = await watcher.next()
    expect(summary(deleted)).toEqual(['delete a @4'])
    expect(text(deleted.events?.[0]?.prevKv?.value)).toBe('2')
    expect((await puts.next()).events?.[0]?.prevKv).toBeFalsy()
    expect(text((await puts.next()).events?.[0]?.prevKv?.value)).toBe('1')
  })

  test('may start in the future', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    expect(await watcher.create({ key: bytes('a'), startRevision: 4 })).toMatchObject({ created: true })
    for (const value of ['2', '3', '4']) await put(etcd, 'a', value)
    expect(summary(await watcher.next())).toEqual(['put a 4@4'])
  })

  test('has an id of its choice, once', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    expect(await watcher.create({ key: bytes('a'), watchId: 9 })).toMatchObject({ watchId: 9, created: true })
    expect(await watcher.create({ key: bytes('a'), watchId: 9 })).toMatchObject({
      watchId: -1,
      created: true,
      canceled: true,
      cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream',
    })
    expect(await watcher.create({ key: bytes('a'), watchId: 2n ** 60n })).toMatchObject({
      watchId: -1,
      canceled: true,
    })
    await put(etcd, 'a')
    expect((await watcher.next()).watchId).toBe(9)
  })

  test('is refused when its range is empty, or its start negative', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    const ended = { watchId: -1, created: true, canceled: true }
    expect(await watcher.create({ key: bytes('b'), rangeEnd: bytes('a') })).toMatchObject({
      ...ended,
      cancelReason: 'mvcc: watcher range is empty',
    })
    expect(await watcher.create({ key: bytes('b'), startRevision: -1 })).toMatchObject({
      ...ended,
      cancelReason: 'etcdserver: mvcc: required revision has been compacted',
    })
  })

  test('that starts before a compaction is announced first and canceled then', async () => {
    await using etcd = await startEtcd()
    for (const value of ['1', '2', '3']) await put(etcd, 'a', value)
    await etcd.store.compact({ revision: 3 })
    using watcher = new Watcher(etcd)
    expect(await watcher.create({ key: bytes('a'), startRevision: 2 })).toMatchObject({
      watchId: 0,
      created: true,
      canceled: false,
    })
    const { memberId } = etcd.store.status()
    expect(await watcher.next()).toMatchObject({
      watchId: 0,
      canceled: true,
      compactRevision: 3,
      cancelReason: '',
      header: { revision: 0, memberId },
    })
  })

  test('is one of a limited number', async () => {
    await using etcd = await startEtcd({ options: { watchersMaxPerStream: 2 } })
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a') })
    await watcher.create({ key: bytes('a') })
    expect(await watcher.create({ key: bytes('a') })).toMatchObject({
      watchId: -1,
      canceled: true,
      cancelReason: 'too many watchers on this stream, at most 2 are allowed',
    })
    watcher.stream.write({ cancelRequest: { watchId: 0 } })
    await watcher.next()
    expect(await watcher.create({ key: bytes('a') })).toMatchObject({ watchId: 2, canceled: false })
  })
})

describe('large responses', () => {
  const value = 'x'.repeat(600)

  test('are cut for a watcher that allows it, and only for that', async () => {
    await using etcd = await startEtcd({ options: { requestMaxBytes: 2_000 } })
    await etcd.store.txn({
      success: Array.from({ length: 10 }, (_, i) => ({ type: 'put' as const, key: `k${i}`, value })),
    })
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('k'), rangeEnd: bytes('l'), startRevision: 2, fragment: true })
    const fragments = []
    do fragments.push(await watcher.next())
    while (fragments.at(-1)?.fragment)
    expect(fragments.length).toBeGreaterThan(2)
    expect(fragments.every(({ events }) => (events?.length ?? 0) <= 3)).toBe(true)
    expect(fragments.flatMap(summary)).toHaveLength(10)

    await watcher.create({ key: bytes('k'), rangeEnd: bytes('l'), startRevision: 2 })
    const whole = await watcher.next()
    expect(whole.fragment).toBe(false)
    expect(whole.events).toHaveLength(10)
  })
})

describe('progress', () => {
  test('is told on request once all watchers are caught up', async () => {
    await using etcd = await startEtcd()
    for (let i = 0; i < 2_500; i++) await etcd.store.put({ key: 'a', value: String(i) })
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a'), startRevision: 2 })
    watcher.stream.write({ progressRequest: {} })
    let events = 0
    for (;;) {
      const frame = await watcher.next()
      if (frame.watchId === -1) {
        expect(frame).toMatchObject({ header: { revision: 2_501 }, created: false })
        break
      }
      events += frame.events?.length ?? 0
    }
    expect(events).toBe(2_500)
  })

  test('is told at intervals to watchers that asked for it and had no event', async () => {
    await using etcd = await startEtcd({ options: { watchProgressNotifyIntervalMs: 1_000 } })
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a'), progressNotify: true })
    await watcher.create({ key: bytes('b') })
    await put(etcd, 'a')
    expect(summary(await watcher.next())).toHaveLength(1)
    await put(etcd, 'c')
    // The event made the first tick superfluous; with the jitter, the second is due by now.
    etcd.environment.clock.advance(1_100)
    etcd.environment.clock.advance(1_100)
    expect(await watcher.next()).toMatchObject({ watchId: 0, header: { revision: 3 }, events: [] })
    watcher.stream.write({ cancelRequest: { watchId: 0 } })
    await watcher.next()
    expect(etcd.environment.clock.pending).toBe(0)
  })

  test('that the store reported before a watcher of older revisions was created is asked for again', async () => {
    const asked: string[] = []
    let answer: (responses: readonly StoreResponse[]) => void = () => {}
    const stream: Partial<WatchStream> = {
      size: 0,
      create: () => {
        asked.push('create')
        return { watchId: 0, revision: 9 }
      },
      requestProgress: () => asked.push('progress'),
      close: () => {},
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise((resolve) => {
            answer = (value) => {
              resolve({ done: false, value })
            }
          }),
      }),
    }
    const store = storeWith({ openWatchStream: () => stream as WatchStream })
    const requests = new PushedRequests()
    const frames = openWatch(store, requests)
    requests.push({ progressRequest: {} })
    requests.push({ createRequest: { key: bytes('a'), startRevision: 3 } })
    expect((await frames.next()).value).toMatchObject({ created: true })
    const next = frames.next()
    answer([{ type: 'progress', watchId: undefined, revision: 9 }])
    await untilCalled(() => asked.length === 3)
    expect(asked).toEqual(['progress', 'create', 'progress'])
    answer([{ type: 'progress', watchId: undefined, revision: 9 }])
    expect((await next).value).toMatchObject({ watchId: -1 })
  })
})

describe('a stream', () => {
  test('that is left takes its watchers with it', async () => {
    await using etcd = await startEtcd()
    const watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a') })
    expect(etcd.store.status().watchers).toBe(1)
    watcher[Symbol.dispose]()
    await untilCalled(() => etcd.store.status().watchers === 0)
  })

  test('goes on after its last request', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a') })
    watcher.stream.end()
    await put(etcd, 'a')
    expect(summary(await watcher.next())).toEqual(['put a @2'])
  })

  test('ends when the store closes', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a') })
    await etcd.store.close()
    await expect(watcher.next()).rejects.toMatchObject({ code: 14, details: 'etcdserver: server stopped' })
  })

  test('carries many watchers', async () => {
    await using etcd = await startEtcd()
    using watcher = new Watcher(etcd)
    const count = 5_000
    for (let i = 0; i < count; i++) watcher.stream.write({ createRequest: { key: bytes(`k${i}`) } })
    for (let i = 0; i < count; i++) expect((await watcher.next()).watchId).toBe(i)
    await put(etcd, `k${count - 1}`)
    expect((await watcher.next()).watchId).toBe(count - 1)
  })

  test('asks the store for no more while its client does not read, and then delivers all of it', async () => {
    let turns = 0
    const count = 300
    const store = storeWith({ openWatchStream: () => countedStream(count, () => turns++) })
    await using etcd = await startEtcd({ store })
    using watcher = new Watcher(etcd)
    await watcher.create({ key: bytes('a') })
    // Flow control lets some through; then the server stops asking, however often it is given a turn.
    const settled = await untilStill(() => turns)
    expect(settled).toBeLessThan(count / 2)
    for (let i = 0; i < count; i++) expect((await watcher.next()).header?.revision).toBe(i)
  })

  test('reads no further requests while answers to earlier ones wait', async () => {
    const requests = new PushedRequests()
    const frames = openWatch(storeWith({}), requests)
    for (let i = 0; i < 10_000; i++) requests.push({ createRequest: { key: bytes(`k${i}`) } })
    await frames.next()
    await untilStill(() => requests.taken)
    expect(requests.taken).toBeLessThan(1_000)
    await frames.return?.()
  })
})

/** Requests that a test hands over one by one. */
class PushedRequests implements AsyncIterable<etcdserverpb.WatchRequest> {
  taken = 0
  readonly #queue: etcdserverpb.WatchRequest[] = []
  #wake: (() => void) | undefined

  push(request: etcdserverpb.WatchRequest): void {
    this.#queue.push(request)
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<etcdserverpb.WatchRequest> {
    for (;;) {
      const request = this.#queue.shift()
      if (request === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
      else {
        this.taken++
        yield request
      }
    }
  }
}

function openWatch(store: Store, requests: AsyncIterable<etcdserverpb.WatchRequest>): AsyncIterator<unknown> {
  const environment = { clock: neverClock, random: { float: () => 0 }, logger: console }
  const services = etcdServices({ store, environment: environment as never })
  const context = { signal: new AbortController().signal, metadata: { get: () => undefined } }
  return services.watch.watch(requests, context)[Symbol.asyncIterator]()
}

const neverClock = { setTimer: () => ({ cancel: () => {} }) }

/** A stream whose watcher always has one more event of 64 KiB. */
function countedStream(count: number, onTurn: () => void): WatchStream {
  const record = Buffer.concat([
    Buffer.from([0x0a, 0x01, 0x61, 0x2a, 0x80, 0x80, 0x04]),
    Buffer.alloc(65_536),
  ])
  const event = { type: 'put', kv: { record } } as never
  let revision = 0
  let created: () => void
  const watched = new Promise<void>((resolve) => (created = resolve))
  const stream: Partial<WatchStream> = {
    size: 0,
    create: () => {
      created()
      return { watchId: 0, revision: 0 }
    },
    close: () => {},
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        await watched
        if (revision === count) return new Promise(() => {})
        onTurn()
        const value = [{ type: 'events' as const, watchId: 0, revision: revision++, events: [event] }]
        return { done: false, value }
      },
    }),
  }
  return stream as WatchStream
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function untilCalled(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** Waits until a number has not changed for many turns of the event loop. */
async function untilStill(read: () => number): Promise<number> {
  let still = 0
  let last = read()
  while (still < 500) {
    await turn()
    const now = read()
    still = now === last && now > 0 ? still + 1 : 0
    last = now
  }
  return last
}
