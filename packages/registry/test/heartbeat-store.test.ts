import { hasCode } from '@orrery/environment'
import { createManualClock } from '@orrery/environment/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createMemoryHeartbeatStore } from '../src/memory-heartbeat-store.ts'
import { heartbeatStoreConformance } from '../src/testing.ts'

const hourMs = 3_600_000

describe('a heartbeat store in memory', () => {
  const cases = heartbeatStoreConformance.filter(({ needs }) => needs.length === 0)

  test.each(cases)('$name', async ({ run }) => {
    const clock = createManualClock()
    const first = createMemoryHeartbeatStore({ clock })
    await run({
      open: () => Promise.resolve(first.share()),
      advance: (ms) => {
        clock.advance(ms)
        return Promise.resolve()
      },
    })
    await first.close()
  })

  test.each(cases)('$name (by the clock of the process)', async ({ run }) => {
    const first = createMemoryHeartbeatStore()
    await run({ open: () => Promise.resolve(first.share()) })
  })

  test('forgets a subject that had no heartbeat for a day, and sets no timer for it', async () => {
    const clock = createManualClock()
    const store = createMemoryHeartbeatStore({ clock })
    await store.record(['a', 'b'])
    expect(clock.pending).toBe(0)
    clock.advance(24 * hourMs - 1)
    await store.record(['b'])
    expect((await store.latest(['a']))[0]?.ageMs).toBe(24 * hourMs - 1)
    clock.advance(1)
    expect(await store.latest(['a', 'b'])).toMatchObject([undefined, { ageMs: 1 }])
    expect(store.size).toBe(1)
  })

  test('frees what it forgot little by little, whatever it is asked', async () => {
    const clock = createManualClock()
    const store = createMemoryHeartbeatStore({ clock }, { forgetAfterMs: 1_000 })
    const old = Array.from({ length: 100 }, (_, index) => `old/${index}`)
    await store.record(old)
    clock.advance(1_000)
    expect(await store.latest(old.slice(50, 60))).toEqual(Array(10).fill(undefined))
    expect(store.size).toBe(60)
    await store.record(['new'])
    expect(store.size).toBe(57)
    for (let calls = 0; calls < 14; calls++) await store.latest(['nobody'])
    expect(store.size).toBe(1)
  })

  test('with too many subjects forgets those whose heartbeats are longest ago', async () => {
    const clock = createManualClock()
    const store = createMemoryHeartbeatStore({ clock }, { subjectsMax: 3, forgetAfterMs: Infinity })
    await store.record(['a', 'b', 'c'])
    await store.record(['a'])
    await store.record(['d', 'e'])
    expect(store.size).toBe(3)
    const found = await store.latest(['a', 'b', 'c', 'd', 'e'])
    expect(found.map((record) => record !== undefined)).toEqual([true, false, false, true, true])
  })

  test('remembers what was recorded for as long as one of those who share it is open', async () => {
    const first = createMemoryHeartbeatStore()
    const second = first.share()
    await first.record(['a'])
    await first.close()
    const third = second.share()
    await second.close()
    expect((await third.latest(['a']))[0]).toBeDefined()
    expect(() => first.share()).toThrow(expect.objectContaining({ code: 'HEARTBEATS_CLOSED' }))
    expect(first.size).toBe(0)
  })

  test.each([
    { forgetAfterMs: 0 },
    { forgetAfterMs: Number.NaN },
    { subjectsMax: 0 },
    { subjectsMax: 1.5 },
    { subjectsMax: Infinity },
  ])('refuses the options %o', (options) => {
    let thrown: unknown
    try {
      createMemoryHeartbeatStore({}, options)
    } catch (error) {
      thrown = error
    }
    expect(hasCode(thrown, 'HEARTBEATS_OPTION_INVALID')).toBe(true)
  })

  test('knows what a list of all heartbeats knows', async () => {
    const subject = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const subjects = fc.array(subject, { maxLength: 4 })
    const step = fc.oneof(
      fc.record({ type: fc.constant('record' as const), subjects }),
      fc.record({ type: fc.constant('remove' as const), subjects }),
      fc.record({ type: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 40 }) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const limits = { forgetAfterMs: 100, subjectsMax: 3 }
        const clock = createManualClock()
        const store = createMemoryHeartbeatStore({ clock }, limits)
        // The naive model: everything, the newest last.
        let heartbeats: { readonly subject: string; readonly atMs: number }[] = []
        for (const each of steps) {
          if (each.type === 'wait') clock.advance(each.ms)
          else await store[each.type](each.subjects)
          if (each.type === 'wait') continue
          for (const name of each.subjects) {
            heartbeats = heartbeats.filter((known) => known.subject !== name)
            if (each.type === 'record') heartbeats.push({ subject: name, atMs: clock.nowMs() })
          }
          heartbeats = heartbeats.slice(-limits.subjectsMax)
          const all = ['a', 'b', 'c', 'd', 'e']
          const ages = (await store.latest(all)).map((record) => record?.ageMs)
          const expected = all.map((name) => {
            const known = heartbeats.find((heartbeat) => heartbeat.subject === name)
            const ageMs = known === undefined ? Infinity : clock.nowMs() - known.atMs
            return ageMs < limits.forgetAfterMs ? ageMs : undefined
          })
          expect(ages).toEqual(expected)
        }
      }),
    )
  })
})
