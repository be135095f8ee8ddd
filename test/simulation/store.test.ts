import {
  addStoreCoverage,
  simulateStore,
  type StoreCoverageName,
  storeCoverageNames,
  storeFaultClasses,
  type StoreSimulationReport,
} from '@orrery/simulation'
import { describe, expect, test } from 'vitest'
import { describeFailure } from './describe.ts'

/** Clusters of five members for a minute each, in batches; more with `npm run simulate -- --stores --seeds 1..1000`. */
const batches = 10
const batchSeeds = 5

describe('members of a store, under drawn faults', () => {
  const reports: StoreSimulationReport[] = []

  test.each(Array.from({ length: batches }, (_, n) => 1 + n * batchSeeds))(
    'agree and keep their promises, from seed %i on',
    async (firstSeed) => {
      for (let seed = firstSeed; seed < firstSeed + batchSeeds; seed++) {
        const report = await simulateStore({ seed })
        if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
        expect(report.answered).toBeGreaterThan(0)
        reports.push(report)
      }
    },
  )

  test('have seen everything', () => {
    const coverage = addStoreCoverage(reports.map((report) => report.coverage))
    expect(storeCoverageNames.filter((name) => coverage[name] === 0)).toEqual([])
    const enough: Partial<Record<StoreCoverageName, number>> = {
      elections: 210,
      writes: 21_000,
      linearizableReads: 14_000,
      powerLosses: 35,
      damagedMembers: 14,
      receivedStates: 35,
      expiredLeases: 70,
      joinedMembers: 35,
      promotedLearners: 20,
    }
    for (const [name, count] of Object.entries(enough)) {
      expect(coverage[name as StoreCoverageName], name).toBeGreaterThan(count)
    }
    expect(new Set(reports.flatMap(({ faults }) => faults.classes))).toEqual(new Set(storeFaultClasses))
  })

  test.each([1, 3])('do so as clusters of %i, too', async (members) => {
    for (let seed = 1; seed <= 4; seed++) {
      const report = await simulateStore({ seed, members, durationMs: 15_000 })
      if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
    }
  })

  test('do the same again with the same seed', async () => {
    const run = { seed: 5, durationMs: 5_000 }
    const first = await simulateStore(run)
    expect(await simulateStore(run)).toEqual(first)
    expect((await simulateStore({ ...run, seed: 6 })).hash).not.toBe(first.hash)
  })

  test('spare the faults that are left out', async () => {
    const { faults, coverage } = await simulateStore({
      seed: 1,
      durationMs: 5_000,
      without: storeFaultClasses,
      faults: { clients: 2 },
    })
    expect(faults).toMatchObject({ classes: [], clients: 2, rotPauseMeanMs: 0 })
    expect(coverage).toMatchObject({
      kills: 0,
      powerLosses: 0,
      lostMessages: 0,
      removedMembers: 0,
      elections: 1,
    })
  })
})

test('a failure says what, where everybody stood, and how to see it again', async () => {
  const report = await simulateStore({
    seed: 1,
    members: 3,
    durationMs: 5_000,
    without: ['pause'],
    traceMaxLines: 10,
    sabotage: () => ({
      store: (store) =>
        new Proxy(store, { get: (target, key) => (key === 'put' ? refuse : valueOf(target, key)) }),
    }),
  })
  const { failure } = report
  if (failure === undefined) expect.fail('a store that refuses for no reason was taken for sound')
  expect(failure.violation).toContain('an operation failed: Error: for no reason')
  expect(failure.trace[0]).toContain('m1 starts')
  expect(failure.command).toBe(
    'npm run simulate -- --stores --seed 1 --members 3 --seconds 5 --without pause',
  )
  expect(describeFailure(report, failure)).toContain('m3 running open')
})

function refuse(): Promise<never> {
  return Promise.reject(new Error('for no reason'))
}

function valueOf(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key, target)
  return typeof value === 'function' ? value.bind(target) : value
}
