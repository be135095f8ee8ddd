import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Trial, type TrialPlan, type Trouble } from './forwarding-trial.ts'

const trouble: fc.Arbitrary<Trouble> = fc.record({
  type: fc.constantFrom('cut', 'cutThere', 'cutBack', 'pause', 'crash', 'leave'),
  member: fc.nat(3),
  atMs: fc.integer({ min: 500, max: 9_000 }),
  forMs: fc.oneof(fc.integer({ min: 50, max: 1_000 }), fc.integer({ min: 1_000, max: 7_000 })),
})

const plan: fc.Arbitrary<TrialPlan> = fc.record({
  seed: fc.nat(1_000_000),
  senders: fc.integer({ min: 1, max: 2 }),
  lossPart: fc.constantFrom(0, 0.05, 0.3),
  delayMaxMs: fc.constantFrom(5, 80, 400, 1_500),
  duplicatePart: fc.constantFrom(0, 0.2),
  drift: fc.constantFrom(0, 0.05, -0.05),
  beatsPerStep: fc.constantFrom(1, 3),
  batchMaxBeats: fc.constantFrom(10_000, 10_000, 40, 6),
  ringLagMaxMs: fc.constantFrom(0, 300, 3_000),
  troubles: fc.array(trouble, { maxLength: 5 }),
})

const calm: TrialPlan = {
  seed: 1,
  senders: 2,
  lossPart: 0,
  delayMaxMs: 20,
  duplicatePart: 0,
  drift: 0,
  beatsPerStep: 2,
  batchMaxBeats: 10_000,
  ringLagMaxMs: 0,
  troubles: [],
}

async function outcomeOf(given: TrialPlan) {
  const trial = new Trial(given)
  await trial.run(12_000)
  return trial
}

describe('heartbeats that are forwarded', () => {
  test('reach the judge before its clock moves on, whatever goes wrong, or are allowed for as lost', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const trial = await outcomeOf(given)
        expect(trial.result.violations).toEqual([])
      }),
      { numRuns: 120 },
    )
  })

  test('are taken and judged again soon after all is well', async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const trial = await outcomeOf({ ...given, batchMaxBeats: 10_000 })
        // A pause or a list of members may last until then, a life that ended is waited for a little longer.
        await trial.calm(9_000)
        await trial.run(1_000)
        expect(trial.result.violations).toEqual([])
        expect(trial.result.unavailableSteps).toBe(0)
        expect(trial.result.incompleteSteps).toBe(0)
        expect(trial.outstanding).toBeLessThan(given.senders * given.beatsPerStep * 45)
      }),
      { numRuns: 40 },
    )
  })

  test('all arrive, and nothing stands still, while nothing goes wrong', async () => {
    const trial = await outcomeOf(calm)
    const { vouched, accepted, excused, unavailableSteps, incompleteSteps, violations } = trial.result
    expect(violations).toEqual([])
    expect(excused).toBe(0)
    expect(vouched).toBeGreaterThan(4_600)
    expect(vouched - accepted).toBeLessThan(60)
    expect(unavailableSteps).toBeLessThan(10)
    expect(incompleteSteps).toBeLessThan(10)
  })

  test('all arrive although messages are late, come twice, and clocks run apart', async () => {
    const trial = await outcomeOf({ ...calm, delayMaxMs: 90, duplicatePart: 0.3, drift: 0.05 })
    const { vouched, accepted, excused, incompleteSteps, violations } = trial.result
    expect(violations).toEqual([])
    expect(excused).toBe(0)
    expect(vouched - accepted).toBeLessThan(120)
    expect(incompleteSteps).toBeLessThan(20)
  })

  test('are not lost by a short cut: none has to be allowed for', async () => {
    const cut = { type: 'cut', member: 0, forMs: 1_000 } as const
    const trial = await outcomeOf({
      ...calm,
      troubles: [
        { ...cut, atMs: 2_000 },
        { ...cut, atMs: 7_000 },
      ],
    })
    expect(trial.result.violations).toEqual([])
    expect(trial.result.excused).toBe(0)
    expect(trial.result.incompleteSteps).toBeGreaterThan(50)
  })

  test('are allowed for when their sender dies', async () => {
    const trial = await outcomeOf({
      ...calm,
      troubles: [{ type: 'crash', member: 1, atMs: 3_000, forMs: 4_000 }],
    })
    expect(trial.result.violations).toEqual([])
    expect(trial.result.excused).toBeGreaterThan(0)
    expect(trial.result.excused).toBeLessThan(60)
  })

  test('are all delivered by a sender that leaves', async () => {
    const trial = await outcomeOf({
      ...calm,
      troubles: [{ type: 'leave', member: 1, atMs: 3_000, forMs: 4_000 }],
    })
    expect(trial.result.violations).toEqual([])
    expect(trial.result.excused).toBe(0)
    expect(trial.result.incompleteSteps).toBeLessThan(60)
  })
})
