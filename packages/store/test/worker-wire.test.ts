import { createRecordingLogger } from '@orrery/environment/testing'
import { LeaseError } from '@orrery/lease'
import { MvccError } from '@orrery/mvcc'
import { NodeError } from '@orrery/raft-node'
import { createMemoryStore, type Store, StoreError, type StoreStatus } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocateSharedStatus, sharedStatusReader, sharedStatusWriter } from '../src/worker/shared-status.ts'
import { callsMax, logLinesMax } from '../src/worker/wire.ts'
import { fromWireError, toWireError } from '../src/worker/wire-errors.ts'
import { closedLater, errorOf, nextTurns } from './support.ts'
import { overWire } from './support-wire.ts'

/** A store, and what its host sees of it. */
async function openBoth(): Promise<{ inner: Store; store: Store }> {
  const inner = createMemoryStore()
  const { store } = await overWire(inner)
  return { inner, store: closedLater(store) }
}

/** Lets turns pass until something is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurns(1)
}

describe('a store that its host sees from another thread', () => {
  test('delivers to a watch from now what is written before it hears of the watch', async () => {
    const { inner, store } = await openBoth()
    await inner.put({ key: 'k', value: 'before' })
    await store.get('k')
    const watch = store.watch({ key: 'k' })
    const stream = store.openWatchStream()
    const { revision } = stream.create({ key: 'k' })
    // Nothing has been sent yet.
    await inner.put({ key: 'k', value: 'at once' })
    expect([watch.createdRevision, revision]).toEqual([2, 2])
    for await (const { events } of watch) {
      expect(events.map(({ kv }) => Buffer.from(kv.value).toString())).toEqual(['at once'])
      break
    }
    for await (const [response] of stream) {
      expect(response).toMatchObject({ type: 'events', watchId: 0, revision: 3 })
      break
    }
  })

  test('drops what is on its way to a cancelled watcher, also when its id is given again', async () => {
    const { inner, store } = await openBoth()
    const stream = store.openWatchStream()
    stream.create({ key: 'a', watchId: 5 })
    await store.get('a')
    await inner.put({ key: 'a', value: '1' })
    const reading = stream[Symbol.asyncIterator]().next()
    await nextTurns(1)
    stream.cancel(5)
    stream.create({ key: 'b', watchId: 5 })
    await store.put({ key: 'b', value: '2' })
    const { value } = (await reading) as IteratorYieldResult<
      readonly { events: readonly { kv: { keyString: string } }[] }[]
    >
    expect(value.flatMap(({ events }) => events.map(({ kv }) => kv.keyString))).toEqual(['b'])
  })

  test('shows in its status what changes without the host', async () => {
    const { inner, store } = await openBoth()
    await inner.put({ key: 'k', value: '1' })
    await inner.alarms.activate({ memberId: 7n, type: 'corrupt' })
    await until(() => store.status().revision === 2 && store.alarms.list().length === 1)
    expect(store.status().alarms).toEqual([{ memberId: 7n, type: 'corrupt' }])
    await inner.alarms.deactivate({ memberId: 0n, type: 'corrupt' })
    await until(() => store.alarms.list().length === 0)
  })

  test('counts its own watchers at once, and those of others', async () => {
    const { inner, store } = await openBoth()
    const other = inner.watch({ key: 'k' })
    await store.get('k')
    const own = store.watch({ key: 'k' })
    expect(store.status().watchers).toBe(2)
    await store.get('k')
    expect(store.status().watchers).toBe(2)
    own.close()
    expect(store.status().watchers).toBe(1)
    await store.get('k')
    expect(store.status().watchers).toBe(1)
    other.close()
  })

  test('is told when a caller waits no more', async () => {
    const signals: (AbortSignal | undefined)[] = []
    const inner = createMemoryStore()
    const spied: Store = Object.create(inner, {
      range: {
        value: (_request: unknown, { signal }: { signal?: AbortSignal } = {}) => {
          signals.push(signal)
          return new Promise(() => {})
        },
      },
      status: { value: () => inner.status() },
    }) as Store
    const { store } = await overWire(spied)
    const controller = new AbortController()
    const reading = errorOf(store.range({ key: 'k' }, { signal: controller.signal }))
    void store.range({ key: 'k' }).catch(() => {})
    await until(() => signals.length === 2)
    const reason = new Error('enough')
    controller.abort(reason)
    expect(await reading).toBe(reason)
    await until(() => signals[0]?.aborted === true)
    expect(signals[1]).toBeUndefined()
    store.fail(new Error('the end of the test'))
    await store.close()
    await inner.close()
  })

  test('refuses what cannot be copied, and only that', async () => {
    const { store } = await openBoth()
    const broken = store.leases.grant({ ttlMs: (() => 1) as unknown as number })
    const good = store.leases.grant({ ttlMs: 60_000 })
    expect(await errorOf(broken)).toMatchObject({ name: 'DataCloneError' })
    expect((await good).ttlMs).toBe(60_000)
  })

  test('bounds the calls that wait', async () => {
    const { store } = await openBoth()
    const calls = Array.from({ length: callsMax + 1 }, () => errorOf(store.leases.list()))
    const errors = (await Promise.all(calls)).filter((error) => error !== undefined)
    expect(errors).toMatchObject([{ code: 'STORE_TOO_MANY_REQUESTS' }])
    expect(await store.leases.list()).toEqual([])
  })

  test('fails every call when its thread has ended', async () => {
    const inner = createMemoryStore()
    const logger = createRecordingLogger()
    const { store, served } = await overWire(inner, logger)
    const { revision } = await store.put({ key: 'k', value: '1' })
    // In one message with the answers of this turn.
    const watched = inner.watch({ key: 'k', startRevision: revision + 1 })[Symbol.asyncIterator]()
    void watched.next().then(() => process.nextTick(() => served.log.logger.error('the end is near')))
    const stream = store.openWatchStream()
    const watch = store.watch({ key: 'k' })
    const waiting = [store.put({ key: 'k' }), store.get('k'), watch[Symbol.asyncIterator]().next()]
    const cause = new Error('out of memory')
    store.fail(cause)
    for (const call of waiting) {
      expect(await errorOf(call)).toMatchObject({ code: 'STORE_FAILED', cause })
    }
    expect(await errorOf(store.get('k'))).toMatchObject({ code: 'STORE_FAILED' })
    expect(await errorOf(stream[Symbol.asyncIterator]().next())).toMatchObject({ code: 'STORE_FAILED' })
    expect(() => stream.create({ key: 'k' })).toThrow(StoreError)
    expect(() => store.watch({ key: 'k' })).toThrow(StoreError)
    expect(store.status()).toMatchObject({ state: 'failed', revision: 2, watchers: 0 })
    // What was on its way is read all the same.
    await until(() => logger.lines.length > 0)
    await store.close()
    expect(store.status().state).toBe('closed')
    await inner.close()
  })

  test('has its log lines written by the host, as many as the host takes', async () => {
    const logger = createRecordingLogger()
    const inner = createMemoryStore()
    const { store, served } = await overWire(inner, logger)
    const { log } = served
    log.logger.warn('slow', { error: new StoreError('STORE_FAILED', 'why'), port: 80, act: () => {} })
    for (let n = 0; n < logLinesMax + 10; n++) log.logger.debug('again', { n })
    await until(() => logger.lines.length > logLinesMax)
    const [first] = logger.lines
    expect(first).toMatchObject({
      level: 'warn',
      message: 'slow',
      fields: { port: 80, act: expect.any(String) as string },
    })
    expect(first?.fields['error']).toBeInstanceOf(StoreError)
    expect(logger.lines.at(-1)).toMatchObject({ level: 'warn', fields: { dropped: 11 } })
    log.logger.info('after')
    await until(() => logger.lines.at(-1)?.message === 'after')
    await store.close()
  })
})

describe('an error between threads', () => {
  test.each([
    new StoreError('STORE_NO_LEADER', 'nobody leads', { cause: new NodeError('NODE_TIMED_OUT', 'too late') }),
    new MvccError('MVCC_COMPACTED', 'gone'),
    new LeaseError('LEASE_NOT_FOUND', 'none'),
    new RangeError('limit is an integer'),
    new TypeError('one reader'),
  ])('keeps class, code, message and cause: $message', (error) => {
    const again = fromWireError(structuredClone(toWireError(error)))
    expect(again).toBeInstanceOf(error.constructor)
    expect(again).toEqual(error)
    expect(again.message).toBe(error.message)
    expect(again.stack).toBe(error.stack)
    if (error.cause !== undefined) expect(again.cause).toBeInstanceOf(NodeError)
  })

  test('of another class keeps its name and its code', () => {
    const error = Object.assign(new Error('EACCES: no'), { code: 'EACCES', errno: -13, name: 'SystemError' })
    const again = fromWireError(structuredClone(toWireError(error)))
    expect(again).toMatchObject({ message: 'EACCES: no', code: 'EACCES', errno: -13, name: 'SystemError' })
  })

  test('is made of whatever was thrown, however deep its causes are', () => {
    expect(fromWireError(toWireError('text'))).toMatchObject({ message: 'text' })
    const loop = new Error('loop')
    loop.cause = loop
    expect(fromWireError(structuredClone(toWireError(loop))).message).toBe('loop')
  })
})

test('a status in shared memory is read as it was written', () => {
  const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const count = fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER })
  const status = fc.record({
    state: fc.constantFrom<StoreStatus['state']>('open', 'failed', 'closing', 'closed'),
    clusterId: id,
    memberId: id,
    leaderId: id,
    isLearner: fc.boolean(),
    term: count,
    commitIndex: count,
    appliedIndex: count,
    revision: count,
    compactRevision: count,
    keys: count,
    watchers: count,
    hostWatchers: count,
    sizeBytes: count,
    sizeInUseBytes: count,
    quotaBytes: count,
  })
  const memory = allocateSharedStatus()
  const write = sharedStatusWriter(memory)
  const read = sharedStatusReader(memory)
  fc.assert(
    fc.property(status, (written) => {
      write(written)
      expect(read()).toEqual(written)
    }),
  )
})
