import { leaseErrorCodes, LeaseError } from '@orrery/lease'
import { MvccError, mvccErrorCodes } from '@orrery/mvcc'
import { createMemoryStore, StoreError, storeErrorCodes, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { etcdserverpb } from '../src/index.ts'
import {
  auth,
  bytes,
  cluster,
  storeWith,
  kv,
  lease,
  startEtcd,
  type Etcd,
  type Refusal,
} from './support/loopback.ts'

const invalidArgument = 3
const key = bytes('k')

describe('requests that etcd refuses before it looks at its data', () => {
  const emptyKey = { code: invalidArgument, details: 'etcdserver: key is not provided' }
  const invalidSort = { code: invalidArgument, details: 'etcdserver: invalid sort option' }
  const tooMany = { code: invalidArgument, details: 'etcdserver: too many operations in txn request' }
  const noOp = { code: invalidArgument, details: 'etcdserver: key not found' }
  const duplicate = { code: invalidArgument, details: 'etcdserver: duplicate key given in txn request' }
  const put = (name: string): etcdserverpb.RequestOp => ({ requestPut: { key: bytes(name) } })
  const puts = (count: number): etcdserverpb.RequestOp[] =>
    Array.from({ length: count }, (_, i) => put(String(i)))

  const cases: [string, (etcd: Etcd) => Promise<Refusal>, Refusal][] = [
    ['a range without a key', ({ client }) => client.refusal(kv.Range, {}), emptyKey],
    ['an unknown order', ({ client }) => client.refusal(kv.Range, { key, sortOrder: 3 }), invalidSort],
    ['an unknown sort target', ({ client }) => client.refusal(kv.Range, { key, sortTarget: 5 }), invalidSort],
    [
      'a range without a key and with an unknown order',
      ({ client }) => client.refusal(kv.Range, { sortOrder: 3 }),
      emptyKey,
    ],
    ['a put without a key', ({ client }) => client.refusal(kv.Put, { ignoreValue: true }), emptyKey],
    [
      'a value that is to be ignored',
      ({ client }) => client.refusal(kv.Put, { key, value: bytes('v'), ignoreValue: true }),
      { code: invalidArgument, details: 'etcdserver: value is provided' },
    ],
    [
      'a lease that is to be ignored',
      ({ client }) => client.refusal(kv.Put, { key, lease: 1, ignoreLease: true }),
      { code: invalidArgument, details: 'etcdserver: lease is provided' },
    ],
    [
      'a value to keep that does not exist',
      ({ client }) => client.refusal(kv.Put, { key, ignoreValue: true }),
      noOp,
    ],
    [
      'a lease that does not exist',
      ({ client }) => client.refusal(kv.Put, { key, lease: 12_345 }),
      { code: 5, details: 'etcdserver: requested lease not found' },
    ],
    ['a deletion without a key', ({ client }) => client.refusal(kv.DeleteRange, {}), emptyKey],
    ['a comparison without a key', ({ client }) => client.refusal(kv.Txn, { compare: [{}] }), emptyKey],
    [
      'a put without a key in a txn',
      ({ client }) => client.refusal(kv.Txn, { failure: [{ requestPut: {} }] }),
      emptyKey,
    ],
    ['an operation of no kind', ({ client }) => client.refusal(kv.Txn, { success: [{}] }), noOp],
    [
      'an empty key before an operation of no kind',
      ({ client }) => client.refusal(kv.Txn, { success: [{ requestRange: {} }, {}] }),
      emptyKey,
    ],
    ['too many operations', ({ client }) => client.refusal(kv.Txn, { success: puts(129) }), tooMany],
    [
      'too many comparisons',
      ({ client }) => client.refusal(kv.Txn, { compare: Array.from({ length: 129 }, () => ({ key })) }),
      tooMany,
    ],
    [
      'more operations in a nested txn than are left',
      ({ client }) =>
        client.refusal(kv.Txn, { success: [...puts(99), { requestTxn: { success: puts(29) } }] }),
      tooMany,
    ],
    [
      'two puts of one key',
      ({ client }) => client.refusal(kv.Txn, { success: [put('a'), put('a')] }),
      duplicate,
    ],
    [
      'a put in a deleted range',
      ({ client }) =>
        client.refusal(kv.Txn, {
          failure: [{ requestDeleteRange: { key: bytes('a'), rangeEnd: bytes('c') } }, put('b')],
        }),
      duplicate,
    ],
    [
      'a put in a nested txn of a key that is put around it',
      ({ client }) =>
        client.refusal(kv.Txn, { success: [put('a'), { requestTxn: { failure: [put('a')] } }] }),
      duplicate,
    ],
    [
      'a revision of the future',
      ({ client }) => client.refusal(kv.Range, { key, revision: 2n ** 62n }),
      { code: 11, details: 'etcdserver: mvcc: required revision is a future revision' },
    ],
    [
      'a compaction of the future',
      ({ client }) => client.refusal(kv.Compact, { revision: 99 }),
      { code: 11, details: 'etcdserver: mvcc: required revision is a future revision' },
    ],
    [
      'a lease that lives too long',
      ({ client }) => client.refusal(lease.LeaseGrant, { TTL: 9_000_000_001 }),
      { code: 11, details: 'etcdserver: too large lease TTL' },
    ],
    [
      'to revoke a lease that does not exist',
      ({ client }) => client.refusal(lease.LeaseRevoke, { ID: 7 }),
      { code: 5, details: 'etcdserver: requested lease not found' },
    ],
    [
      'a password while there are no users',
      ({ client }) => client.refusal(auth.Authenticate, { name: 'a', password: 'b' }),
      { code: 9, details: 'etcdserver: authentication is not enabled' },
    ],
  ]

  test('each is refused in the words of etcd', async () => {
    await using etcd = await startEtcd()
    for (const [name, attempt, refusal] of cases) expect(await attempt(etcd), name).toEqual(refusal)
    expect(etcd.store.status().revision).toBe(1)
  })

  test('the same key may be changed by either branch', async () => {
    await using etcd = await startEtcd()
    const txn = await etcd.client.call(kv.Txn, { success: [put('a')], failure: [put('a')] })
    expect(txn.header?.revision).toBe(2)
  })

  test('the limit of operations may be lower than that of the store', async () => {
    await using etcd = await startEtcd({ options: { txnMaxOps: 4 } })
    const nested = (count: number): etcdserverpb.RequestOp => ({
      requestTxn: { success: puts(count).map((_, i) => put(`nested ${i}`)) },
    })
    expect(await etcd.client.refusal(kv.Txn, { success: puts(5) })).toEqual(tooMany)
    expect(await etcd.client.refusal(kv.Txn, { success: [put('a'), put('b'), nested(2)] })).toEqual(tooMany)
    const txn = await etcd.client.call(kv.Txn, { success: [put('a'), put('b'), nested(1)] })
    expect(txn.succeeded).toBe(true)
  })

  test('what is left of the limit is enough for a nested txn', async () => {
    await using etcd = await startEtcd()
    const nested = { requestTxn: { success: puts(20).map((_, i) => put(`nested ${i}`)) } }
    const txn = await etcd.client.call(kv.Txn, { success: [...puts(99), nested] })
    expect(txn.succeeded).toBe(true)
  })
})

describe('failures of the store', () => {
  const wire: Record<string, Refusal> = {
    STORE_CLOSED: { code: 14, details: 'etcdserver: server stopped' },
    STORE_FAILED: { code: 14, details: 'etcdserver: server stopped' },
    STORE_NO_SPACE: { code: 8, details: 'etcdserver: mvcc: database space exceeded' },
    STORE_CORRUPT: { code: 15, details: 'etcdserver: corrupt cluster' },
    STORE_REQUEST_TOO_LARGE: { code: 3, details: 'etcdserver: request is too large' },
    // The real server has lost the code of this one.
    STORE_TOO_MANY_REQUESTS: { code: 2, details: 'etcdserver: too many requests' },
    STORE_DAMAGED: { code: 15, details: 'etcdserver: corrupt cluster' },
    STORE_TIMED_OUT: { code: 14, details: 'etcdserver: request timed out' },
    STORE_OUTCOME_UNKNOWN: { code: 14, details: 'etcdserver: request timed out' },
    STORE_LEADER_CHANGED: { code: 14, details: 'etcdserver: leader changed' },
    STORE_NO_LEADER: { code: 14, details: 'etcdserver: no leader' },
    STORE_NOT_LEADER: { code: 9, details: 'etcdserver: not leader' },
    STORE_REMOVED: { code: 14, details: 'etcdserver: server stopped' },
    STORE_JOIN_REFUSED: { code: 14, details: 'etcdserver: server stopped' },
    STORE_NOT_REPLICATED: { code: 12, details: 'not supported by this server' },
    STORE_MEMBER_EXISTS: { code: 9, details: 'etcdserver: member ID already exist' },
    STORE_MEMBER_NOT_FOUND: { code: 5, details: 'etcdserver: member not found' },
    STORE_PEER_ADDRESS_IN_USE: { code: 9, details: 'etcdserver: Peer URLs already exists' },
    STORE_PEER_ADDRESS_INVALID: { code: 3, details: 'etcdserver: given member URLs are invalid' },
    STORE_TOO_MANY_LEARNERS: { code: 9, details: 'etcdserver: too many learner members in cluster' },
    STORE_MEMBER_NOT_LEARNER: { code: 9, details: 'etcdserver: can only promote a learner member' },
    STORE_LEARNER_NOT_READY: {
      code: 9,
      details: 'etcdserver: can only promote a learner member which is in sync with leader',
    },
    // The real server has lost the code of this one, too.
    STORE_NOT_ENOUGH_STARTED_MEMBERS: {
      code: 2,
      details: 'etcdserver: re-configuration failed due to not enough started members',
    },
    STORE_UNHEALTHY_CLUSTER: { code: 14, details: 'etcdserver: unhealthy cluster' },
    STORE_BAD_TRANSFEREE: { code: 9, details: 'etcdserver: bad leader transferee' },
    STORE_TRANSFER_TIMED_OUT: {
      code: 2,
      details: 'etcdserver: request timed out, leader transfer took too long',
    },
    MVCC_KEY_REQUIRED: { code: 3, details: 'etcdserver: key is not provided' },
    MVCC_KEY_NOT_FOUND: { code: 3, details: 'etcdserver: key not found' },
    MVCC_VALUE_PROVIDED: { code: 3, details: 'etcdserver: value is provided' },
    MVCC_LEASE_PROVIDED: { code: 3, details: 'etcdserver: lease is provided' },
    MVCC_LEASE_NOT_FOUND: { code: 5, details: 'etcdserver: requested lease not found' },
    MVCC_TOO_MANY_OPS: { code: 3, details: 'etcdserver: too many operations in txn request' },
    MVCC_DUPLICATE_KEY: { code: 3, details: 'etcdserver: duplicate key given in txn request' },
    MVCC_COMPACTED: { code: 11, details: 'etcdserver: mvcc: required revision has been compacted' },
    MVCC_FUTURE_REVISION: { code: 11, details: 'etcdserver: mvcc: required revision is a future revision' },
    LEASE_EXISTS: { code: 9, details: 'etcdserver: lease already exists' },
    LEASE_EXPIRED: { code: 5, details: 'etcdserver: requested lease not found' },
    LEASE_ID_INVALID: { code: 5, details: 'etcdserver: requested lease not found' },
    LEASE_NOT_FOUND: { code: 5, details: 'etcdserver: requested lease not found' },
    LEASE_NOT_PRIMARY: { code: 2, details: 'not a primary lessor' },
    LEASE_OPTIONS_INVALID: { code: 13, details: 'internal error' },
    LEASE_TTL_INVALID: { code: 11, details: 'etcdserver: too large lease TTL' },
    LEASE_TTL_TOO_LARGE: { code: 11, details: 'etcdserver: too large lease TTL' },
  }

  function storeThatFails(error: Error): Store {
    return storeWith({ range: () => Promise.reject(error) })
  }

  test('each has its status and its words', async () => {
    const errors = [
      ...storeErrorCodes.map((code) => new StoreError(code, 'why')),
      ...mvccErrorCodes.map((code) => new MvccError(code, 'why')),
      ...leaseErrorCodes.map((code) => new LeaseError(code, 'why')),
    ]
    for (const error of errors) {
      await using etcd = await startEtcd({ store: storeThatFails(error) })
      const expected = wire[error.code] ?? { code: 2, details: `${error.code}: why` }
      expect(await etcd.client.refusal(kv.Range, { key }), error.code).toEqual(expected)
    }
  })

  test('a failure that nobody expected goes out as it is, and into the log', async () => {
    await using etcd = await startEtcd({ store: storeThatFails(new Error('boom')) })
    expect(await etcd.client.refusal(kv.Range, { key })).toEqual({ code: 2, details: 'boom' })
    expect(etcd.environment.logger.lines).toMatchObject([{ level: 'error' }])
  })
})

describe('a client that requires a leader', () => {
  const headers = { hasleader: 'true' }

  test('is served while there is one', async () => {
    await using etcd = await startEtcd()
    await expect(etcd.client.call(kv.Range, { key }, { headers })).resolves.toMatchObject({ count: 0 })
  })

  test('is told when there is none', async () => {
    const status = createMemoryStore().status()
    const leaderless = storeWith({ status: () => ({ ...status, leaderId: 0n }) })
    await using etcd = await startEtcd({ store: leaderless })
    const refusal = await etcd.client.refusal(kv.Range, { key }, { headers })
    expect(refusal).toEqual({ code: 14, details: 'etcdserver: no leader' })
    const keepAlive = etcd.client.bidiStream(lease.LeaseKeepAlive, { headers })
    await expect(keepAlive.toArray()).rejects.toMatchObject({ code: 14, details: 'etcdserver: no leader' })
  })
})

test('a range that a client gives up reaches the store as an abort', async () => {
  let aborted: (reason: unknown) => void
  const reason = new Promise<unknown>((resolve) => (aborted = resolve))
  const controller = new AbortController()
  const store = storeWith({
    range: (_request, options) => {
      const signal = options?.signal
      controller.abort()
      return new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => {
          aborted(signal.reason)
          reject(signal.reason as Error)
        })
      })
    },
  })
  await using etcd = await startEtcd({ store })
  const range = { key, rangeEnd: Buffer.from([0]) }
  const refusal = await etcd.client.refusal(kv.Range, range, { signal: controller.signal })
  expect(refusal.code).toBe(1)
  expect(await reason).toMatchObject({ code: 'ETCD_CANCELED' })
})

test('members of a store that keeps to one process cannot change, and users are not supported', async () => {
  await using store = createMemoryStore()
  await using etcd = await startEtcd({ store })
  const ID = store.status().memberId
  const peerURLs = ['http://b:2380']
  expect(await etcd.client.refusal(cluster.MemberAdd, { peerURLs })).toMatchObject({ code: 12 })
  for (const method of [cluster.MemberRemove, cluster.MemberUpdate, cluster.MemberPromote]) {
    const request = (id: bigint): { ID: bigint } => Object.assign({ ID: id }, { peerURLs })
    expect(await etcd.client.refusal(method, request(ID))).toMatchObject({ code: 12 })
    expect(await etcd.client.refusal(method, request(7n))).toMatchObject({
      code: 5,
      details: 'etcdserver: member not found',
    })
  }
  expect(await etcd.client.refusal(auth.UserAdd, { name: 'a' })).toMatchObject({ code: 12 })
})

test('a member needs addresses that are URLs of host and port', async () => {
  await using etcd = await startEtcd()
  const invalid = { code: 3, details: 'etcdserver: given member URLs are invalid' }
  for (const url of ['', 'b:2380', 'ftp://b:2380', 'http://b', 'http://b:2380/path', 'http://u@b:2380']) {
    expect(await etcd.client.refusal(cluster.MemberAdd, { peerURLs: [url] }), url).toEqual(invalid)
  }
  expect(await etcd.client.refusal(cluster.MemberAdd, {})).toEqual(invalid)
})
