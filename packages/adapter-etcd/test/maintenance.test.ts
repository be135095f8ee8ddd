import { createHash } from 'node:crypto'
import { createMemoryStore, type Snapshot } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import {
  all,
  auth,
  bytes,
  Client,
  cluster,
  health,
  kv,
  maintenance,
  Reader,
  startEtcd,
  storeWith,
  watch,
} from './support/loopback.ts'

describe('the operator', () => {
  test('reads the status', async () => {
    await using etcd = await startEtcd()
    await etcd.client.call(kv.Put, { key: bytes('a') })
    const { memberId, term, appliedIndex } = etcd.store.status()
    expect(await etcd.client.call(maintenance.Status, {})).toMatchObject({
      header: { revision: 2, memberId },
      version: '3.6.14',
      storageVersion: '3.6.0',
      leader: memberId,
      raftTerm: term,
      raftAppliedIndex: appliedIndex,
      isLearner: false,
      errors: [],
      downgradeInfo: { enabled: false },
    })
  })

  test('raises, lists and disarms alarms', async () => {
    await using etcd = await startEtcd()
    const { memberId } = etcd.store.status()
    expect((await etcd.client.call(maintenance.Alarm, {})).alarms ?? []).toEqual([])
    const raised = await etcd.client.call(maintenance.Alarm, { action: 1, memberID: memberId, alarm: 1 })
    expect(raised.alarms).toMatchObject([{ memberID: memberId, alarm: 1 }])
    expect((await etcd.client.call(maintenance.Alarm, { alarm: 2 })).alarms ?? []).toEqual([])
    expect((await etcd.client.call(maintenance.Alarm, {})).alarms).toHaveLength(1)
    const { errors } = await etcd.client.call(maintenance.Status, {})
    expect(errors).toEqual([`memberID:${String(memberId)} alarm:NOSPACE `])
    const refusal = await etcd.client.refusal(kv.Put, { key: bytes('a') })
    expect(refusal).toEqual({ code: 8, details: 'etcdserver: mvcc: database space exceeded' })

    const disarmed = await etcd.client.call(maintenance.Alarm, { action: 2, memberID: memberId, alarm: 1 })
    expect(disarmed.alarms).toHaveLength(1)
    await expect(etcd.client.call(kv.Put, { key: bytes('a') })).resolves.toBeDefined()
  })

  test('changes nothing with an alarm of no kind', async () => {
    await using etcd = await startEtcd()
    expect((await etcd.client.call(maintenance.Alarm, { action: 1 })).alarms ?? []).toEqual([])
    expect((await etcd.client.call(maintenance.Alarm, { action: 2 })).alarms ?? []).toEqual([])
    expect((await etcd.client.call(maintenance.Alarm, { action: 9, alarm: 1 })).alarms ?? []).toEqual([])
    expect(etcd.store.alarms.list()).toEqual([])
  })

  test('compares members by hash', async () => {
    await using etcd = await startEtcd()
    await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('1') })
    await etcd.client.call(kv.Put, { key: bytes('a'), value: bytes('2') })
    const now = await etcd.client.call(maintenance.HashKV, {})
    expect(now).toMatchObject({ hashRevision: 3, compactRevision: -1, header: { revision: 3 } })
    const then = await etcd.client.call(maintenance.HashKV, { revision: 2 })
    expect(then.hashRevision).toBe(2)
    expect(then.hash).not.toBe(now.hash)
    expect((await etcd.client.call(maintenance.Hash, {})).hash).toBe(now.hash)
  })

  test('may ask for defragmentation', async () => {
    await using etcd = await startEtcd()
    expect((await etcd.client.call(maintenance.Defragment, {})).header).toBeFalsy()
  })

  test('cannot hand over to another member, there being none', async () => {
    await using etcd = await startEtcd()
    const { memberId } = etcd.store.status()
    await expect(etcd.client.call(maintenance.MoveLeader, { targetID: memberId })).resolves.toBeDefined()
    expect(await etcd.client.refusal(maintenance.MoveLeader, { targetID: 1 })).toEqual({
      code: 9,
      details: 'etcdserver: bad leader transferee',
    })
  })

  test('cannot hand over at a member that does not lead', async () => {
    const status = createMemoryStore().status()
    await using etcd = await startEtcd({ store: storeWith({ status: () => ({ ...status, leaderId: 1n }) }) })
    const refusal = await etcd.client.refusal(maintenance.MoveLeader, { targetID: status.memberId })
    expect(refusal).toEqual({ code: 9, details: 'etcdserver: not leader' })
  })

  test.each([
    [{ action: 0, version: '3.5' }, 3, 'etcdserver: invalid downgrade target version'],
    [{ action: 1, version: '3.5.0' }, 3, 'etcdserver: invalid downgrade target version'],
    [{ action: 0, version: 'three' }, 3, 'etcdserver: wrong downgrade target version format'],
    [{ action: 2 }, 9, 'etcdserver: no inflight downgrade job'],
  ])('cannot downgrade with %j', async (request, code, details) => {
    await using etcd = await startEtcd()
    expect(await etcd.client.refusal(maintenance.Downgrade, request)).toEqual({ code, details })
  })

  test('sees that there are no users', async () => {
    await using etcd = await startEtcd()
    expect(await etcd.client.call(auth.AuthStatus, {})).toMatchObject({ enabled: false, authRevision: 1 })
    await expect(etcd.client.call(auth.AuthDisable, {})).resolves.toBeDefined()
  })
})

describe('a snapshot', () => {
  function storeOf(chunks: readonly Buffer[]): ReturnType<typeof storeWith> {
    const snapshot = (): Snapshot => ({
      revision: 7,
      sizeBytes: chunks.reduce((sum, { length }) => sum + length, 0),
      // eslint-disable-next-line @typescript-eslint/require-await
      [Symbol.asyncIterator]: async function* () {
        yield* chunks
      },
    })
    return storeWith({ snapshot })
  }

  test('comes in blobs of whole sectors, and then their checksum', async () => {
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i & 0xff))
    const chunks = [content.subarray(0, 10), content.subarray(10, 70_000), content.subarray(70_000)]
    await using etcd = await startEtcd({ store: storeOf(chunks) })
    const frames = await all(etcd.client.serverStream(maintenance.Snapshot, {}))
    const blobs = frames.map(({ blob }) => blob ?? Buffer.alloc(0))
    const sent = Buffer.concat(blobs.slice(0, -1))
    expect(blobs.slice(0, -2).map(({ length }) => length)).toEqual([32_768, 32_768, 32_768])
    expect(sent.length % 512).toBe(0)
    expect(sent.subarray(0, content.length)).toEqual(content)
    expect(sent.subarray(content.length).every((byte) => byte === 0)).toBe(true)
    expect(blobs.at(-1)).toEqual(createHash('sha256').update(sent).digest())
    expect(frames.map(({ remainingBytes }) => remainingBytes)).toEqual([67_232, 34_464, 1_696, 0, 0])
    expect(frames.every(({ version, header }) => version === '3.6.0' && header?.revision === 7)).toBe(true)
  })

  test('of the store in memory is complete', async () => {
    await using etcd = await startEtcd()
    await etcd.client.call(kv.Put, { key: bytes('a'), value: Buffer.alloc(100_000, 1) })
    const frames = await all(etcd.client.serverStream(maintenance.Snapshot, {}))
    const parts: Uint8Array[] = []
    for await (const part of etcd.store.snapshot()) parts.push(part)
    const content = Buffer.concat(parts)
    const sent = Buffer.concat(frames.map(({ blob }) => blob ?? Buffer.alloc(0)))
    expect(sent.subarray(0, content.length)).toEqual(content)
  })
})

describe('members', () => {
  test('are one, without a revision', async () => {
    await using etcd = await startEtcd()
    const { memberId, clusterId } = etcd.store.status()
    const { header, members } = await etcd.client.call(cluster.MemberList, {})
    expect(header).toMatchObject({ clusterId, memberId, revision: 0 })
    expect(members).toMatchObject([
      { ID: memberId, name: 'test', peerURLs: ['http://peer'], clientURLs: ['http://client'] },
    ])
  })
})

describe('health', () => {
  test('is that of the store', async () => {
    await using etcd = await startEtcd()
    expect(await etcd.client.call(health.Check, {})).toMatchObject({ status: 1 })
    expect(await etcd.client.call(health.List, {})).toMatchObject({ statuses: { '': { status: 1 } } })
    expect(await etcd.client.refusal(health.Check, { service: 'other' })).toMatchObject({ code: 5 })
    const frames = new Reader(etcd.client.serverStream(health.Watch, {}))
    expect(await frames.next()).toMatchObject({ status: 1 })
    await etcd.store.close()
    expect(await etcd.client.call(health.Check, {})).toMatchObject({ status: 2 })
    etcd.environment.clock.advance(1_000)
    expect(await frames.next()).toMatchObject({ status: 2 })
    const unknown = new Reader(etcd.client.serverStream(health.Watch, { service: 'other' }))
    expect(await unknown.next()).toMatchObject({ status: 3 })
  })
})

test('several servers live side by side in one process', async () => {
  await using one = await startEtcd()
  await using two = await startEtcd()
  await one.client.call(kv.Put, { key: bytes('a') })
  await using other = new Client(two.port)
  expect(await other.call(kv.Range, { key: bytes('a') })).toMatchObject({ count: 0 })
  const stream = two.client.bidiStream(watch.Watch)
  stream.on('error', () => {})
  stream.cancel()
})
