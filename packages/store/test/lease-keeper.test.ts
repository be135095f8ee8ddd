import type { Clock } from '@orrery/environment'
import type { ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store, StoreError, type StoreOptions } from '@orrery/store'
import { createLessor } from '@orrery/lease'
import { describe, expect, test } from 'vitest'
import type { Command } from '../src/command.ts'
import { LeaseKeeper } from '../src/lease-keeper.ts'
import { closedLater, errorOf, nextTurns, stillEnvironment } from './support.ts'

function openStill(options: StoreOptions = {}): { store: Store; environment: ManualEnvironment } {
  const environment = stillEnvironment()
  return { environment, store: closedLater(createMemoryStore({ environment }, options)) }
}

/** Moves time in small steps, with turns for the store in between. */
async function pass(environment: ManualEnvironment, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    environment.clock.advance(Math.min(100, left))
    await nextTurns()
  }
}

describe('leases under a clock that a test moves', () => {
  test('expire in the order of their deadlines, never early, and no later than a sweep', async () => {
    const { store, environment } = openStill()
    const gone: string[] = []
    for (const ttlMs of [9_000, 3_000, 6_000]) {
      const { id } = await store.leases.grant({ ttlMs })
      await store.put({ key: `ttl-${ttlMs}`, value: '', lease: id })
    }
    const watch = store.watch({ key: 'ttl', rangeEnd: 'ttm', filters: ['put'] })
    const reading = (async () => {
      for await (const { events } of watch) {
        for (const { kv } of events) gone.push(`${kv.keyString} at ${environment.clock.nowMs()}`)
      }
    })()
    await pass(environment, 2_900)
    expect(gone).toEqual([])
    await pass(environment, 8_000)
    watch.close()
    await reading
    expect(gone.map((line) => line.split(' ')[0])).toEqual(['ttl-3000', 'ttl-6000', 'ttl-9000'])
    for (const line of gone) {
      const [, ttlMs = 0, atMs = 0] = /ttl-(\d+) at (\d+)/.exec(line)?.map(Number) ?? []
      expect(atMs - ttlMs).toBeGreaterThanOrEqual(0)
      expect(atMs - ttlMs).toBeLessThanOrEqual(700)
    }
    expect(await store.leases.list()).toEqual([])
  })

  test('live as long as they are renewed', async () => {
    const { store, environment } = openStill()
    const { id } = await store.leases.grant({ ttlMs: 3_000 })
    for (let round = 0; round < 10; round++) {
      await pass(environment, 2_000)
      expect(await store.leases.keepAlive(id)).toEqual({ ttlMs: 3_000 })
    }
    expect((await store.leases.timeToLive(id))?.remainingMs).toBe(3_000)
    await pass(environment, 4_000)
    expect(await store.leases.timeToLive(id)).toBeUndefined()
  })

  test('the renewal of an overdue lease is answered when it is gone', async () => {
    const { store, environment } = openStill()
    const { id } = await store.leases.grant({ ttlMs: 2_000 })
    await store.put({ key: 'a', value: '', lease: id })
    environment.clock.advance(1_950)
    await nextTurns()
    environment.clock.advance(60)
    const refused = await errorOf(store.leases.keepAlive(id))
    expect(refused).toMatchObject({ code: 'LEASE_NOT_FOUND' })
    expect(await store.get('a')).toBeUndefined()
  })

  test('a huge one that expires goes in several revisions, while others write', async () => {
    const { store, environment } = openStill({ leaseRevokeMaxKeys: 10 })
    const { id } = await store.leases.grant({ ttlMs: 2_000 })
    for (let n = 0; n < 95; n++) await store.put({ key: `k${n}`, value: '', lease: id })
    const { revision } = store.status()
    await pass(environment, 3_000)
    expect(store.status()).toMatchObject({ keys: 0, revision: revision + 10 })
  })

  test('a huge one with long keys goes, whatever size a request may have', async () => {
    const { store, environment } = openStill({ leaseRevokeMaxKeys: 300, requestMaxBytes: 2_000 })
    const { id } = await store.leases.grant({ ttlMs: 2_000 })
    const writes = Array.from({ length: 400 }, (_, n) => ({ key: `${'k'.repeat(1_900)}${n}`, lease: id }))
    await Promise.all(writes.map((put) => store.put(put)))
    const { revision } = store.status()
    await pass(environment, 3_000)
    expect(store.status()).toMatchObject({ keys: 0, revision: revision + 2 })
  })

  test('many that expire at once go with few entries of the log, each in a revision of its own', async () => {
    const { store, environment } = openStill()
    for (let n = 0; n < 250; n++) {
      const { id } = await store.leases.grant({ ttlMs: 2_000 })
      await store.put({ key: `a${n}`, lease: id })
      await store.put({ key: `b${n}`, lease: id })
    }
    const before = store.status()
    await pass(environment, 3_000)
    const after = store.status()
    expect(after).toMatchObject({ keys: 0, revision: before.revision + 250 })
    expect(after.commitIndex - before.commitIndex).toBeLessThanOrEqual(10)
    const seen: number[] = []
    for await (const { revision, events } of store.watch({
      key: 'a',
      rangeEnd: 'c',
      startRevision: before.revision + 1,
    })) {
      for (const { kv } of events) seen.push(kv.modRevision)
      if (revision === after.revision) break
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, n) => before.revision + 1 + Math.floor(n / 2)))
  })

  test('those that expire at once with many keys do not all go with one entry of the log', async () => {
    const { store, environment } = openStill({ leaseRevokeMaxKeys: 10 })
    for (let n = 0; n < 6; n++) {
      const { id } = await store.leases.grant({ ttlMs: 2_000 })
      for (let k = 0; k < 4; k++) await store.put({ key: `${n}/${k}`, lease: id })
    }
    const before = store.status()
    await pass(environment, 3_000)
    expect(store.status()).toMatchObject({
      keys: 0,
      revision: before.revision + 6,
      commitIndex: before.commitIndex + 3,
    })
  })

  test('very many that expire at once all go', async () => {
    const { store, environment } = openStill()
    await Promise.all(Array.from({ length: 3_000 }, () => store.leases.grant({ ttlMs: 2_000 })))
    await pass(environment, 10_000)
    expect(await store.leases.list()).toEqual([])
  })

  test('a closed store leaves no timer behind', async () => {
    const environment = stillEnvironment()
    const { clock } = environment
    const timers = new Set<number>()
    let order = 0
    const counting: Clock = {
      ...clock,
      setTimer: (delayMs, callback) => {
        const id = order++
        timers.add(id)
        const timer = clock.setTimer(delayMs, () => {
          timers.delete(id)
          callback()
        })
        return {
          cancel: () => {
            timers.delete(id)
            timer.cancel()
          },
        }
      },
    }
    const store = createMemoryStore({ environment: { ...environment, clock: counting } })
    await store.leases.grant({ ttlMs: 2_000 })
    store.watch({ key: 'a', progressIntervalMs: 1_000 })
    await nextTurns()
    expect(timers.size).toBe(2)
    await store.close()
    expect(timers.size).toBe(0)
  })
})

/** A keeper on its own, with a clock that can stand still while time goes on, and a log that the test is. */
function createKeeper(options: { checkpointIntervalMs?: number } = {}) {
  const environment = stillEnvironment()
  const { clock } = environment
  let pausedMs = 0
  const proposed: Command[] = []
  let refuse: Error | undefined
  const lessor = createLessor({ ...options, tickMs: 100 })
  const keeper: LeaseKeeper = new LeaseKeeper({
    environment: { ...environment, clock: { ...clock, nowMs: () => clock.nowMs() + pausedMs } },
    lessor,
    revokeMaxKeys: 10,
    revision: () => 1,
    propose: (command) => {
      if (refuse !== undefined) throw refuse
      proposed.push(command)
      switch (command.type) {
        case 'leaseGrant':
          return Promise.resolve(lessor.grant({ ...command, nowMs: clock.nowMs() + pausedMs })).finally(() =>
            keeper.rearm(),
          )
        case 'leaseRevoke':
          lessor.revoke(command.id)
          break
        case 'leaseExpire':
          for (const id of command.ids) lessor.revoke(id)
          break
        case 'leaseCheckpoint':
          for (const { id, remainingMs } of command.checkpoints) lessor.checkpoint(id, remainingMs)
          break
        default:
      }
      return Promise.resolve(undefined)
    },
    requireOpen: () => {},
    requireSpace: () => {},
    kick: () => {},
  })
  const promote = (extendMs: number): void => {
    keeper.promote(extendMs)
    while (keeper.promoteStep());
  }
  promote(0)
  return {
    keeper,
    environment,
    proposed,
    promote,
    /** Time goes on, no timer fires: the process stands still. */
    pause: (ms: number) => {
      pausedMs += ms
    },
    refuseWith: (error: Error | undefined) => {
      refuse = error
    },
  }
}

describe('the keeper of leases', () => {
  test('gives back the time in which the process stood still', async () => {
    const { keeper, environment, pause, proposed } = createKeeper()
    const { id } = await keeper.grant({ ttlMs: 5_000 })
    await pass(environment, 1_000)
    pause(60_000)
    await pass(environment, 600)
    const left = (await keeper.timeToLive(id))?.remainingMs ?? 0
    expect(left).toBeGreaterThan(2_800)
    expect(left).toBeLessThanOrEqual(5_000)
    expect(proposed).toHaveLength(1)
    await pass(environment, 6_000)
    expect(proposed.at(-1)).toEqual({ type: 'leaseExpire', ids: [id] })
  })

  test('renews after a pause, although the renewal is read before any timer runs', async () => {
    const { keeper, environment, pause } = createKeeper()
    const { id } = await keeper.grant({ ttlMs: 5_000 })
    await pass(environment, 1_000)
    pause(60_000)
    expect(await keeper.keepAlive(id)).toEqual({ ttlMs: 5_000 })
    await pass(environment, 4_500)
    expect(await keeper.timeToLive(id)).toBeDefined()
  })

  test('notes in the log what long leases have left, and takes it back with a renewal', async () => {
    const { keeper, environment, proposed } = createKeeper({ checkpointIntervalMs: 10_000 })
    const { id } = await keeper.grant({ ttlMs: 60_000 })
    await keeper.grant({ ttlMs: 10_000, id: 5n })
    for (let round = 0; round < 4; round++) {
      await pass(environment, 5_000)
      await keeper.keepAlive(5n)
    }
    const checkpoints = (): Command[] => proposed.filter(({ type }) => type === 'leaseCheckpoint')
    expect(checkpoints()).toHaveLength(2)
    expect(checkpoints()[0]).toMatchObject({ checkpoints: [{ id }] })
    await keeper.keepAlive(id)
    expect(checkpoints().at(-1)).toEqual({ type: 'leaseCheckpoint', checkpoints: [{ id, remainingMs: 0 }] })
    await keeper.keepAlive(id)
    expect(checkpoints()).toHaveLength(3)
  })

  test('goes on when the log refuses a checkpoint', async () => {
    const { keeper, environment, proposed, refuseWith } = createKeeper({ checkpointIntervalMs: 10_000 })
    const { id } = await keeper.grant({ ttlMs: 60_000 })
    await pass(environment, 11_000)
    expect(proposed.at(-1)).toMatchObject({ type: 'leaseCheckpoint' })
    refuseWith(new StoreError('STORE_TOO_MANY_REQUESTS', 'busy'))
    await pass(environment, 11_000)
    expect(await keeper.timeToLive(id)).toBeDefined()
    refuseWith(undefined)
    await pass(environment, 11_000)
    expect(await keeper.timeToLive(id)).toBeDefined()
  })

  test('promises nothing that the next leader would not keep, who goes by what the log noted', async () => {
    const { keeper, environment, proposed, refuseWith, promote } = createKeeper({
      checkpointIntervalMs: 10_000,
    })
    const { id } = await keeper.grant({ ttlMs: 15_000 })
    await pass(environment, 11_000)
    expect(proposed.at(-1)).toMatchObject({ type: 'leaseCheckpoint' })
    refuseWith(new StoreError('STORE_TIMED_OUT', 'no majority'))
    expect(await errorOf(keeper.keepAlive(id))).toMatchObject({ code: 'STORE_TIMED_OUT' })
    refuseWith(undefined)
    expect(await keeper.keepAlive(id)).toEqual({ ttlMs: 15_000 })
    keeper.demote()
    promote(0)
    expect((await keeper.timeToLive(id))?.remainingMs).toBe(15_000)
  })

  test('does not call a lease gone that the log would not revoke', async () => {
    const { keeper, environment, refuseWith } = createKeeper()
    const { id } = await keeper.grant({ ttlMs: 2_000 })
    refuseWith(new StoreError('STORE_FAILED', 'the disk'))
    await pass(environment, 3_000)
    expect(await errorOf(keeper.keepAlive(id))).toMatchObject({ code: 'STORE_FAILED' })
    refuseWith(undefined)
    expect(await errorOf(keeper.keepAlive(id))).toMatchObject({ code: 'LEASE_NOT_FOUND' })
    expect(await keeper.timeToLive(id)).toBeUndefined()
  })

  test('decides nothing where another member leads, and gives leases their time again when it leads', async () => {
    const { keeper, environment, promote, proposed } = createKeeper()
    const { id } = await keeper.grant({ ttlMs: 5_000 })
    keeper.demote()
    expect(await errorOf(keeper.keepAlive(id))).toMatchObject({ code: 'LEASE_NOT_PRIMARY' })
    await pass(environment, 60_000)
    expect(proposed).toHaveLength(1)
    promote(1_000)
    await pass(environment, 5_900)
    expect(proposed).toHaveLength(1)
    await pass(environment, 1_000)
    expect(proposed.at(-1)).toEqual({ type: 'leaseExpire', ids: [id] })
  })

  test('revokes overdue leases again that the log refused to revoke', async () => {
    const { keeper, environment, proposed, refuseWith } = createKeeper()
    const { id } = await keeper.grant({ ttlMs: 2_000 })
    refuseWith(new StoreError('STORE_TOO_MANY_REQUESTS', 'busy'))
    await pass(environment, 3_000)
    refuseWith(undefined)
    expect(proposed).toHaveLength(1)
    await pass(environment, 4_000)
    expect(proposed.slice(1)).toEqual([{ type: 'leaseExpire', ids: [id] }])
  })

  test('revokes a lease once that expires while somebody revokes it', async () => {
    const { keeper, environment, proposed } = createKeeper()
    const { id } = await keeper.grant({ ttlMs: 2_000 })
    environment.clock.advance(1_950)
    await nextTurns()
    const revoked = keeper.revoke(id)
    environment.clock.advance(500)
    await revoked
    expect(proposed).toHaveLength(2)
  })

  test('revokes a lease once, however many ask for it', async () => {
    const { keeper, proposed } = createKeeper()
    const { id } = await keeper.grant({ ttlMs: 5_000 })
    await Promise.all([keeper.revoke(id), keeper.revoke(id), keeper.revoke(id)])
    expect(proposed.filter(({ type }) => type === 'leaseRevoke')).toHaveLength(1)
    expect(await errorOf(keeper.revoke(id))).toMatchObject({ code: 'LEASE_NOT_FOUND' })
  })
})
