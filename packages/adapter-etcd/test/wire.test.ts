import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage } from '../src/codec/message.ts'
import { toSafeInteger } from '../src/codec/int64.ts'
import {
  encodeDeleteRangeResponse,
  encodePutResponse,
  encodeRangeResponse,
  encodeTxnResponse,
  encodeWatchResponse,
} from '../src/codec/responses.ts'
import { etcdserverpb, mvccpb } from '../src/generated/messages.js'
import { bytes, kv, lease, refusalOf, startEtcd } from './support/loopback.ts'

const int64 = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))
const uint64 = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))
const interesting = fc.constantFrom<number | bigint>(
  ...[0, 1, -1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 49 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER],
  ...[Number.MIN_SAFE_INTEGER, 2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)],
)

describe('64-bit integers', () => {
  test('come back as they were written, a number where it is exact', () => {
    fc.assert(
      fc.property(fc.oneof(int64, interesting), (ID) => {
        const codec = etcdserverpb.LeaseRevokeRequest
        expect(decodeMessage(codec, encodeMessage(codec, { ID })).ID).toBe(ID)
      }),
    )
    fc.assert(
      fc.property(uint64, (ID) => {
        const codec = etcdserverpb.MemberRemoveRequest
        expect(decodeMessage(codec, encodeMessage(codec, { ID })).ID).toBe(ID)
      }),
    )
  })

  test('are moved to the safe integers where only their order counts', () => {
    expect(toSafeInteger(2n ** 62n)).toBe(Number.MAX_SAFE_INTEGER)
    expect(toSafeInteger(-(2n ** 62n))).toBe(Number.MIN_SAFE_INTEGER)
    expect(toSafeInteger(undefined)).toBe(0)
  })
})

describe('responses written by hand', () => {
  const header = fc.record({
    clusterId: uint64,
    memberId: uint64,
    revision: fc.nat(),
    raftTerm: fc.nat(),
  })
  const field = fc.uint8Array({ maxLength: 200 })
  const keyValue = fc.record({
    key: field,
    createRevision: fc.nat(),
    modRevision: fc.nat(),
    version: fc.nat(),
    value: field,
    lease: int64,
  })
  const range = fc.record({
    header,
    kvs: fc.array(keyValue, { maxLength: 5 }),
    more: fc.boolean(),
    count: fc.nat(),
  })
  const put = fc.record({ header, prevKv: fc.option(keyValue) })
  const deleteRange = fc.record({ header, deleted: fc.nat(), prevKvs: fc.array(keyValue, { maxLength: 5 }) })
  const flat = fc.oneof(
    range.map((responseRange) => ({ responseRange })),
    put.map((responsePut) => ({ responsePut })),
    deleteRange.map((responseDeleteRange) => ({ responseDeleteRange })),
  )
  const txnOf = (op: fc.Arbitrary<etcdserverpb.ResponseOp>): fc.Arbitrary<etcdserverpb.TxnResponse> =>
    fc.record({ header, succeeded: fc.boolean(), responses: fc.array(op, { maxLength: 4 }) })
  const txn = txnOf(
    fc.oneof(
      flat,
      txnOf(flat).map((responseTxn) => ({ responseTxn })),
    ),
  )
  const watch = fc.record({
    header,
    watchId: fc.integer(),
    created: fc.boolean(),
    canceled: fc.boolean(),
    compactRevision: fc.nat(),
    cancelReason: fc.string(),
    fragment: fc.boolean(),
    events: fc.array(fc.record({ type: fc.constantFrom(0, 1), kv: keyValue, prevKv: fc.option(keyValue) }), {
      maxLength: 5,
    }),
  })
  /** A key-value as a store gives it: encoded. */
  const stored = (plain: mvccpb.KeyValue): mvccpb.KeyValue => {
    const record = encodeMessage(mvccpb.KeyValue, plain)
    return Object.create({ record }) as mvccpb.KeyValue
  }

  test('are the bytes that the generated codecs write', () => {
    const { RangeResponse, PutResponse, DeleteRangeResponse, TxnResponse, WatchResponse } = etcdserverpb
    fc.assert(
      fc.property(range, (message) => {
        const expected = encodeMessage(RangeResponse, message)
        expect(encodeRangeResponse(message)).toEqual(expected)
        expect(encodeRangeResponse({ ...message, kvs: message.kvs.map(stored) })).toEqual(expected)
      }),
    )
    fc.assert(
      fc.property(put, (message) => {
        expect(encodePutResponse(message)).toEqual(encodeMessage(PutResponse, message))
      }),
    )
    fc.assert(
      fc.property(deleteRange, (message) => {
        expect(encodeDeleteRangeResponse(message)).toEqual(encodeMessage(DeleteRangeResponse, message))
      }),
    )
    fc.assert(
      fc.property(txn, (message) => {
        expect(encodeTxnResponse(message)).toEqual(encodeMessage(TxnResponse, message))
      }),
    )
    fc.assert(
      fc.property(watch, (message) => {
        expect(encodeWatchResponse(message)).toEqual(encodeMessage(WatchResponse, message))
      }),
    )
  })
})

describe('input that is no message', () => {
  const unencoded = {
    requestSerialize: (request: Buffer) => request,
    requestDeserialize: (request: Buffer) => request,
  }

  test('is refused with INTERNAL, and the server goes on', async () => {
    await using etcd = await startEtcd()
    const raw = { ...kv.Put, ...unencoded }
    for (const garbage of [[0x0a, 0x05, 0x61], [0x0a], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x18, 0x80]]) {
      const refusal = await etcd.client.refusal(raw, Buffer.from(garbage))
      expect(refusal.code).toBe(13)
    }
    await expect(etcd.client.call(kv.Put, { key: bytes('a') })).resolves.toBeDefined()
  })

  test('ends a stream with INTERNAL', async () => {
    await using etcd = await startEtcd()
    const raw = { ...lease.LeaseKeepAlive, ...unencoded }
    const stream = etcd.client.bidiStream(raw)
    stream.write(Buffer.from([0x08]))
    const refusal = await stream.toArray().catch(refusalOf)
    expect(refusal).toMatchObject({ code: 13 })
  })

  test('never throws anything but an error, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (garbage) => {
        for (const decode of [
          () => decodeMessage(etcdserverpb.TxnRequest, garbage),
          () => decodeMessage(etcdserverpb.WatchRequest, garbage),
          () => decodeMessage(etcdserverpb.PutRequest, garbage),
        ]) {
          try {
            decode()
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('cannot exhaust the stack by nesting', () => {
    let txn: Buffer = Buffer.alloc(0)
    for (let depth = 0; depth < 5_000; depth++) {
      txn = wrap(2, wrap(4, txn))
    }
    expect(() => decodeMessage(etcdserverpb.TxnRequest, txn)).toThrow(/depth/)
  })

  function wrap(field: number, content: Buffer): Buffer {
    const length: number[] = []
    let rest = content.length
    for (; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...length, rest]), content])
  }
})

describe('input that is too large', () => {
  const tooLarge = { code: 3, details: 'etcdserver: request is too large' }

  test('is refused when it is a write above the limit', async () => {
    await using etcd = await startEtcd()
    const value = Buffer.alloc(1_572_864)
    expect(await etcd.client.refusal(kv.Put, { key: bytes('a'), value })).toEqual(tooLarge)
    const success = [{ requestTxn: { success: [{ requestPut: { key: bytes('a'), value } }] } }]
    expect(await etcd.client.refusal(kv.Txn, { success })).toEqual(tooLarge)
    const fits = value.subarray(200)
    await expect(etcd.client.call(kv.Put, { key: bytes('a'), value: fits })).resolves.toBeDefined()
  })

  test('begins at the byte at which it begins in etcd', async () => {
    await using etcd = await startEtcd()
    // As an etcd 3.4.23 server answered: the limit is on the request in its log.
    const value = Buffer.alloc(1_572_864)
    expect(await etcd.client.refusal(kv.Put, { key: bytes('k'), value: value.subarray(24) })).toEqual(
      tooLarge,
    )
    const put = await etcd.client.call(kv.Put, { key: bytes('k'), value: value.subarray(26) })
    expect(put.header?.revision).toBe(2)
  })

  test('is not even read above the limit of messages', async () => {
    await using etcd = await startEtcd()
    const refusal = await etcd.client.refusal(kv.Put, { key: bytes('a'), value: Buffer.alloc(2_097_152) })
    expect(refusal.code).toBe(8)
    expect(refusal.details).toMatch(/larger than max \(\d+ vs\.? 2097152\)/)
  })
})
