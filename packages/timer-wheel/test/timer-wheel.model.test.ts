import { createTimerWheel, WheelEntry } from '@orrery/timer-wheel'
import fc from 'fast-check'
import { expect, test } from 'vitest'

class Probe extends WheelEntry {
  /** Deadline in the model: what the wheel must know. `undefined` when disarmed. */
  dueMs: number | undefined = undefined
  /** Whether it was armed for the future, so that its place in the order is known. */
  ahead = false
}

/** Spans from one tick to ten thousand years, so that every level is reached. */
const span = fc
  .tuple(fc.integer({ min: 0, max: 43 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([bits, fraction]) => 2 ** bits * fraction)

const command = fc.oneof(
  { weight: 1, arbitrary: fc.record({ type: fc.constant('clockBackwards' as const), byMs: span }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('schedule' as const), probe: fc.nat(19), inMs: span }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('scheduleLate' as const), probe: fc.nat(19), agoMs: span }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('postpone' as const), probe: fc.nat(19), inMs: span }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('cancel' as const), probe: fc.nat(19) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('advance' as const),
      byMs: span,
      maxExpired: fc.integer({ min: 1, max: 4 }),
      maxSteps: fc.integer({ min: 1, max: 5 }),
      calls: fc.integer({ min: 0, max: 6 }),
    }),
  },
)

/** The tick at which an entry is due, in exact arithmetic. */
function tickOf(ms: number, tickMs: number): number {
  let tick = Math.round(ms / tickMs) - 1
  while (tick * tickMs < ms) tick += 1
  return tick
}

test('agrees with a naive list of deadlines', () => {
  const reached = new Set<string>()
  fc.assert(
    fc.property(
      fc.constantFrom(1, 7, 100),
      span,
      fc.array(command, { maxLength: 60, size: 'max' }),
      (tickMs, startMs, commands) => {
        const wheel = createTimerWheel<Probe>({ tickMs, nowMs: startMs })
        const probes = Array.from({ length: 20 }, () => new Probe())
        const probeAt = (index: number): Probe => probes[index] ?? expect.fail('there are 20 probes')
        const dueTick = (probe: Probe) => tickOf(probe.dueMs ?? expect.fail('expired while disarmed'), tickMs)
        let nowMs = startMs

        const advance = (limits: { maxExpired?: number; maxSteps?: number }, atMs = nowMs) => {
          const before = wheel.steps
          const expired = wheel.advance(atMs, limits)
          expect(wheel.steps - before).toBeLessThanOrEqual(limits.maxSteps ?? Infinity)
          expect(expired.length).toBeLessThanOrEqual(limits.maxExpired ?? Infinity)
          if (wheel.steps - before > expired.length) reached.add('cascade')
          let lastTick = -Infinity
          for (const probe of expired) {
            const tick = dueTick(probe)
            expect(tick * tickMs, 'never early').toBeLessThanOrEqual(atMs)
            if (probe.ahead) {
              expect(tick, 'oldest first').toBeGreaterThanOrEqual(lastTick)
              lastTick = tick
            }
            probe.dueMs = undefined
          }
        }
        const mayHaveMore = () => (wheel.nextDeadlineMs() ?? Infinity) <= nowMs

        for (const step of commands) {
          if (step.type === 'advance') {
            nowMs = Math.min(nowMs + step.byMs, 2 ** 50)
            for (let call = 0; call < step.calls && mayHaveMore(); call += 1) advance(step)
            if (mayHaveMore()) {
              reached.add('interrupted')
              continue
            }
            advance({})
            const overdue = probes.filter(
              (probe) => probe.dueMs !== undefined && dueTick(probe) * tickMs <= nowMs,
            )
            expect(overdue, 'nothing is lost').toEqual([])
          } else if (step.type === 'clockBackwards') {
            advance({}, nowMs - step.byMs)
          } else {
            const probe = probeAt(step.probe)
            expect(probe.scheduled).toBe(probe.dueMs !== undefined)
            if (step.type === 'cancel') {
              expect(wheel.cancel(probe)).toBe(probe.dueMs !== undefined)
              probe.dueMs = undefined
            } else {
              probe.ahead = step.type !== 'scheduleLate'
              probe.dueMs = step.type === 'scheduleLate' ? nowMs - step.agoMs : nowMs + step.inMs
              if (step.type === 'postpone') wheel.postpone(probe, probe.dueMs)
              else wheel.schedule(probe, probe.dueMs)
            }
          }
          for (const probe of probes) {
            if (!probe.ahead || probe.dueMs === undefined) continue
            expect(wheel.nextDeadlineMs(), 'a lower bound').toBeLessThanOrEqual(dueTick(probe) * tickMs)
          }
        }
        nowMs = 2 ** 51
        while (mayHaveMore()) advance({ maxExpired: 3, maxSteps: 3 })
        expect(probes.filter((probe) => probe.dueMs !== undefined)).toEqual([])
      },
    ),
    { numRuns: 2_000 },
  )
  expect(reached, 'the generator reaches what it is for').toEqual(new Set(['cascade', 'interrupted']))
})

test('a call does no more than its limits, with 200 000 entries in one far slot and a jump of ten days', () => {
  const entries = 200_000
  const wheel = createTimerWheel<WheelEntry>({ tickMs: 100 })
  for (let index = 0; index < entries; index += 1) wheel.schedule(new WheelEntry(), 36_000_000 + (index % 7))
  const nowMs = 864_000_000
  let expired = 0
  let calls = 0
  while ((wheel.nextDeadlineMs() ?? Infinity) <= nowMs) {
    const before = wheel.steps
    expired += wheel.advance(nowMs, { maxSteps: 1_000 }).length
    expect(wheel.steps - before).toBeLessThanOrEqual(1_000)
    calls += 1
  }
  expect(expired).toBe(entries)
  // One move per level of the way down, whatever the distance in ticks.
  expect(calls).toBeLessThanOrEqual((entries / 1_000) * 4)
  expect(wheel.advance(nowMs + 9e12)).toEqual([])
  expect(wheel.steps).toBeLessThanOrEqual(entries * 4)
})
