import type {
  Compare,
  DeleteRangeRequest,
  Key,
  PutRequest,
  RangeRequest,
  TxnOp,
  TxnRequest,
} from '@orrery/mvcc'
import fc from 'fast-check'
import { bytesOf } from './wire.ts'

/** Few keys, so that requests meet; among them neighbours, prefixes of each other, and the byte 0xff. */
export const key = fc.constantFrom('a', 'a\0', 'ab', 'b', 'b\xff', 'c', '\xff\xff')

/** A single key, a range, an inverted range, or everything from the key on. */
const rangeEnd = fc.option(fc.oneof(key, fc.constantFrom('\0', '', 'ac', '\xff\xff\xff')), { nil: undefined })

export const span: fc.Arbitrary<{ readonly key: Key; readonly rangeEnd?: Key | undefined }> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ key, rangeEnd }) },
  { weight: 1, arbitrary: fc.constantFrom({ key: '\0', rangeEnd: '\0' }, { key: 'a', rangeEnd: '\xff' }) },
)

/** 7 is a lease that never exists; −1 fills all 64 bits on the wire. */
export const leaseIds = [5n, -1n, 0x7fff_ffff_ffff_ffffn] as const
const lease = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(undefined, 0n, ...leaseIds) },
  { weight: 1, arbitrary: fc.constant(7n) },
)

const value = fc.constantFrom('', 'x', 'y', 'yy', '\0', '\xff').map(bytesOf)

/** Absolute revisions that a short run may or may not have reached. */
const revision = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: -1, max: 40 }))

/** Revision filters make a range read everything, so that most ranges have none. */
const revisionFilters = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.record(
      {
        minModRevision: revision,
        maxModRevision: revision,
        minCreateRevision: revision,
        maxCreateRevision: revision,
      },
      { requiredKeys: [] },
    ),
  },
)

export const range: fc.Arbitrary<RangeRequest> = fc
  .tuple(
    span,
    fc.record(
      {
        limit: fc.integer({ min: -1, max: 4 }),
        revision,
        sortOrder: fc.constantFrom('none', 'none', 'ascend', 'descend'),
        sortTarget: fc.constantFrom('key', 'version', 'createRevision', 'modRevision', 'value'),
        keysOnly: fc.boolean(),
      } as const,
      { requiredKeys: [] },
    ),
    revisionFilters,
    fc.constantFrom({}, {}, {}, { countOnly: true }),
  )
  .map(([request, options, filters, count]) => ({ ...request, ...options, ...filters, ...count }))

export const put: fc.Arbitrary<PutRequest> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ key, value, lease, prevKv: fc.boolean() }, { requiredKeys: ['key'] }) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.record({ key, lease, ignoreValue: fc.constant(true), prevKv: fc.boolean() }),
      fc.record({ key, value, ignoreLease: fc.constant(true) }),
      fc.record({ key, ignoreValue: fc.constant(true), ignoreLease: fc.constant(true) }),
    ),
  },
)

export const deleteRange: fc.Arbitrary<DeleteRangeRequest> = fc.record(
  {
    key,
    // Mostly single keys, or there would be few left to read.
    rangeEnd: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: rangeEnd }),
    prevKv: fc.boolean(),
  },
  { requiredKeys: ['key'] },
)

const compare: fc.Arbitrary<Compare> = fc
  .tuple(span, fc.record({ result: fc.constantFrom('equal', 'greater', 'less', 'notEqual') } as const))
  .map(([request, result]) => ({ ...request, ...result }))
  .chain((base) =>
    fc.oneof(
      fc
        .record({
          target: fc.constantFrom('version', 'createRevision', 'modRevision'),
          value: fc.integer({ min: 0, max: 9 }),
        } as const)
        .map((rest) => ({ ...base, ...rest })),
      value.map((bytes) => ({ ...base, target: 'value' as const, value: bytes })),
      fc.constantFrom(0n, ...leaseIds).map((id) => ({ ...base, target: 'lease' as const, value: id })),
    ),
  )

/** Nested three deep at most; a caller has to leave out those that are refused for changing a key twice. */
export const txn: fc.Arbitrary<TxnRequest> = fc.letrec<{ txn: TxnRequest; op: TxnOp }>((tie) => ({
  op: fc.oneof(
    { depthSize: 'small', maxDepth: 2 },
    { weight: 3, arbitrary: put.map((request) => ({ type: 'put', ...request }) as const) },
    { weight: 2, arbitrary: range.map((request) => ({ type: 'range', ...request }) as const) },
    { weight: 1, arbitrary: deleteRange.map((request) => ({ type: 'deleteRange', ...request }) as const) },
    { weight: 2, arbitrary: tie('txn').map((request) => ({ type: 'txn', ...request }) as const) },
  ),
  txn: fc.record(
    {
      compare: fc.array(compare, { maxLength: 2 }),
      success: fc.array(tie('op'), { maxLength: 3 }),
      failure: fc.array(tie('op'), { maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
})).txn
