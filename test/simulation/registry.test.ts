import { type RegistrySimulationReport, simulateRegistry } from '@orrery/simulation'
import { describe, expect, test } from 'vitest'
import { describeFailure } from './describe.ts'

/** Clusters of three members for a minute each, in batches; more with `npm run simulate -- --registries --seeds 1..1000`. */
const batches = 8
const batchSeeds = 5

describe('registries on members of a cluster, under drawn faults', () => {
  const reports: RegistrySimulationReport[] = []

  test.each(Array.from({ length: batches }, (_, n) => 1 + n * batchSeeds))(
    'never expire who beats, find who is dead, and tell of every change in order, from seed %i on',
    async (firstSeed) => {
      for (let seed = firstSeed; seed < firstSeed + batchSeeds; seed++) {
        const report = await simulateRegistry({ seed })
        if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
        reports.push(report)
      }
    },
  )

  test('have seen everything', () => {
    const sum = (name: keyof RegistrySimulationReport['counts']): number =>
      reports.reduce((total, { counts }) => total + counts[name], 0)
    expect(sum('expired')).toBeGreaterThan(100)
    expect(sum('revived')).toBeGreaterThan(30)
    expect(sum('evicted')).toBeGreaterThan(10)
    expect(sum('left')).toBeGreaterThan(30)
    expect(sum('resyncs')).toBeGreaterThan(3)
    expect(sum('compactions')).toBeGreaterThan(50)
    expect(sum('kills')).toBeGreaterThan(50)
    expect(sum('pauses')).toBeGreaterThan(50)
    expect(sum('partitions')).toBeGreaterThan(50)
  })

  test('do so as clusters of five, too', async () => {
    for (let seed = 1; seed <= 3; seed++) {
      const report = await simulateRegistry({ seed, members: 5, durationMs: 30_000 })
      if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
    }
  })

  test('do the same again with the same seed', async () => {
    const run = { seed: 5, durationMs: 5_000 }
    expect(await simulateRegistry(run)).toEqual(await simulateRegistry(run))
    expect((await simulateRegistry({ ...run, seed: 6 })).hash).not.toBe((await simulateRegistry(run)).hash)
  })
})
