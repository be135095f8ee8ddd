import { createSimulation, recurring } from '@orrery/simulation'
import { describe, expect, test } from 'vitest'

describe('virtual time', () => {
  test('events happen in order of time, and in the order of scheduling when times are equal', () => {
    const simulation = createSimulation({ seed: 1 })
    const seen: string[] = []
    simulation.schedule(20, () => seen.push(`late ${simulation.nowMs}`))
    simulation.schedule(10, () => seen.push(`first ${simulation.nowMs}`))
    simulation.schedule(10, () => {
      seen.push('second')
      simulation.schedule(0, () => seen.push('third'))
    })
    simulation.runSync(15)
    expect(seen).toEqual(['first 10', 'second', 'third'])
    expect(simulation.nowMs).toBe(15)
    simulation.runSync(30)
    expect(seen[3]).toBe('late 20')
  })

  test('thousands of events in random order come out sorted', () => {
    const simulation = createSimulation({ seed: 7 })
    const seen: number[] = []
    for (let i = 0; i < 5_000; i++) {
      const timer = simulation.schedule(simulation.random.below(1_000), () => seen.push(simulation.nowMs))
      if (i % 3 === 0) timer.cancel()
    }
    simulation.runSync(1_000)
    expect(seen).toHaveLength(3_333)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  test('promise jobs of an event run before the next event', async () => {
    const simulation = createSimulation({ seed: 1 })
    const seen: string[] = []
    const chatty = async (name: string): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        seen.push(`${name}${i}`)
        await Promise.resolve()
      }
    }
    simulation.schedule(1, () => void chatty('a'))
    simulation.schedule(1, () => void chatty('b'))
    await simulation.run(2)
    expect(seen).toEqual(['a0', 'a1', 'a2', 'b0', 'b1', 'b2'])
  })

  test('code that awaits its own timers runs to its end', async () => {
    const simulation = createSimulation({ seed: 1 })
    const { clock } = simulation.createNode('n1').start()
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve))
    let turns = 0
    const work = async (): Promise<void> => {
      for (; turns < 1_000; turns++) await sleep(1)
    }
    void work()
    await simulation.run(10_000, () => turns === 500)
    expect([turns, simulation.nowMs]).toEqual([500, 500])
    await simulation.run(10_000)
    expect([turns, simulation.nowMs]).toEqual([1_000, 10_000])
  })

  test('an event that throws ends the run', async () => {
    const simulation = createSimulation({ seed: 1 })
    const broken = (): void => {
      throw new Error('broken')
    }
    simulation.schedule(1, broken)
    await expect(simulation.run(2)).rejects.toThrow('broken')
    simulation.schedule(1, broken)
    expect(() => simulation.runSync(5)).toThrow('broken')
    expect(Math.random()).toBeLessThan(1)
  })

  test('a loop without a delay is found', () => {
    const simulation = createSimulation({ seed: 1, stallMaxEvents: 100 })
    const again = (): void => void simulation.schedule(0, again)
    again()
    expect(() => simulation.runSync(1)).toThrow(expect.objectContaining({ code: 'SIMULATION_STALLED' }))
  })

  test('the same seed gives the same hash, another one does not', async () => {
    const hashOf = async (seed: number, asynchronously: boolean): Promise<string> => {
      const simulation = createSimulation({ seed })
      const node = simulation.createNode('n1', { drift: 0.001 })
      const { clock, random } = node.start()
      recurring(simulation, random, { pauseMeanMs: 3 }, () => void clock.setTimer(random.below(9), () => {}))
      if (asynchronously) await simulation.run(1_000)
      else simulation.runSync(1_000)
      return simulation.trace.hash
    }
    const hash = await hashOf(1, true)
    expect(hash).toMatch(/^[0-9a-f]{16}$/)
    expect(await hashOf(1, true)).toBe(hash)
    expect(await hashOf(1, false)).toBe(hash)
    expect(await hashOf(2, true)).not.toBe(hash)
  })
})

describe('globals of the real process', () => {
  const uses: readonly (readonly [string, () => unknown])[] = [
    ['Date.now', () => Date.now()],
    ['new Date()', () => new Date()],
    ['Math.random', () => Math.random()],
    ['setTimeout', () => setTimeout(() => {}, 1)],
    ['setImmediate', () => setImmediate(() => {})],
    ['performance.now', () => performance.now()],
    ['process.hrtime', () => process.hrtime()],
    ['process.hrtime.bigint', () => process.hrtime.bigint()],
    ['crypto.randomUUID', () => crypto.randomUUID()],
    ['AbortSignal.timeout', () => AbortSignal.timeout(1)],
  ]

  test.each(uses)('%s throws while an event runs, and works again afterwards', async (_, use) => {
    const error: unknown = expect.objectContaining({ code: 'SIMULATION_HOST_GLOBAL' })
    const simulation = createSimulation({ seed: 1 })
    simulation.schedule(1, use)
    expect(() => simulation.runSync(2)).toThrow(error)
    expect(use).not.toThrow()
    let later: unknown
    simulation.schedule(1, () => {
      later = Promise.resolve().then(use)
      ;(later as Promise<unknown>).catch(() => {})
    })
    await simulation.run(4)
    await expect(later).rejects.toThrow(error)
    expect(use).not.toThrow()
  })

  test('a date of a given time is a value', () => {
    const simulation = createSimulation({ seed: 1 })
    let date: unknown
    simulation.schedule(1, () => {
      date = new Date(5)
      expect(date).toBeInstanceOf(Date)
    })
    simulation.runSync(2)
    expect(date).toEqual(new Date(5))
  })

  test('are left alone when asked for', () => {
    const simulation = createSimulation({ seed: 1, poisonsGlobals: false })
    simulation.schedule(1, () => Math.random())
    simulation.runSync(2)
    expect(simulation.eventCount).toBe(1)
  })
})
