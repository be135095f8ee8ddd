import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { AuditSweeper } from '../../src/audit/audit-sweeper.ts'
import { endOf } from '../../src/keys.ts'
import { createTrail, createWriter, key, prefix, readAll, trailOf } from '../writes/writers.ts'

const maxAgeMs = 100_000

/** Settles a promise that needs the manual clock's deferred work. */
async function during<T>(environment: ManualEnvironment, promise: Promise<T>): Promise<T> {
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  promise.then(over, over)
  while (!isOver) {
    environment.clock.runDeferred()
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return await promise
}

async function indexOf(store: Store): Promise<number> {
  const from = `${prefix}audit/of/`
  return (await store.range({ key: from, rangeEnd: endOf(from), countOnly: true })).count
}

describe('the sweeper', () => {
  test('leaves what is no record, and goes on behind it', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment })
    for (let n = 0; n < 3; n++) await writer.publish(key, { content: `${n}` })
    const others = ['99999999999999', 'notes/1', ...Array.from({ length: 70 }, (_, n) => `0-${n}`)]
    for (const other of others) await store.put({ key: `${prefix}audit/all/${other}`, value: '[]' })
    environment.clock.advance(2 * maxAgeMs)
    const sweeper = new AuditSweeper({ store, environment, prefix }, maxAgeMs)
    expect(await during(environment, sweeper.sweep())).toBe(4)
    const from = `${prefix}audit/all/`
    const left = await store.range({ key: from, rangeEnd: endOf(from), countOnly: true })
    expect(left.count).toBe(others.length)
  })

  test('removes what is too old, with what points at it, a few at a time', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment })
    for (let n = 0; n < 200; n++) await writer.publish(key, { content: `${n}` })
    expect(await indexOf(store)).toBe(1)
    environment.clock.advance(50_000)
    await writer.save(key, { content: 'x' })
    environment.clock.advance(50_000)
    const sweeper = new AuditSweeper({ store, environment, prefix }, maxAgeMs)
    expect(await during(environment, sweeper.sweep())).toBe(0)
    environment.clock.advance(1)
    const { revision } = store.status()
    expect(await during(environment, sweeper.sweep())).toBe(201)
    expect(store.status().revision - revision).toBe(4)
    expect(await trailOf(store)).toMatchObject([{ action: 'draftSaved' }])
    expect(await indexOf(store)).toBe(0)
    expect(await readAll(createTrail(store), key)).toMatchObject([{ action: 'draftSaved' }])
    expect((await writer.publish(key)).version).toBe(201)
  })

  test('removes what points at a record that no longer says whose it is, wherever that is', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment })
    for (const group of ['a', 'b', 'c']) await writer.publish({ ...key, group }, { content: 'x' })
    const many = Array.from({ length: 2_500 }, (_, n) => `${prefix}audit/of/default/a${n}//id`)
    for (const pointer of many) await store.put({ key: pointer })
    const all = `${prefix}audit/all/`
    const { kvs } = await store.range({ key: all, rangeEnd: endOf(all) })
    for (const { keyString, value } of kvs) {
      if (Buffer.from(value).toString().includes('default/b/"'))
        await store.put({ key: keyString, value: '{' })
    }
    environment.clock.advance(maxAgeMs + 1)
    const sweeper = new AuditSweeper({ store, environment, prefix }, maxAgeMs)
    expect(await during(environment, sweeper.sweep())).toBe(5)
    expect(await indexOf(store)).toBe(many.length)
    expect((await store.range({ key: all, rangeEnd: endOf(all) })).count).toBe(0)
  })

  test('that is closed while it looks for what points at such a record leaves the record for the next one', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    await store.put({ key: `${prefix}audit/all/99999999999999-000000000-000000001`, value: '{' })
    for (let n = 0; n < 1_001; n++) await store.put({ key: `${prefix}audit/of/n/g//${n}` })
    environment.clock.advance(maxAgeMs + 1)
    const sweeper = new AuditSweeper({ store, environment, prefix }, maxAgeMs)
    const { revision } = store.status()
    const sweeping = sweeper.sweep()
    while (environment.clock.pending === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    await sweeper.close()
    expect(await sweeping).toBe(0)
    expect(store.status().revision).toBe(revision)
  })

  test('looks again and again, until it is closed', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment })
    const sweeper = new AuditSweeper({ store, environment, prefix }, maxAgeMs)
    sweeper.start()
    for (let n = 0; n < 3; n++) {
      await writer.publish(key, { content: `${n}` })
      // Its own timers, and the time that its work takes.
      for (let passed = 0; passed < 2 * maxAgeMs; passed += 1_000) {
        environment.clock.advance(1_000)
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      expect(await trailOf(store)).toEqual([])
    }
    await sweeper.close()
    expect(environment.clock.pending).toBe(0)
  })

  test('does nothing where entries are kept for ever', () => {
    const environment = createManualEnvironment()
    const sweeper = new AuditSweeper({ store: createMemoryStore(), environment, prefix }, Infinity)
    sweeper.start()
    expect(environment.clock.pending).toBe(0)
  })

  test('tries again at its next time when the store fails, and says so', async () => {
    const environment = createManualEnvironment()
    const store = createMemoryStore()
    await store.close()
    environment.clock.advance(2 * maxAgeMs)
    const sweeper = new AuditSweeper({ store, environment, prefix }, maxAgeMs)
    sweeper.start()
    environment.clock.advance(1_000)
    await new Promise<void>((resolve) => setImmediate(resolve))
    expect(environment.logger.lines).toMatchObject([{ level: 'warn' }])
    expect(environment.clock.pending).toBe(1)
    await sweeper.close()
  })
})
