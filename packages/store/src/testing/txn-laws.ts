import assert from 'node:assert/strict'
import type { Compare, Store, TxnOp, TxnRequest } from '../store.ts'
import { keysOf, pairs, rejectsWith, text } from './assertions.ts'
import { law } from './conformance-case.ts'

const put = (key: string, value = key): TxnOp => ({ type: 'put', key, value })
const remove = (key: string, rangeEnd?: string): TxnOp => ({ type: 'deleteRange', key, rangeEnd })
const read = (key: string, rangeEnd?: string): TxnOp => ({ type: 'range', key, rangeEnd })

async function holds(store: Store, ...compare: Compare[]): Promise<boolean> {
  return (await store.txn({ compare })).succeeded
}

const comparisons = [
  law('comparisons look at version, revisions, value and lease', async ({ store }) => {
    const { id } = await store.leases.grant({ ttlMs: 60_000 })
    const base = store.status().revision
    await store.put({ key: 'a', value: 'm' })
    await store.put({ key: 'a', value: 'n', lease: id })
    const key = 'a'
    const equal = 'equal'
    assert.ok(await holds(store, { key, target: 'version', result: equal, value: 2 }))
    assert.ok(await holds(store, { key, target: 'createRevision', result: equal, value: base + 1 }))
    assert.ok(await holds(store, { key, target: 'modRevision', result: equal, value: base + 2 }))
    assert.ok(await holds(store, { key, target: 'lease', result: equal, value: id }))
    assert.ok(await holds(store, { key, target: 'value', result: equal, value: 'n' }))
    assert.ok(await holds(store, { key, target: 'value', result: 'greater', value: 'm' }))
    assert.ok(await holds(store, { key, target: 'value', result: 'less', value: 'na' }))
    assert.ok(!(await holds(store, { key, target: 'value', result: 'notEqual', value: 'n' })))
    assert.ok(!(await holds(store, { key, target: 'version', result: 'greater', value: 2 })))
  }),
  law('a key that does not exist has zeros, and a value that compares as false', async ({ store }) => {
    for (const target of ['version', 'createRevision', 'modRevision'] as const) {
      assert.ok(await holds(store, { key: 'no', target, result: 'equal', value: 0 }))
      assert.ok(await holds(store, { key: 'no', target, result: 'less', value: 1 }))
    }
    assert.ok(await holds(store, { key: 'no', target: 'lease', result: 'equal', value: 0n }))
    for (const result of ['equal', 'notEqual', 'less', 'greater'] as const) {
      assert.ok(!(await holds(store, { key: 'no', target: 'value', result, value: '' })))
    }
  }),
  law('a comparison of a range holds when it does for every key', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    await store.put({ key: 'b', value: '1' })
    const range = { key: 'a', rangeEnd: 'z' }
    assert.ok(await holds(store, { ...range, target: 'version', result: 'equal', value: 1 }))
    await store.put({ key: 'b', value: '1' })
    assert.ok(!(await holds(store, { ...range, target: 'version', result: 'equal', value: 1 })))
    assert.ok(await holds(store, { ...range, target: 'value', result: 'equal', value: '1' }))
    // A range without keys counts as one key that does not exist.
    assert.ok(await holds(store, { key: 'x', rangeEnd: 'z', target: 'version', result: 'equal', value: 0 }))
    assert.ok(!(await holds(store, { key: 'x', rangeEnd: 'z', target: 'value', result: 'equal', value: '' })))
  }),
  law('all comparisons must hold; none is enough', async ({ store }) => {
    const holding: Compare = { key: 'a', target: 'version', result: 'equal', value: 0 }
    const failing: Compare = { key: 'a', target: 'version', result: 'greater', value: 0 }
    assert.ok(await holds(store))
    assert.ok(await holds(store, holding, holding))
    assert.ok(!(await holds(store, holding, failing)))
  }),
]

const execution = [
  law('one branch is taken, as one revision', async ({ store }) => {
    const base = store.status().revision
    const compare: Compare[] = [{ key: 'a', target: 'createRevision', result: 'equal', value: 0 }]
    const request: TxnRequest = { compare, success: [put('a'), put('b')], failure: [remove('a', 'c')] }
    const first = await store.txn(request)
    assert.deepEqual([first.succeeded, first.revision], [true, base + 1])
    assert.deepEqual(
      first.responses.map(({ type, revision }) => [type, revision]),
      [
        ['put', base + 1],
        ['put', base + 1],
      ],
    )
    const second = await store.txn(request)
    assert.equal(second.succeeded, false)
    const [response] = second.responses
    assert.ok(response?.type === 'deleteRange')
    assert.deepEqual([response.deleted, response.revision], [2, base + 2])
  }),
  law('a txn that changes nothing makes no revision', async ({ store }) => {
    const { revision } = store.status()
    assert.deepEqual(await store.txn({}), { revision, succeeded: true, responses: [] })
    const result = await store.txn({ success: [remove('a', 'z'), read('a')] })
    assert.equal(result.revision, revision)
  }),
  law('a range in a txn sees the writes before it', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    const { responses } = await store.txn({
      success: [read('a', 'z'), put('b', '2'), read('a', 'z'), remove('a'), read('a', 'z')],
    })
    const seen = responses.flatMap((response) => (response.type === 'range' ? [pairs(response.kvs)] : []))
    assert.deepEqual(seen, [['a=1'], ['a=1', 'b=2'], ['b=2']])
  }),
  law('results carry what was before when asked to', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    const { responses } = await store.txn({
      success: [
        { type: 'put', key: 'a', value: '2', prevKv: true },
        { type: 'deleteRange', key: 'b', prevKv: true },
      ],
    })
    const [written, removed] = responses
    assert.ok(written?.type === 'put' && text(written.prevKv?.value) === '1')
    assert.ok(removed?.type === 'deleteRange' && removed.prevKvs.length === 0)
  }),
  law('nested txns choose by the state before the outer one', async ({ store }) => {
    const compare: Compare[] = [{ key: 'a', target: 'version', result: 'equal', value: 0 }]
    const inner: TxnOp = { type: 'txn', compare, success: [put('b', 'yes')], failure: [put('b', 'no')] }
    const deep: TxnOp = { type: 'txn', success: [{ type: 'txn', success: [put('c', 'deep')] }] }
    const { responses, revision } = await store.txn({ success: [put('a'), inner, deep] })
    assert.deepEqual(pairs((await store.range({ key: 'a', rangeEnd: 'z' })).kvs), ['a=a', 'b=yes', 'c=deep'])
    assert.equal((await store.get('c'))?.modRevision, revision)
    const [, nested] = responses
    assert.ok(nested?.type === 'txn' && nested.succeeded && nested.responses[0]?.type === 'put')
  }),
  law('a read-only txn reads one state, also a past one', async ({ store }) => {
    await store.put({ key: 'a', value: '1' })
    const { revision } = await store.put({ key: 'a', value: '2' })
    const past: TxnOp = { type: 'range', key: 'a', revision: revision - 1 }
    const { responses } = await store.txn({ success: [past, read('a')] }, { serializable: true })
    const seen = responses.flatMap((response) => (response.type === 'range' ? pairs(response.kvs) : []))
    assert.deepEqual(seen, ['a=1', 'a=2'])
    assert.equal(store.status().revision, revision)
  }),
]

const refusals = [
  law('a path that changes a key twice is refused', async ({ store }) => {
    const nested = (...success: TxnOp[]): TxnOp => ({ type: 'txn', success })
    const refused: TxnOp[][] = [
      [put('a'), put('a')],
      [put('b'), remove('a', 'c')],
      [put('a'), nested(put('a'))],
      [nested(put('a')), nested(put('a'))],
      [remove('a'), nested(nested(put('a')))],
    ]
    const { revision } = store.status()
    for (const success of refused) {
      await rejectsWith(store.txn({ success }), 'MVCC_DUPLICATE_KEY')
      await rejectsWith(store.txn({ failure: success }), 'MVCC_DUPLICATE_KEY')
    }
    assert.equal(store.status().revision, revision)
  }),
  law('branches exclude each other, and deletions may overlap', async ({ store }) => {
    await store.txn({ success: [put('a')], failure: [put('a')] })
    await store.txn({ success: [{ type: 'txn', success: [put('a')], failure: [put('a')] }] })
    await store.txn({ success: [remove('a', 'c'), remove('b', 'd'), put('x')] })
    assert.deepEqual(keysOf((await store.range({ key: '\0', rangeEnd: '\0' })).kvs), ['x'])
  }),
  law('a refused operation leaves nothing of the txn', async ({ store }) => {
    const base = store.status().revision
    const cases: [TxnOp, string][] = [
      [put(''), 'MVCC_KEY_REQUIRED'],
      [read(''), 'MVCC_KEY_REQUIRED'],
      [{ type: 'put', key: 'b', value: '', lease: 99n }, 'MVCC_LEASE_NOT_FOUND'],
      [{ type: 'put', key: 'b', ignoreValue: true }, 'MVCC_KEY_NOT_FOUND'],
      [{ type: 'put', key: 'b', value: '1', ignoreValue: true }, 'MVCC_VALUE_PROVIDED'],
      [{ type: 'range', key: 'b', revision: base + 100 }, 'MVCC_FUTURE_REVISION'],
    ]
    for (const [op, code] of cases) {
      await rejectsWith(store.txn({ success: [put('a'), op] }), code)
      await rejectsWith(store.txn({ success: [put('a'), { type: 'txn', success: [op] }] }), code)
    }
    await rejectsWith(
      store.txn({ compare: [{ key: '', target: 'version', result: 'equal', value: 0 }] }),
      'MVCC_KEY_REQUIRED',
    )
    assert.equal(await store.get('a'), undefined)
    // The next revision is whole: nothing of the refused ones is in it.
    assert.equal((await store.put({ key: 'z' })).revision, base + 1)
  }),
  law(
    'each list of a txn has a limit',
    async ({ store }) => {
      const many = Array.from({ length: 4 }, (_, n) => put(`k${n}`))
      const compare = many.map((): Compare => ({ key: 'a', target: 'version', result: 'equal', value: 0 }))
      for (const request of [{ success: many }, { failure: many }, { compare }]) {
        await rejectsWith(store.txn(request), 'MVCC_TOO_MANY_OPS')
      }
      assert.ok((await store.txn({ success: many.slice(1), failure: many.slice(1) })).succeeded)
    },
    { options: { txnMaxOps: 3 }, needs: ['options'] },
  ),
  law('128 operations fit into a txn, 129 do not', async ({ store }) => {
    const ops = Array.from({ length: 129 }, (_, n) => put(`k${n}`))
    await rejectsWith(store.txn({ success: ops }), 'MVCC_TOO_MANY_OPS')
    assert.equal((await store.txn({ success: ops.slice(1) })).responses.length, 128)
  }),
]

export const txnLaws = [...comparisons, ...execution, ...refusals]
