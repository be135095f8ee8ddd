import {
  type Compare,
  type MvccErrorCode,
  type TxnOp,
  type TxnRequest,
  validateDeleteRange,
  validatePut,
  validateRange,
  validateTxn,
} from '@orrery/mvcc'
import { describe, expect, test } from 'vitest'
import { outcome } from './support/model.ts'
import { bytesOf } from './support/wire.ts'

const put = (key: string): TxnOp => ({ type: 'put', key })
const range = (key: string): TxnOp => ({ type: 'range', key })
const del = (key: string, rangeEnd?: string): TxnOp => ({ type: 'deleteRange', key, rangeEnd })
const nested = (success: readonly TxnOp[], failure: readonly TxnOp[] = []): TxnOp => ({
  type: 'txn',
  success,
  failure,
})

function refusal(request: TxnRequest, maxOps = 128): MvccErrorCode | undefined {
  const result = outcome(() => validateTxn(request, maxOps))
  return 'refused' in result ? result.refused : undefined
}

describe('a txn changes a key at most once on each path', () => {
  const duplicate = 'MVCC_DUPLICATE_KEY'
  const tables: readonly (readonly [string, readonly TxnOp[], MvccErrorCode | undefined])[] = [
    ['two puts of one key', [put('a'), put('a')], duplicate],
    ['puts of two keys', [put('a'), put('b')], undefined],
    ['a put of a deleted key', [del('a'), put('a')], duplicate],
    ['a deletion after the put', [put('a'), del('a')], duplicate],
    ['a put in a deleted range', [put('b'), del('a', 'c')], duplicate],
    ['a put at the end of a deleted range', [put('c'), del('a', 'c')], undefined],
    ['a put before a deleted range', [put('a'), del('b', 'c')], undefined],
    ['a put in the second of two deleted ranges', [del('a', 'c'), del('e', 'g'), put('f')], duplicate],
    ['a put between two deleted ranges', [del('a', 'c'), del('e', 'g'), put('d')], undefined],
    [
      'a put in one of overlapping ranges',
      [del('a', 'd'), del('c', 'f'), del('b', 'c'), put('e')],
      duplicate,
    ],
    ['a put beside an inverted range', [del('c', 'a'), put('b')], undefined],
    // As etcd: it takes an open end for one below the key.
    ['a put in a range without end', [del('a', '\0'), put('b')], undefined],
    ['a put of the key itself, deleted with an empty end', [del('a', ''), put('a')], duplicate],
    ['a put just after a deleted key', [del('a'), put('a\0')], undefined],
    ['deletions that overlap', [del('a', 'c'), del('b', 'd'), del('b')], undefined],
    ['a read of what it changes', [put('a'), range('a'), del('b'), range('b')], undefined],

    ['a put above and in a nested txn', [put('a'), nested([put('a')])], duplicate],
    ['a put above and in the other branch of a nested txn', [put('a'), nested([], [put('a')])], duplicate],
    ['a put in both branches of a nested txn', [nested([put('a')], [put('a')])], undefined],
    ['a put in two nested txns', [nested([put('a')]), nested([put('a')])], duplicate],
    [
      'a put in different branches of two nested txns',
      [nested([put('a')]), nested([], [put('a')])],
      duplicate,
    ],
    ['a put deep in a nested txn', [nested([nested([put('a')])]), put('a')], duplicate],
    ['a put and a deletion in opposite branches', [nested([put('a')], [del('a')])], undefined],
    ['a deletion above a nested put', [del('a', 'c'), nested([put('b')])], duplicate],
    ['a deletion above a nested put, further down', [nested([put('b')]), del('a', 'c')], duplicate],
    ['a nested deletion and a put above', [nested([del('a')]), put('a')], duplicate],
    ['a nested deletion in the other branch and a put above', [nested([], [del('a')]), put('a')], duplicate],
    ['a put after a deletion, in neighbours', [nested([del('a')]), nested([put('a')])], duplicate],
    // As etcd: a put is held against the deletions of earlier neighbours only.
    ['a put before a deletion, in neighbours', [nested([put('a')]), nested([del('a')])], undefined],
  ]

  test.each(tables)('%s', (_, ops, expected) => {
    expect(refusal({ success: ops })).toBe(expected)
    expect(refusal({ failure: ops })).toBe(expected)
  })

  test('the two branches of the txn itself exclude each other', () => {
    expect(refusal({ success: [put('a')], failure: [put('a'), del('b')] })).toBeUndefined()
  })
})

describe('a txn has at most so many operations', () => {
  const ops = (count: number): readonly TxnOp[] => Array.from({ length: count }, (_, i) => range(`key-${i}`))
  const compare = (count: number): readonly Compare[] =>
    Array.from({ length: count }, () => ({ key: 'a', target: 'version', value: 0, result: 'equal' }))
  const tooMany = 'MVCC_TOO_MANY_OPS'

  test.each([
    ['as many as allowed in each list', { compare: compare(4), success: ops(4), failure: ops(4) }, undefined],
    ['one comparison too many', { compare: compare(5) }, tooMany],
    ['one operation too many', { success: ops(5) }, tooMany],
    ['one too many in the other branch', { failure: ops(5) }, tooMany],
    ['a nested txn that fits what its parent leaves', { success: [nested(ops(3))] }, undefined],
    ['a nested txn with one more', { success: [nested(ops(4))] }, tooMany],
    ['a nested txn with one more, in the other branch', { failure: [nested(ops(4))] }, tooMany],
    ['a nested txn whose parent compares a lot', { compare: compare(3), success: [nested(ops(2))] }, tooMany],
    ['a nested txn three deep that fits', { success: [nested([nested(ops(2))])] }, undefined],
    ['a nested txn three deep with one more', { success: [nested([nested([], ops(3))])] }, tooMany],
  ] satisfies readonly (readonly [string, TxnRequest, MvccErrorCode | undefined])[])(
    '%s',
    (_, request, expected) => {
      expect(refusal(request, 4)).toBe(expected)
    },
  )
})

describe('a request names a key', () => {
  const required = { refused: 'MVCC_KEY_REQUIRED' }

  test('range, put and deleteRange', () => {
    expect(outcome(() => validateRange({ key: '', rangeEnd: '\0' }))).toEqual(required)
    expect(outcome(() => validatePut({ key: '' }))).toEqual(required)
    expect(outcome(() => validateDeleteRange({ key: '' }))).toEqual(required)
  })

  test.each([
    ['a comparison', { compare: [{ key: '', target: 'version', value: 0, result: 'equal' }] }],
    ['a range', { success: [range('')] }],
    ['a put', { failure: [put('')] }],
    ['a deletion', { success: [del('')] }],
    ['an operation of a nested txn', { success: [nested([], [put('')])] }],
  ] satisfies readonly (readonly [string, TxnRequest])[])('%s of a txn', (_, request) => {
    expect(refusal(request)).toBe('MVCC_KEY_REQUIRED')
  })

  test('and is refused for a wrong operation before its keys are compared', () => {
    expect(refusal({ success: [put('a'), put('a'), put('')] })).toBe('MVCC_KEY_REQUIRED')
  })
})

describe('a put keeps what it does not give', () => {
  test.each([
    [{ key: 'a', ignoreValue: true, value: bytesOf('x') }, 'MVCC_VALUE_PROVIDED'],
    [{ key: 'a', ignoreLease: true, lease: 1n }, 'MVCC_LEASE_PROVIDED'],
  ])('%o is refused', (request, code) => {
    expect(outcome(() => validatePut(request))).toEqual({ refused: code })
    expect(refusal({ success: [{ type: 'put', ...request }] })).toBe(code)
  })

  test('an empty value and lease 0 count as not given', () => {
    expect(outcome(() => validatePut({ key: 'a', ignoreValue: true, value: bytesOf('') }))).toHaveProperty(
      'result',
    )
    expect(outcome(() => validatePut({ key: 'a', ignoreLease: true, lease: 0n }))).toHaveProperty('result')
  })
})
