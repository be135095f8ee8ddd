import { describe, expect, test } from 'vitest'
import { type ManualRegistry, spec, startManualRegistry } from './support.ts'

const key = { namespace: 'default', service: 'shop', id: 'a' }
const ttlMs = 3_000
const beating = { ttlMs, heartbeatIntervalMs: 1_000 }

/** Sends heartbeats of these instances every second. */
async function beat(host: ManualRegistry, ids: readonly string[], seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await host.pass(1_000)
    for (const id of ids) host.registry.heartbeat({ ...key, id })
  }
}

describe('health', () => {
  test('an instance that beats stays healthy, one that stops is unhealthy within its time to live and a second', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    await beat(host, ['a'], 20)
    expect(host.registry.instance(key)).toMatchObject({ healthy: true })
    await host.pass(ttlMs - 100)
    expect(host.registry.instance(key)).toMatchObject({ healthy: true })
    await host.pass(1_100)
    expect(host.registry.instance(key)).toMatchObject({
      healthy: false,
      expired: true,
      healthReason: 'expired',
    })
    expect(host.changes.at(-1)).toMatchObject({ type: 'healthChanged', previous: { healthy: true } })
    expect(host.registry.stats().healthChanges.expired).toBe(1)
  })

  test('an instance that never beats counts from its registration', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    await host.pass(ttlMs + 1_000)
    expect(host.registry.instance(key)).toMatchObject({ healthy: false, expired: true })
  })

  test('an instance without time to live needs no heartbeats', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec())
    await host.pass(60_000)
    expect(host.registry.heartbeat(key)).toBe('ok')
    expect(host.registry.instance(key)).toMatchObject({ healthy: true })
    expect(host.registry.stats().judged).toBe(0)
  })

  test('one heartbeat brings it back', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    await host.pass(ttlMs + 1_000)
    expect(host.registry.heartbeat(key)).toBe('ok')
    await host.pass(50)
    expect(host.registry.instance(key)).toMatchObject({
      healthy: true,
      expired: false,
      healthReason: 'heartbeat',
    })
    await host.pass(ttlMs + 1_000)
    expect(host.registry.instance(key)).toMatchObject({ healthy: false })
  })

  test('registering again brings it back, too', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    await host.pass(ttlMs + 1_000)
    expect(await host.registry.register(spec(beating))).toMatchObject({ healthy: true, expired: false })
  })

  test('a heartbeat does not make healthy what says that it is not', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec({ ...beating, healthy: false }))
    await beat(host, ['a'], 5)
    expect(host.registry.instance(key)).toMatchObject({
      healthy: false,
      reportedHealthy: false,
      expired: false,
    })
    await host.registry.update(key, { healthy: true })
    expect(host.registry.instance(key)).toMatchObject({ healthy: true, healthReason: 'reported' })
  })

  test('it is removed after having been expired for long enough, with the reason', async () => {
    await using host = await startManualRegistry({ evictAfterMs: 5_000 })
    await host.registry.register(spec(beating))
    await host.pass(ttlMs + 1_000)
    expect(host.registry.instance(key)).toMatchObject({ expired: true })
    await host.pass(6_000)
    expect(host.registry.instance(key)).toBeUndefined()
    expect(host.changes.at(-1)).toMatchObject({ type: 'removed', reason: 'evicted' })
    expect(host.registry.heartbeat(key)).toBe('unknown')
    expect(host.registry.stats()).toMatchObject({ removals: { evicted: 1 }, heartbeats: { unknown: 1 } })
  })

  test('it is never removed when it is to be kept', async () => {
    await using host = await startManualRegistry({ evictAfterMs: Infinity })
    await host.registry.register(spec(beating))
    await host.pass(120_000)
    expect(host.registry.instance(key)).toMatchObject({ expired: true })
  })

  test('a stall of our own expires nobody', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    await beat(host, ['a'], 3)
    // The process stood still: all timers are late, and heartbeats still wait in sockets.
    host.environment.clock.freeze(60_000)
    await host.pass(200)
    expect(host.registry.instance(key)).toMatchObject({ healthy: true })
    host.registry.heartbeat(key)
    await host.pass(2_500)
    expect(host.registry.instance(key)).toMatchObject({ healthy: true })
    await host.pass(3_000)
    expect(host.registry.instance(key)).toMatchObject({ healthy: false })
    expect(host.registry.stats().judgingPaused.stall).toBeGreaterThan(0)
  })

  test('a change of time of day means nothing', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    host.environment.clock.shiftWall(86_400_000)
    await beat(host, ['a'], 3)
    host.environment.clock.shiftWall(-2 * 86_400_000)
    await beat(host, ['a'], 3)
    expect(host.registry.instance(key)).toMatchObject({ healthy: true })
  })

  test('a longer time to live counts from when it was given', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    await host.registry.update(key, { ttlMs: 10_000 })
    await host.pass(9_000)
    expect(host.registry.instance(key)).toMatchObject({ healthy: true })
    await host.pass(2_000)
    expect(host.registry.instance(key)).toMatchObject({ healthy: false })
  })

  test('a change by an operator does not lengthen the life of what is dead', async () => {
    await using host = await startManualRegistry()
    await host.registry.register(spec(beating))
    await host.pass(2_000)
    await host.registry.update(key, { weight: 5 })
    await host.pass(2_000)
    expect(host.registry.instance(key)).toMatchObject({ healthy: false, weight: 5 })
  })
})

describe('protection', () => {
  const ids = Array.from({ length: 20 }, (_, n) => `i${n}`)

  test('when many are missing at once nobody is removed, until they are back or gone', async () => {
    await using host = await startManualRegistry({ evictAfterMs: 2_000 })
    const events: unknown[] = []
    host.registry.events.on('protectionChanged', (event) => events.push(event))
    await Promise.all(ids.map((id) => host.registry.register(spec({ id, ...beating }))))
    await beat(host, ids.slice(0, 10), 30)
    expect(host.registry.stats()).toMatchObject({ instances: 20, healthy: 10, removals: { evicted: 0 } })
    expect(host.registry.protection()).toBe(true)
    expect(host.registry.stats().protection).toMatchObject({ active: true, services: 1, heldBack: 10 })
    expect(events).toMatchObject([
      { scope: undefined, active: true },
      { scope: { service: 'shop' }, active: true },
    ])
    // Most of them come back: the one that does not is removed.
    await beat(host, ids.slice(0, 19), 10)
    expect(host.registry.protection()).toBe(false)
    expect(host.registry.stats()).toMatchObject({ instances: 19, healthy: 19, removals: { evicted: 1 } })
  })

  test('a small fleet is not protected', async () => {
    await using host = await startManualRegistry({ evictAfterMs: 2_000 })
    await Promise.all(ids.slice(0, 9).map((id) => host.registry.register(spec({ id, ...beating }))))
    await beat(host, ['i0'], 10)
    expect(host.registry.stats()).toMatchObject({ instances: 1, healthy: 1 })
  })

  test('each instance is expected by its own interval', async () => {
    await using host = await startManualRegistry({ evictAfterMs: 2_000 })
    const slow = { ttlMs: 60_000, heartbeatIntervalMs: 20_000 }
    await Promise.all(ids.slice(0, 15).map((id) => host.registry.register(spec({ id, ...beating }))))
    await Promise.all(ids.slice(15).map((id) => host.registry.register(spec({ id, ...slow }))))
    // 2 of 15 fast ones are missing: 13 %. The slow ones hardly count, though they are a quarter of all.
    await beat(host, ids.slice(2), 10)
    expect(host.registry.protection()).toBe(false)
    expect(host.registry.stats().instances).toBe(18)
  })

  test('it ends when it has been long enough', async () => {
    await using host = await startManualRegistry({ evictAfterMs: 2_000, protection: { maxMs: 10_000 } })
    await Promise.all(ids.map((id) => host.registry.register(spec({ id, ...beating }))))
    await beat(host, ids.slice(0, 10), 30)
    expect(host.registry.stats()).toMatchObject({ instances: 10, removals: { evicted: 10 } })
  })

  test('switched off, all are removed', async () => {
    await using host = await startManualRegistry({ evictAfterMs: 2_000, protection: { enabled: false } })
    await Promise.all(ids.map((id) => host.registry.register(spec({ id, ...beating }))))
    await host.pass(8_000)
    expect(host.registry.stats().instances).toBe(0)
  })
})
