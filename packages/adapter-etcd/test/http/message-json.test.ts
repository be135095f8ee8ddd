import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { messages } from '../../src/generated/schema.js'
import { gatewayMethods } from '../../src/http/gateway-methods.ts'
import { JsonMessageError, messageFromJson } from '../../src/http/json/message-from-json.ts'
import { messageToJson } from '../../src/http/json/message-to-json.ts'
import { parseJson } from '../../src/http/json/parse-json.ts'

const read = (type: string, json: unknown): unknown =>
  messageFromJson(`etcdserverpb.${type}`, parseJson(typeof json === 'string' ? json : JSON.stringify(json)))
const write = (type: string, message: Record<string, unknown>): unknown =>
  JSON.parse(messageToJson(`etcdserverpb.${type}`, message))
const bytes = (text: string): Uint8Array => Buffer.from(text)

describe('messageFromJson', () => {
  test('takes names as in the protocol file and in camel case', () => {
    const expected = { key: bytes('a'), rangeEnd: bytes('b'), countOnly: true }
    expect(read('RangeRequest', { key: 'YQ==', range_end: 'Yg==', count_only: true })).toEqual(expected)
    expect(read('RangeRequest', { key: 'YQ==', rangeEnd: 'Yg==', countOnly: true })).toEqual(expected)
    expect(read('LeaseGrantRequest', { ID: 7, TTL: '5' })).toEqual({ ID: 7, TTL: 5 })
    expect(read('LeaseTimeToLiveRequest', { ID: '9', keys: true })).toEqual({ ID: 9, keys: true })
  })

  test('refuses a field that is given under both names', () => {
    expect(() => read('RangeRequest', { range_end: 'Yg==', rangeEnd: 'Yg==' })).toThrow('duplicate field')
  })

  test('keeps 64-bit integers exact, as numbers where these are exact', () => {
    const id = '7587862094723943424'
    expect(read('LeaseRevokeRequest', `{"ID":${id}}`)).toEqual({ ID: BigInt(id) })
    expect(read('LeaseRevokeRequest', `{"ID":"${id}"}`)).toEqual({ ID: BigInt(id) })
    expect(read('LeaseRevokeRequest', '{"ID":"-9223372036854775808"}')).toEqual({ ID: -(2n ** 63n) })
    expect(read('MemberRemoveRequest', '{"ID":18446744073709551615}')).toEqual({ ID: 2n ** 64n - 1n })
    expect(read('LeaseRevokeRequest', '{"ID":9007199254740991}')).toEqual({ ID: Number.MAX_SAFE_INTEGER })
  })

  test('takes integers that are written with a fraction or an exponent', () => {
    for (const text of ['1.5e3', '1500.0', '15e2', '"1500"', '150000e-2']) {
      expect(read('LeaseGrantRequest', `{"TTL":${text}}`)).toEqual({ TTL: 1500 })
    }
  })

  test('takes bytes in both alphabets, padded or not', () => {
    const key = Buffer.from([0xfb, 0xff, 0xfe, 0x01])
    for (const text of ['+//+AQ==', '+//+AQ', '-__-AQ==', '-__-AQ']) {
      expect(read('RangeRequest', { key: text })).toEqual({ key })
    }
    expect(read('RangeRequest', { key: '' })).toEqual({ key: Buffer.alloc(0) })
  })

  test('takes enums by name and number and ignores unknown names', () => {
    const request = { sort_order: 'DESCEND', sort_target: 3 }
    expect(read('RangeRequest', request)).toEqual({ sortOrder: 2, sortTarget: 3 })
    expect(read('RangeRequest', { sort_order: 'SIDEWAYS' })).toEqual({})
    expect(read('WatchCreateRequest', { filters: ['NODELETE', 0, 'NEWER'] })).toEqual({ filters: [1, 0] })
  })

  test('ignores unknown fields and null', () => {
    expect(read('PutRequest', { key: 'YQ==', colour: { deep: [1] }, value: null })).toEqual({
      key: bytes('a'),
    })
    expect(read('TxnRequest', { compare: null, success: [] })).toEqual({ success: [] })
  })

  test('has no field that JavaScript knows', () => {
    const message = read('PutRequest', '{"__proto__":{"key":"YQ=="},"constructor":{},"toString":1}')
    expect(message).toEqual({})
    expect(Object.getPrototypeOf(message)).toBe(Object.prototype)
  })

  test('reads nested messages', () => {
    const txn = {
      compare: [{ key: 'YQ==', target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
      success: [{ requestPut: { key: 'YQ==', value: 'MQ==' } }],
      failure: [{ request_range: { key: 'YQ==' } }],
    }
    expect(read('TxnRequest', txn)).toEqual({
      compare: [{ key: bytes('a'), target: 1, result: 0, createRevision: 0 }],
      success: [{ requestPut: { key: bytes('a'), value: bytes('1') } }],
      failure: [{ requestRange: { key: bytes('a') } }],
    })
  })

  test.each([
    ['PutRequest', '[]'],
    ['PutRequest', 'null'],
    ['PutRequest', '"x"'],
    ['PutRequest', '{"key":1}'],
    ['PutRequest', '{"key":"*"}'],
    ['PutRequest', '{"key":"A"}'],
    ['PutRequest', '{"key":"YQ="}'],
    ['PutRequest', '{"key":"+_+_"}'],
    ['PutRequest', '{"prev_kv":"true"}'],
    ['PutRequest', '{"lease":"0x1"}'],
    ['PutRequest', '{"lease":""}'],
    ['PutRequest', '{"lease":" 1"}'],
    ['PutRequest', '{"lease":1.5}'],
    ['PutRequest', '{"lease":9223372036854775808}'],
    ['PutRequest', '{"lease":1e999}'],
    ['MemberRemoveRequest', '{"ID":-1}'],
    ['RangeRequest', '{"sort_order":true}'],
    ['RangeRequest', '{"sort_order":4294967296}'],
    ['TxnRequest', '{"compare":{}}'],
    ['TxnRequest', '{"compare":[null]}'],
    ['TxnRequest', '{"compare":[[]]}'],
    ['AuthenticateRequest', '{"name":"\\ud800"}'],
  ])('refuses a %s of %s', (type, json) => {
    expect(() => read(type, json)).toThrow(JsonMessageError)
  })
})

describe('messageToJson', () => {
  test('writes names as in the protocol file and leaves zeros out', () => {
    const message = {
      header: { clusterId: 2n ** 64n - 1n, memberId: 1n, revision: 5, raftTerm: 0 },
      kvs: [{ key: bytes('a'), createRevision: 2, modRevision: 5, version: 3, value: bytes(''), lease: 0n }],
      more: false,
      count: 1,
    }
    expect(write('RangeResponse', message)).toEqual({
      header: { cluster_id: '18446744073709551615', member_id: '1', revision: '5' },
      kvs: [{ key: 'YQ==', create_revision: '2', mod_revision: '5', version: '3' }],
      count: '1',
    })
    expect(write('MemberListResponse', { members: [{ ID: 1n, peerURLs: ['a'], clientURLs: [] }] })).toEqual({
      members: [{ ID: '1', peerURLs: ['a'] }],
    })
  })

  test('writes enums by name, an unknown one by number', () => {
    expect(write('WatchResponse', { events: [{ type: 1 }, { type: 0 }, { type: 9 }] })).toEqual({
      events: [{ type: 'DELETE' }, {}, { type: 9 }],
    })
    expect(write('WatchCreateRequest', { filters: [0, 1] })).toEqual({ filters: ['NOPUT', 'NODELETE'] })
  })

  test('writes a message that is there but empty', () => {
    expect(write('TxnResponse', { responses: [{ responsePut: {} }, { responsePut: undefined }] })).toEqual({
      responses: [{ response_put: {} }, {}],
    })
  })

  test('writes 32-bit integers as numbers', () => {
    expect(write('HashResponse', { hash: 4_000_000_000 })).toEqual({ hash: 4_000_000_000 })
  })

  test('what was written reads back', () => {
    const keyValue = fc.record({
      key: fc.uint8Array({ minLength: 1 }),
      value: fc.uint8Array({ minLength: 1 }),
      lease: fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
      modRevision: fc.integer({ min: 1 }),
    })
    const text = fc.string({ unit: 'grapheme', minLength: 1 })
    fc.assert(
      fc.property(fc.array(keyValue, { minLength: 1 }), text, (kvs, cancelReason) => {
        const message = { watchId: -1, cancelReason, events: kvs.map((kv) => ({ kv })) }
        const json = messageToJson('etcdserverpb.WatchResponse', message)
        const again = messageFromJson('etcdserverpb.WatchResponse', parseJson(json))
        const asBuffers = kvs.map((kv) => ({
          kv: { ...kv, key: Buffer.from(kv.key), value: Buffer.from(kv.value) },
        }))
        expect(again).toEqual({ ...message, events: asBuffers })
      }),
    )
  })
})

test('every method of the gateway names messages that exist', () => {
  for (const method of gatewayMethods.values()) {
    if (method.type === 'notSupported') continue
    expect(Object.keys(messages)).toContain(method.request)
    expect(Object.keys(messages)).toContain(method.response)
  }
})
