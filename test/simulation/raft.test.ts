import {
  addCoverage,
  type RaftCoverageName,
  type RaftSimulationReport,
  raftCoverageNames,
  raftFaultClasses,
  simulateRaft,
} from '@orrery/simulation'
import { expect, test } from 'vitest'
import { describeFailure } from './describe.ts'
import { plantedBugs } from './planted-bugs.ts'

/**
 * Clusters of five members for a minute each, in batches; together with those of stores more than 300. More with
 * `npm run simulate -- --seeds 1..1000`.
 */
const batches = 10
const batchSeeds = 25
const reports: RaftSimulationReport[] = []

test.each(Array.from({ length: batches }, (_, n) => 1 + n * batchSeeds))(
  'clusters keep the laws of Raft and come to rest, from seed %i on',
  (firstSeed) => {
    for (let seed = firstSeed; seed < firstSeed + batchSeeds; seed++) {
      const report = simulateRaft({ seed })
      if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
      reports.push(report)
    }
  },
)

test('they have seen everything', () => {
  const coverage = addCoverage(reports.map((report) => report.coverage))
  expect(raftCoverageNames.filter((name) => coverage[name] === 0)).toEqual([])
  const enough: Partial<Record<RaftCoverageName, number>> = {
    elections: 2_000,
    acknowledgedWrites: 100_000,
    answeredReads: 100_000,
    crashes: 2_000,
    snapshotsInstalled: 200,
    membershipChanges: 500,
    transfers: 500,
    endedProbations: 500,
  }
  expect(coverage).toMatchObject(
    Object.fromEntries(Object.entries(enough).map(([name, count]) => [name, greaterThan(count)])),
  )
  expect(new Set(reports.flatMap(({ faults }) => faults.classes))).toEqual(new Set(raftFaultClasses))
})

test.each([1, 3, 4])('a cluster of %i members keeps the laws, too', (members) => {
  for (let seed = 1; seed <= 5; seed++) {
    const report = simulateRaft({ seed, members, durationMs: 10_000 })
    if (report.failure !== undefined) expect.fail(describeFailure(report, report.failure))
    expect(report.coverage.acknowledgedWrites).toBeGreaterThan(0)
  }
})

test('the same seed gives the same run, another seed another one', () => {
  for (const seed of [11, 12, 13]) {
    const first = simulateRaft({ seed, durationMs: 5_000 })
    expect(simulateRaft({ seed, durationMs: 5_000 })).toEqual(first)
    expect(simulateRaft({ seed: seed + 100, durationMs: 5_000 }).hash).not.toBe(first.hash)
  }
})

test('faults can be left out, and parts of the draw replaced', () => {
  const { faults, coverage } = simulateRaft({
    seed: 1,
    durationMs: 5_000,
    without: raftFaultClasses,
    faults: { tickMs: 50 },
  })
  expect(faults).toMatchObject({ classes: [], tickMs: 50, tornLogRatio: 0 })
  expect(coverage).toMatchObject({ crashes: 0, lostMessages: 0, membershipChanges: 0, elections: 1 })
})

test('a failure says when, what, with which configuration, after which events, and how to see it again', () => {
  const bug = plantedBugs.find(({ name }) => name.startsWith('a rejection is ignored'))
  if (bug === undefined) expect.fail('the bug is gone')
  const { sabotage } = bug
  const report = simulateRaft({
    seed: 1,
    members: 3,
    durationMs: 20_000,
    healingMaxMs: 10_000,
    traceMaxLines: 30,
    without: ['pause'],
    sabotage,
  })
  const { failure } = report
  if (failure === undefined) expect.fail('the bug was not found')
  expect(failure.atMs).toBe(30_000)
  expect(failure.violation).toContain('no rest after the faults')
  expect(failure.trace).toHaveLength(30)
  expect(failure.command).toBe('npm run simulate -- --seed 1 --members 3 --seconds 20 --without pause')
  expect(describeFailure(report, failure)).toContain(`"tickMs":${report.faults.tickMs}`)
  expect(describeFailure(report, failure)).toContain('m1 running')
})

function greaterThan(bound: number): unknown {
  return expect.toSatisfy((count: number) => count > bound, `more than ${bound}`)
}
