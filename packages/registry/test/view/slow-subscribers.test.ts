import { getEventListeners } from 'node:events'
import { createManualEnvironment } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { registryDefaults } from '../../src/options.ts'
import type { ChangeBatch, ServiceSnapshot, Subscription } from '../../src/registry.ts'
import { Discovery } from '../../src/view/discovery.ts'
import { Subscriptions } from '../../src/view/subscriptions.ts'
import { View } from '../../src/view/view.ts'
import { type ManualRegistry, settle, spec, startManualRegistry } from '../support.ts'

const key = { namespace: 'default', service: 'shop' }
const changes = 100_000
/** Changes that are made at the same time; each is one of an instance of its own. */
const atOnce = 500
const ids = Array.from({ length: atOnce }, (_, n) => `i${String(n).padStart(3, '0')}`)

/** Reads a subscription as fast as it can, and keeps the revisions that it was given. */
function readAll(subscription: Subscription): { readonly revisions: number[]; readonly done: Promise<void> } {
  const revisions: number[] = []
  const read = async (): Promise<void> => {
    for await (const { revision } of subscription) revisions.push(revision)
  }
  return { revisions, done: read() }
}

async function nextOf(subscription: Subscription): Promise<ServiceSnapshot | undefined> {
  return (await subscription[Symbol.asyncIterator]().next()).value
}

/** Whether somebody who asks now waits for something that has not happened. The question stays open. */
async function waits(subscription: Subscription): Promise<boolean> {
  const next = subscription[Symbol.asyncIterator]().next()
  next.catch(() => undefined)
  const late = settle().then(() => 'late')
  return (await Promise.race([next, late])) === 'late'
}

/** Gives every instance another weight. */
async function changeAll({ registry }: ManualRegistry, weight: number): Promise<void> {
  await Promise.all(ids.map((id) => registry.update({ ...key, id }, { weight })))
}

describe('subscribers who do not read', () => {
  test('hold nothing while 100 000 changes happen, delay nobody, and get the newest when they ask', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await Promise.all(ids.map((id) => registry.register(spec({ id }))))
    const alias = { namespace: 'default', service: 'store' }
    await registry.services.create(alias, { aliasOf: key })
    const begin = registry.revision
    let batches = 0
    registry.events.on('changed', () => batches++)
    const never = registry.subscribe(key)
    const once = registry.subscribe(key)
    await nextOf(once)
    const others = [
      registry.subscribe({ ...key, healthyOnly: true }),
      registry.subscribe({ ...key, metadata: { color: 'red' } }),
      registry.subscribe(alias),
      registry.subscribe({ ...key, from: 'default' }),
    ]
    const fast = registry.subscribe(key)
    const reader = readAll(fast)
    for (let weight = 1; weight <= changes / atOnce; weight++) {
      await changeAll(host, weight)
      await settle(1)
      // No deferred work has run and no time has passed: whoever reads has the newest at once.
      expect(reader.revisions.at(-1)).toBe(registry.revision)
    }
    expect(batches).toBeGreaterThanOrEqual(changes / 100)
    // Each change but the newest was left out; of the first, he had not even seen what was before.
    expect([never.skipped, once.skipped]).toEqual([batches, batches - 1])
    expect(reader.revisions).toEqual([...new Set(reader.revisions)].sort((a, b) => a - b))
    for (const subscription of [never, once, ...others]) {
      const newest = await nextOf(subscription)
      expect(newest?.revision).toBe(registry.revision)
      for (const { weight } of newest?.instances ?? []) expect(weight).toBe(changes / atOnce)
      expect(await waits(subscription)).toBe(true)
    }
    // What observers can look back to is bounded, too.
    expect(registry.changesSince(begin)).toBeUndefined()
    expect(rememberedOf(host)).toBeLessThanOrEqual(registryDefaults.changesMaxItems)
    for (const subscription of [never, once, fast, ...others]) subscription.close()
    await reader.done
    expect(registry.stats().subscriptions).toBe(0)
  })

  test('take no part when others are served, however many they are', async () => {
    await using host = await startManualRegistry()
    const { registry, environment } = host
    await registry.register(spec({ id: 'i000' }))
    const slow = Array.from({ length: 20_000 }, () => registry.subscribe(key))
    for (const subscription of slow.slice(10_000)) await nextOf(subscription)
    const fast = registry.subscribe(key)
    const reader = readAll(fast)
    const timers = environment.clock.pending
    for (let weight = 1; weight <= 50; weight++) {
      await registry.update({ ...key, id: 'i000' }, { weight })
      await settle(1)
      expect(reader.revisions.at(-1)).toBe(registry.revision)
    }
    expect(environment.clock.pending).toBe(timers)
    expect(registry.stats().subscriptions).toBe(20_001)
    // All who come late get the same object: nothing was kept for any of them.
    const newest = registry.discover(key)
    for (const subscription of slow) expect(await nextOf(subscription)).toBe(newest)
    for (const subscription of [...slow, fast]) subscription.close()
    await reader.done
    expect(registry.stats().subscriptions).toBe(0)
  })

  test('but wait for more than one change, have one timer, which goes with them', async () => {
    await using host = await startManualRegistry()
    const { registry, environment } = host
    await registry.register(spec({ id: 'i000' }))
    const subscription = registry.subscribe(key, { lingerMaxMs: 1_000 })
    await nextOf(subscription)
    const timers = environment.clock.pending
    const next = subscription[Symbol.asyncIterator]().next()
    for (let weight = 1; weight <= 100; weight++) await registry.update({ ...key, id: 'i000' }, { weight })
    expect(environment.clock.pending).toBe(timers + 1)
    subscription.close()
    expect(environment.clock.pending).toBe(timers)
    expect(await next).toEqual({ done: true, value: undefined })
  })
})

function rememberedOf({ registry }: ManualRegistry): number {
  let low = 0
  let high = registry.revision
  while (low < high) {
    const middle = (low + high) >> 1
    if (registry.changesSince(middle) === undefined) low = middle + 1
    else high = middle
  }
  const sizeOf = ({ instances, services, namespaces }: ChangeBatch): number =>
    instances.length + services.length + namespaces.length
  return (registry.changesSince(low) ?? []).reduce((sum, batch) => sum + sizeOf(batch), 0)
}

/** The parts of a registry that subscriptions leave something in. */
function parts() {
  const nothing = (): void => undefined
  const view = new View('registry/', {
    added: nothing,
    changed: nothing,
    removed: nothing,
    unreadable: nothing,
  })
  const { clock } = createManualEnvironment()
  const subscriptions = new Subscriptions(clock)
  const discovery = new Discovery(view)
  const subscribe = (service: string, from?: string, signal?: AbortSignal): Subscription =>
    subscriptions.open(discovery.source({ namespace: 'default', service, from }), { signal })
  return { view, subscriptions, subscribe }
}

describe('a subscriber who leaves', () => {
  test('leaves nothing behind, not even the names that he asked for', async () => {
    const { view, subscriptions, subscribe } = parts()
    const names = Array.from({ length: 10_000 }, (_, n) => `unknown-${n}`)
    const open = names.map((name, n) => subscribe(name, n % 2 === 0 ? undefined : 'elsewhere'))
    // Some ask and are answered, some ask and wait, most never ask.
    for (const subscription of open.slice(0, 100)) await nextOf(subscription)
    const waiting = open.slice(0, 50).map(nextOf)
    expect([...view.serviceViews()]).toHaveLength(5_000)
    for (const subscription of open) subscription.close()
    expect(subscriptions.size).toBe(0)
    expect([...view.serviceViews()]).toEqual([])
    expect(names.filter((name) => view.family(name) !== undefined)).toEqual([])
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([undefined]))
  })

  test('takes his listener from a signal that lives on', () => {
    const { subscriptions, subscribe } = parts()
    const { signal } = new AbortController()
    const open = Array.from({ length: 5 }, () => subscribe('shop', undefined, signal))
    expect(getEventListeners(signal, 'abort')).toHaveLength(5)
    for (const subscription of open) subscription.close()
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(subscriptions.size).toBe(0)
  })

  test('by ending a loop has left, and changes do not reach him', async () => {
    await using host = await startManualRegistry()
    const { registry } = host
    await registry.register(spec({ id: 'i000' }))
    const subscription = registry.subscribe(key)
    for await (const { instances } of subscription) {
      expect(instances).toHaveLength(1)
      break
    }
    expect(registry.stats().subscriptions).toBe(0)
    for (let weight = 1; weight <= 10; weight++) await registry.update({ ...key, id: 'i000' }, { weight })
    expect(subscription.skipped).toBe(0)
  })
})
