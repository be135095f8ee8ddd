import { InvariantError } from '@orrery/environment'
import { createTimerWheel, type TimerWheel, WheelEntry } from '@orrery/timer-wheel'
import { describe, expect, test } from 'vitest'

class Probe extends WheelEntry {
  readonly name: number

  constructor(name: number) {
    super()
    this.name = name
  }
}

const names = (probes: readonly Probe[]) => probes.map((probe) => probe.name)

/** Schedules one probe per deadline, named by its position. */
function armed(wheel: TimerWheel<Probe>, deadlinesMs: readonly number[]): Probe[] {
  return deadlinesMs.map((deadlineMs, name) => {
    const probe = new Probe(name)
    wheel.schedule(probe, deadlineMs)
    return probe
  })
}

describe('a timer wheel', () => {
  test('expires an entry at the first tick that is not before its deadline', () => {
    const wheel = createTimerWheel<Probe>({ tickMs: 10 })
    armed(wheel, [95])
    expect(wheel.advance(95)).toEqual([])
    expect(wheel.advance(99.9)).toEqual([])
    expect(names(wheel.advance(100))).toEqual([0])
    expect(wheel.advance(1_000)).toEqual([])
  })

  test.each([7, 100])('is not early by a rounding error, with ticks of %d ms', (tickMs) => {
    for (let tick = 1; tick <= 2_000; tick += 1) {
      const onTickMs = tick * tickMs
      const ulpMs = 2 ** (Math.floor(Math.log2(onTickMs)) - 52)
      const wheel = createTimerWheel<Probe>({ tickMs })
      armed(wheel, [onTickMs, onTickMs + ulpMs])
      expect(wheel.advance(onTickMs - ulpMs)).toEqual([])
      expect(names(wheel.advance(onTickMs))).toEqual([0])
      expect(names(wheel.advance(onTickMs + tickMs))).toEqual([1])
    }
  })

  test('expires the oldest tick first, however far apart deadlines are and in whatever order they came', () => {
    const wheel = createTimerWheel<Probe>({ tickMs: 1 })
    armed(wheel, [9e12, 40, 1_000_000, 3, 1_023, 33, 1_024, 9e12 - 1])
    expect(names(wheel.advance(9e12))).toEqual([3, 5, 1, 4, 6, 2, 7, 0])
  })

  test('treats a deadline that has passed as due at the next advance', () => {
    const wheel = createTimerWheel<Probe>({ tickMs: 100, nowMs: 5_000 })
    armed(wheel, [1_000, -7])
    expect(names(wheel.advance(5_000))).toEqual([0, 1])
  })

  test('moves an entry that is scheduled again, also between wheels', () => {
    const wheel = createTimerWheel<Probe>()
    const other = createTimerWheel<Probe>()
    const [probe = new Probe(-1)] = armed(wheel, [500])
    wheel.schedule(probe, 90_000)
    expect(wheel.advance(1_000)).toEqual([])
    other.schedule(probe, 2_000)
    expect(wheel.advance(100_000)).toEqual([])
    expect(wheel.nextDeadlineMs()).toBeUndefined()
    expect(names(other.advance(100_000))).toEqual([0])
  })

  test('expires an entry that was put off at its last deadline, and one that was called forward too', () => {
    const wheel = createTimerWheel<Probe>({ tickMs: 1 })
    const probes = armed(wheel, [500, 500, 500])
    for (const probe of probes) wheel.postpone(probe, [900, 500, 100][probe.name] ?? 0)
    expect(names(wheel.advance(499))).toEqual([2])
    expect(names(wheel.advance(899))).toEqual([1])
    for (const probe of probes.slice(1)) wheel.postpone(probe, 901)
    expect(names(wheel.advance(900))).toEqual([0])
    expect(names(wheel.advance(901))).toEqual([1, 2])
  })

  test('tells whether a cancelled entry was armed', () => {
    const wheel = createTimerWheel<Probe>()
    const [probe = new Probe(-1)] = armed(wheel, [500])
    expect(probe.scheduled).toBe(true)
    expect(wheel.cancel(probe)).toBe(true)
    expect(wheel.cancel(probe)).toBe(false)
    expect(probe.scheduled).toBe(false)
    expect(wheel.nextDeadlineMs()).toBeUndefined()
  })

  test('expires nothing when the clock goes backwards, and goes on when it returns', () => {
    const wheel = createTimerWheel<Probe>({ tickMs: 1 })
    wheel.advance(10_000)
    armed(wheel, [10_050])
    expect(wheel.advance(0)).toEqual([])
    expect(wheel.advance(10_049)).toEqual([])
    expect(names(wheel.advance(10_050))).toEqual([0])
  })

  test('refuses what is not a time', () => {
    const wheel = createTimerWheel<Probe>()
    const probe = new Probe(0)
    for (const notTime of [Number.NaN, Infinity, 2 ** 53]) {
      expect(() => wheel.schedule(probe, notTime)).toThrow(InvariantError)
      expect(() => wheel.advance(notTime)).toThrow(InvariantError)
    }
    expect(() => wheel.advance(0, { maxExpired: 0 })).toThrow(InvariantError)
    expect(() => createTimerWheel({ tickMs: 0.5 })).toThrow(InvariantError)
    wheel.schedule(probe, Number.MAX_SAFE_INTEGER)
    expect(wheel.advance(Number.MAX_SAFE_INTEGER - 100)).toEqual([])
    expect(wheel.nextDeadlineMs()).toBeGreaterThan(0)
  })
})
