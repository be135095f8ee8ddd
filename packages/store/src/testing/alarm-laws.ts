import assert from 'node:assert/strict'
import { rejectsWith } from './assertions.ts'
import { law } from './conformance-case.ts'

const needs = ['alarms'] as const

export const alarmLaws = [
  law(
    'an alarm is raised once and listed until it is disarmed',
    async ({ store }) => {
      const { memberId } = store.status()
      assert.deepEqual(store.alarms.list(), [])
      const noSpace = { memberId, type: 'noSpace' } as const
      assert.deepEqual(await store.alarms.activate({ memberId: 0n, type: 'noSpace' }), [noSpace])
      assert.deepEqual(await store.alarms.activate(noSpace), [noSpace])
      assert.deepEqual(store.alarms.list(), [noSpace])
      assert.deepEqual(store.status().alarms, [noSpace])
      assert.deepEqual(await store.alarms.deactivate({ memberId: 0n, type: 'corrupt' }), [])
      assert.deepEqual(await store.alarms.deactivate(noSpace), [noSpace])
      assert.deepEqual(store.alarms.list(), [])
    },
    { needs },
  ),
  law(
    'an alarm belongs to a member; without one, all are disarmed',
    async ({ store }) => {
      await store.alarms.activate({ memberId: 7n, type: 'corrupt' })
      await store.alarms.activate({ memberId: -8n, type: 'corrupt' })
      assert.deepEqual(await store.alarms.deactivate({ memberId: 9n, type: 'corrupt' }), [])
      assert.deepEqual(await store.alarms.deactivate({ memberId: 2n ** 64n - 8n, type: 'corrupt' }), [
        { memberId: 2n ** 64n - 8n, type: 'corrupt' },
      ])
      await store.alarms.activate({ memberId: 1n, type: 'corrupt' })
      assert.equal((await store.alarms.deactivate({ memberId: 0n, type: 'corrupt' })).length, 2)
    },
    { needs },
  ),
  law(
    'without space, what adds is refused and what frees is not',
    async ({ store }) => {
      const { id } = await store.leases.grant({ ttlMs: 60_000 })
      await store.put({ key: 'a', value: '1', lease: id })
      await store.put({ key: 'b', value: '1' })
      const { revision } = store.status()
      await store.alarms.activate({ memberId: 0n, type: 'noSpace' })
      const put = { type: 'put', key: 'c', value: '1' } as const
      await rejectsWith(store.put({ key: 'c', value: '1' }), 'STORE_NO_SPACE')
      await rejectsWith(store.txn({ success: [put] }), 'STORE_NO_SPACE')
      await rejectsWith(store.txn({ success: [{ type: 'txn', failure: [put] }] }), 'STORE_NO_SPACE')
      await rejectsWith(store.leases.grant({ ttlMs: 60_000 }), 'STORE_NO_SPACE')
      assert.equal((await store.range({ key: 'a', rangeEnd: 'z' })).count, 2)
      await store.leases.keepAlive(id)
      await store.txn({ success: [{ type: 'deleteRange', key: 'b' }] })
      await store.leases.revoke(id)
      await store.compact({ revision, physical: true })
      await store.alarms.deactivate({ memberId: 0n, type: 'noSpace' })
      await store.put({ key: 'c', value: '1' })
    },
    { needs },
  ),
  law(
    'when members disagree, nothing is written',
    async ({ store }) => {
      const { id } = await store.leases.grant({ ttlMs: 60_000 })
      const { revision } = await store.put({ key: 'a', value: '1' })
      await store.alarms.activate({ memberId: 5n, type: 'corrupt' })
      const remove = { type: 'deleteRange', key: 'a' } as const
      await rejectsWith(store.put({ key: 'a', value: '2' }), 'STORE_CORRUPT')
      await rejectsWith(store.deleteRange({ key: 'a' }), 'STORE_CORRUPT')
      await rejectsWith(store.txn({ success: [remove] }), 'STORE_CORRUPT')
      await rejectsWith(store.compact({ revision }), 'STORE_CORRUPT')
      await rejectsWith(store.leases.grant({ ttlMs: 60_000 }), 'STORE_CORRUPT')
      await rejectsWith(store.leases.revoke(id), 'STORE_CORRUPT')
      assert.equal((await store.range({ key: 'a' })).revision, revision)
      await store.alarms.deactivate({ memberId: 5n, type: 'corrupt' })
      await store.deleteRange({ key: 'a' })
    },
    { needs },
  ),
]
