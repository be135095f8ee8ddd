import { type ConfigSimulationReport, simulateConfig } from '@orrery/simulation'
import { describe, expect, test } from 'vitest'
import { describeFailure } from './describe.ts'

/** Clusters of three members, in batches; more with `npm run simulate -- --configs --seeds 1..1000`. */
const batches = 4
const batchSeeds = 3

describe('configuration hubs on members of a cluster, under drawn faults', () => {
  const reports: ConfigSimulationReport[] = []

  test.each(Array.from({ length: batches }, (_, n) => 1 + n * batchSeeds))(
    'do what was acknowledged, and tell everybody of it, in order and once, from seed %i on',
    async (firstSeed) => {
      for (let seed = firstSeed; seed < firstSeed + batchSeeds; seed++) {
        const report = await simulateConfig({ seed, durationMs: 40_000 })
        if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
        reports.push(report)
      }
    },
  )

  test('have seen everything', () => {
    const sum = (name: keyof ConfigSimulationReport['counts']): number =>
      reports.reduce((total, { counts }) => total + counts[name], 0)
    expect(sum('acknowledged')).toBeGreaterThan(3_000)
    expect(sum('refused')).toBeGreaterThan(500)
    expect(sum('unknown')).toBeGreaterThan(50)
    expect(sum('told')).toBeGreaterThan(5_000)
    expect(sum('unchanged')).toBeGreaterThan(500)
    expect(sum('lagging')).toBeGreaterThan(10)
    expect(sum('skipped')).toBeGreaterThan(300)
    expect(sum('closes')).toBeGreaterThan(20)
    expect(sum('kills')).toBeGreaterThan(10)
    expect(sum('pauses')).toBeGreaterThan(20)
    expect(sum('partitions')).toBeGreaterThan(20)
    expect(sum('compactions')).toBeGreaterThan(20)
  })

  test('do the same again with the same seed', async () => {
    const run = { seed: 5, durationMs: 3_000 }
    expect(await simulateConfig(run)).toEqual(await simulateConfig(run))
    expect((await simulateConfig({ ...run, seed: 6 })).hash).not.toBe((await simulateConfig(run)).hash)
  })
})
