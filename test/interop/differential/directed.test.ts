import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type EtcdLikeServer, startEtcd } from '../servers/etcd.ts'
import { grpcServerKinds, startOrrery } from '../servers/orrery.ts'
import { type Answer, call, connect, type Endpoint } from './endpoint.ts'
import { openWatchSession } from './watch-session.ts'
import { bytes, type Fields, printable } from './wire.ts'

let etcdServer: EtcdLikeServer
let orreryServer: EtcdLikeServer
let etcd: Endpoint
let orrery: Endpoint

describe.each(grpcServerKinds)('with gRPC served by %s', (grpcServer) => {
  beforeAll(async () => {
    ;[etcdServer, orreryServer] = await Promise.all([startEtcd(), startOrrery({ grpcServer })])
    etcd = connect('etcd', etcdServer.endpoint)
    orrery = connect('orrery', orreryServer.endpoint)
  })

  afterAll(async () => {
    for (const endpoint of [etcd, orrery]) endpoint.close()
    await Promise.all([etcdServer[Symbol.asyncDispose](), orreryServer[Symbol.asyncDispose]()])
  })

  async function revisionOf(endpoint: Endpoint): Promise<number> {
    const answer = await call(endpoint, 'Range', { key: bytes('any') })
    if (!('response' in answer)) throw new Error(answer.message)
    return Number((answer.response['header'] as { readonly revision: string }).revision)
  }

  /** Runs one story on both servers and compares what it returns. */
  async function expectSame(story: (endpoint: Endpoint) => Promise<unknown>): Promise<void> {
    const [expected, actual] = await Promise.all([story(etcd), story(orrery)])
    expect(actual).toEqual(expected)
  }

  const outcome = (answer: Answer): unknown =>
    'response' in answer ? 'ok' : { code: answer.code, message: answer.message }

  async function watchersOn(server: EtcdLikeServer): Promise<number> {
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    const [, count] = /^etcd_debugging_mvcc_watcher_total (\d+)$/m.exec(metrics) ?? []
    return Number(count)
  }

  test('a session that is closed leaves no watchers on its server', async () => {
    for (const [server, endpoint] of [
      [etcdServer, etcd],
      [orreryServer, orrery],
    ] as const) {
      const session = openWatchSession(endpoint)
      for (const key of ['a', 'b']) session.send({ create_request: { key: bytes(key) } })
      await session.until(() => session.controls.length === 2)
      expect(await watchersOn(server)).toBe(2)
      session.close()
      await vi.waitFor(async () => expect(await watchersOn(server)).toBe(0), { timeout: 10_000 })
      expect(session.violations).toEqual([])
    }
  })

  describe('cases that random requests leave out, since chance or time would decide', () => {
    test('the largest request that is accepted has the same size, but for the envelope of the log', () =>
      expectSame(async (endpoint) => {
        const outcomes: unknown[] = []
        // The envelope's own size differs: some bytes of identifiers.
        for (const size of [1_572_864 - 128, 1_572_864 + 1]) {
          outcomes.push(
            outcome(await call(endpoint, 'Put', { key: bytes('large'), value: Buffer.alloc(size) })),
          )
        }
        return outcomes
      }))

    test('events beyond the size of a response come in fragments, if the watcher allows it', () =>
      expectSame(async (endpoint) => {
        const session = openWatchSession(endpoint)
        session.send({ create_request: { key: bytes('frag/'), range_end: bytes('frag0'), fragment: true } })
        await session.until(() => session.controls.length === 1)
        const value = Buffer.alloc(400_000, 1)
        // Too much for one request: several, and one delete of all that brings them back as previous values.
        for (let n = 0; n < 5; n++) await call(endpoint, 'Put', { key: bytes(`frag/${n}`), value })
        const all = { key: bytes('frag/'), range_end: bytes('frag0') }
        await session.until(() => session.events.get('0')?.length === 5)
        session.send({ create_request: { ...all, fragment: true, prev_kv: true } })
        await session.until(() => session.controls.length === 2)
        await call(endpoint, 'DeleteRange', all)
        await session.until(() => session.events.get('1')?.length === 5)
        session.close()
        return session.events.get('1')?.map(({ isDeletion }) => isDeletion)
      }))

    test('a lease lives at least two seconds, and its end is a deletion that watchers see', () =>
      expectSame(async (endpoint) => {
        const granted = await call(endpoint, 'LeaseGrant', { ID: 31, TTL: 1 })
        const session = openWatchSession(endpoint)
        session.send({ create_request: { key: bytes('mortal') } })
        await session.until(() => session.controls.length === 1)
        await call(endpoint, 'Put', { key: bytes('mortal'), lease: 31 })
        await session.until(() => session.events.get('0')?.length === 2)
        session.close()
        const after = await call(endpoint, 'LeaseTimeToLive', { ID: 31, keys: true })
        const { TTL } = 'response' in granted ? granted.response : { TTL: undefined }
        const { TTL: left } = 'response' in after ? after.response : { TTL: undefined }
        return [TTL, left, session.events.get('0')?.map(({ isDeletion }) => isDeletion)]
      }))

    test('leases are listed in the order of their end', () =>
      expectSame(async (endpoint) => {
        for (const [ID, TTL] of [
          [42, 5_000],
          [41, 9_000],
          [43, 1_000],
        ] as const) {
          await call(endpoint, 'LeaseGrant', { ID, TTL })
        }
        const answer = await call(endpoint, 'LeaseLeases', {})
        const { leases } = 'response' in answer ? answer.response : { leases: [] }
        return (leases as { readonly ID: string }[]).map(({ ID }) => ID)
      }))
  })

  describe('comparisons of every kind, known or not, of keys that are there and keys that are not', () => {
    const results = [0, 1, 2, 3, 4, 7, -1, 2 ** 31 - 1, -(2 ** 31)]
    const targets = [0, 1, 2, 3, 4, 5, 9, -1]
    const ranges: readonly Fields[] = [
      { key: bytes('cmp/a') },
      { key: bytes('cmp/empty') },
      { key: bytes('cmp/missing') },
      { key: bytes('cmp/a'), range_end: bytes('cmp/z') },
      { key: bytes('cmp/m'), range_end: bytes('cmp/n') },
      { key: bytes('cmp/z'), range_end: bytes('cmp/a') },
      { key: bytes('\xff\xff\xff\xff'), range_end: bytes('\0') },
    ]
    /** The target's own, another one, or none. */
    const operands: readonly Fields[] = [
      {},
      { version: 1 },
      { create_revision: 2n ** 63n - 1n },
      { mod_revision: -(2n ** 63n) },
      { value: bytes('1') },
      { value: bytes('') },
      { lease: -1 },
    ]
    /** Every comparison, as one txn each. */
    const compares = results.flatMap((result) =>
      targets.flatMap((target) =>
        ranges.flatMap((range) => operands.map((operand) => ({ result, target, ...range, ...operand }))),
      ),
    )

    test('hold or fail as in etcd', () =>
      expectSame(async (endpoint) => {
        await call(endpoint, 'Put', { key: bytes('cmp/a'), value: bytes('1') })
        await call(endpoint, 'Put', { key: bytes('cmp/empty') })
        const holding: Fields[] = []
        for (const compare of compares) {
          const answer = await call(endpoint, 'Txn', { compare: [compare] })
          if ('response' in answer && answer.response['succeeded'] === true) holding.push(compare)
        }
        expect(holding.length).toBeGreaterThan(0)
        return holding.map(printable)
      }))
  })

  describe('where etcd 3.6 differs from the 3.4 that these tests run, Orrery does as 3.6', () => {
    test('refuses sort options that do not exist', async () => {
      for (const option of [{ sort_order: 3 }, { sort_target: 5 }, { sort_order: -1 }]) {
        expect(await call(orrery, 'Range', { key: bytes('a'), ...option })).toMatchObject({
          code: 3,
          message: 'etcdserver: invalid sort option',
        })
      }
    })

    test('refuses to watch from a negative revision, and the stream goes on', async () => {
      const session = openWatchSession(orrery)
      session.send({ create_request: { key: bytes('a'), start_revision: -1 } })
      session.send({ create_request: { key: bytes('a') } })
      await session.until(() => session.controls.length === 2)
      session.close()
      expect(session.controls[0]).toMatchObject({
        watch_id: '-1',
        created: true,
        canceled: true,
        cancel_reason: 'etcdserver: mvcc: required revision has been compacted',
      })
      expect(session.controls[1]).toMatchObject({ created: true })
    })

    test('keeps a deletion at the compacted revision for those who watch from there', async () => {
      await call(orrery, 'Put', { key: bytes('gone'), value: bytes('1') })
      await call(orrery, 'DeleteRange', { key: bytes('gone') })
      const revision = await revisionOf(orrery)
      await call(orrery, 'Compact', { revision, physical: true })
      const session = openWatchSession(orrery)
      session.send({ create_request: { key: bytes('gone'), start_revision: revision } })
      await session.until(() => session.events.get('0')?.length === 1)
      session.close()
      expect(session.events.get('0')).toMatchObject([{ revision, isDeletion: true }])
    })

    test('hashes at the compacted revision', async () => {
      await call(orrery, 'Put', { key: bytes('hashed'), value: bytes('1') })
      const revision = await revisionOf(orrery)
      await call(orrery, 'Compact', { revision, physical: true })
      const [now, then] = await Promise.all([
        call(orrery, 'HashKV', {}),
        call(orrery, 'HashKV', { revision }),
      ])
      expect(then).toEqual(now)
      expect(then).toMatchObject({ response: { hash_revision: String(revision) } })
    })

    test('survives a txn that deletes a key by an open range and then relies on it', async () => {
      await call(orrery, 'Put', { key: bytes('relied'), value: bytes('1') })
      const revision = await revisionOf(orrery)
      const answer = await call(orrery, 'Txn', {
        success: [
          { request_delete_range: { key: bytes('relied'), range_end: bytes('\0') } },
          { request_put: { key: bytes('relied'), ignore_value: true } },
        ],
      })
      // Both versions of etcd die of it. Here the value that is to be kept is that of no key: empty.
      expect(answer.code).toBe(0)
      expect(await call(orrery, 'Range', { key: bytes('relied') })).toMatchObject({
        response: { kvs: [{ create_revision: String(revision + 1), mod_revision: String(revision + 1) }] },
      })
    })
  })
})
