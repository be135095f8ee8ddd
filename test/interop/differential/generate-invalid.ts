import type { Random } from '@orrery/environment'
import { pick } from './choose.ts'
import { generateRange } from './generate-range.ts'
import { unknownLease } from './generate-write.ts'
import { randomKey, randomValue } from './keys.ts'
import type { Call, Knowledge } from './step.ts'
import { bytes, type Fields, relative } from './wire.ts'

/** The most operations of one list of a txn. */
const txnMaxOps = 128
const ttlMaxSeconds = 9_000_000_000

const put = (key: Uint8Array): Fields => ({ request_put: { key, value: bytes('x') } })
const remove = (key: Uint8Array): Fields => ({ request_delete_range: { key } })
const everything = { key: bytes('\0'), range_end: bytes('\0') }

type Refused = (random: Random, knowledge: Knowledge) => Omit<Call, 'labels'> | undefined

/** Requests that no server may accept: they change nothing, so they run beside reads. */
const refused: Readonly<Record<string, Refused>> = {
  'range without key': () => ({ method: 'Range', fields: { range_end: bytes('b') } }),
  'put without key': () => ({ method: 'Put', fields: { value: bytes('v') } }),
  'delete without key': () => ({ method: 'DeleteRange', fields: { range_end: bytes('\0') } }),
  'put of a value that is ignored': (random) => ({
    method: 'Put',
    fields: { key: randomKey(random), value: bytes('v'), ignore_value: true },
  }),
  'put with a lease that is ignored': (random) => ({
    method: 'Put',
    fields: { key: randomKey(random), value: bytes('v'), lease: 1, ignore_lease: true },
  }),
  'put with an unknown lease': (random) => ({
    method: 'Put',
    fields: { key: randomKey(random), value: randomValue(random), lease: unknownLease, prev_kv: true },
  }),
  'put of a missing key, value ignored': () => ({
    method: 'Put',
    fields: { key: bytes('never'), ignore_value: true },
  }),
  'put of a missing key, lease ignored': () => ({
    method: 'Put',
    fields: { key: bytes('never'), value: bytes('v'), ignore_lease: true },
  }),
  'txn with an empty operation': () => ({ method: 'Txn', fields: { success: [{}] } }),
  'txn with an empty operation in the other branch': () => ({ method: 'Txn', fields: { failure: [{}] } }),
  'txn that puts twice': (random) => {
    const key = randomKey(random)
    return { method: 'Txn', fields: { success: [put(key), put(key)] } }
  },
  'txn that puts and deletes': (random) => {
    const key = randomKey(random)
    const range = { key: bytes('\0'), range_end: bytes('\xff\xff\xff\xff') }
    return { method: 'Txn', fields: { failure: [{ request_delete_range: range }, put(key)] } }
  },
  'txn that puts what a nested one deletes': (random) => {
    const key = randomKey(random)
    return {
      method: 'Txn',
      fields: { success: [put(key), { request_txn: { success: [remove(key)], failure: [] } }] },
    }
  },
  'txn whose nested ones put the same': (random) => {
    const nested = { request_txn: { failure: [put(randomKey(random))] } }
    return { method: 'Txn', fields: { success: [nested, nested] } }
  },
  'txn with too many operations': () => ({
    method: 'Txn',
    fields: { success: Array.from({ length: txnMaxOps + 1 }, (_, i) => put(bytes(`k${i}`))) },
  }),
  'txn with too many comparisons': (random) => {
    const compare = { key: randomKey(random), version: 1 }
    return { method: 'Txn', fields: { compare: Array.from({ length: txnMaxOps + 1 }, () => compare) } }
  },
  'txn with too many nested operations': () => ({
    method: 'Txn',
    fields: {
      success: [
        { request_txn: { success: Array.from({ length: txnMaxOps }, (_, i) => put(bytes(`k${i}`))) } },
        put(bytes('other')),
      ],
    },
  }),
  'txn without key': () => ({ method: 'Txn', fields: { success: [{ request_range: {} }] } }),
  'txn comparing without key': () => ({ method: 'Txn', fields: { compare: [{ version: 1 }] } }),
  'txn with an invalid nested put': () => ({
    method: 'Txn',
    fields: {
      failure: [
        { request_txn: { failure: [{ request_put: { key: bytes('a'), lease: 3, ignore_lease: true } }] } },
      ],
    },
  }),
  'txn with an unknown lease': (random) => ({
    method: 'Txn',
    fields: { success: [put(bytes('zz')), { request_put: { key: randomKey(random), lease: unknownLease } }] },
  }),
  'txn reading the future': (_random, { revision }) => ({
    method: 'Txn',
    fields: {
      success: [put(bytes('zz')), { request_range: { ...everything, revision: relative(revision + 9) } }],
    },
  }),
  'txn reading what is compacted': (_random, { compacted }) => ({
    method: 'Txn',
    fields: {
      success: [put(bytes('zz')), { request_range: { ...everything, revision: relative(compacted - 1) } }],
    },
  }),
  'compaction of the future': (_random, { revision }) => ({
    method: 'Compact',
    fields: { revision: relative(revision + 1) },
  }),
  'compaction of what is compacted': (random, { compacted }) => ({
    method: 'Compact',
    fields: { revision: relative(compacted - random.below(2)), physical: true },
  }),
  'compaction of a negative revision': () => ({ method: 'Compact', fields: { revision: -7 } }),
  'grant of an existing lease': (random, { leases }) =>
    leases.length === 0
      ? undefined
      : { method: 'LeaseGrant', fields: { ID: pick(random, leases), TTL: 5000 } },
  'grant for too long': (random) => ({
    method: 'LeaseGrant',
    fields: { ID: 77_777, TTL: BigInt(ttlMaxSeconds) + 1n + BigInt(random.below(9)) },
  }),
  'revocation of an unknown lease': () => ({ method: 'LeaseRevoke', fields: { ID: unknownLease } }),
  'revocation of lease 0': () => ({ method: 'LeaseRevoke', fields: {} }),
  'hash of the future': (_random, { revision }) => ({
    method: 'HashKV',
    fields: { revision: relative(revision + 1) },
  }),
  'hash of what is compacted': (_random, { compacted }) => ({
    method: 'HashKV',
    fields: { revision: relative(compacted - 1) },
  }),
  'an unknown method': () => ({ method: 'Unknown', fields: {} }),
  'a request that is not a message': () => ({
    method: 'Range',
    fields: {},
    spoil: { type: 'replace', bytes: Buffer.from('0affffffff0f', 'hex') },
  }),
  'a field number 0': (random, knowledge) => ({
    ...generateRange(random, knowledge),
    spoil: { type: 'append', bytes: Buffer.from('0001', 'hex') },
  }),
  'a group that does not end': () => ({
    method: 'DeleteRange',
    fields: { key: bytes('a') },
    spoil: { type: 'append', bytes: Buffer.from('fb3e', 'hex') },
  }),
}

/** Names of all kinds of refused requests. */
export const refusedKinds: readonly string[] = Object.keys(refused)

/** A request that must be refused. */
export function generateRefused(random: Random, knowledge: Knowledge): Call {
  for (;;) {
    const kind = pick(random, refusedKinds)
    const call = refused[kind]?.(random, knowledge)
    if (call !== undefined) return { ...call, labels: [`refused: ${kind}`] }
  }
}

/** Above the limit of a request, below that of a gRPC message. Unit: bytes. */
const requestTooLargeBytes = 1_600_000
/** Above the limit of a gRPC message. Unit: bytes. */
const messageTooLargeBytes = 2_200_000
/** Just accepted. Unit: bytes. */
const requestLargeBytes = 1_500_000

/** Requests around the size limits. Rare, since each moves megabytes. The large one is accepted. */
export function generateLarge(random: Random): Call {
  const [size, label] = pick(random, [
    [requestLargeBytes, 'large: accepted'],
    [requestTooLargeBytes, 'large: request'],
    [messageTooLargeBytes, 'large: message'],
  ] as const)
  const value = Buffer.alloc(size, random.below(256))
  if (random.below(2) === 0) return { method: 'Put', labels: [label], fields: { key: bytes('b'), value } }
  const ops = [{ request_put: { key: bytes('b'), value } }]
  return { method: 'Txn', labels: [label], fields: { success: ops } }
}
