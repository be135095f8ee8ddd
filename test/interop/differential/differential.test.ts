import { describe, expect, test } from 'vitest'
import { startClusterServer } from '../servers/cluster.ts'
import { startEtcd } from '../servers/etcd.ts'
import { startOrrery } from '../servers/orrery.ts'
import type { Coverage } from './coverage.ts'
import { runDifferential } from './differential.ts'
import { refusedKinds } from './generate-invalid.ts'
import { mustReach } from './must-reach.ts'

/** The same requests in every run, so that a failure can be repeated. */
const seed = Number(process.env['ORRERY_SEED'] ?? 20_261_121)

function missing(coverage: Coverage): readonly string[] {
  const cases = [...mustReach, ...refusedKinds.map((kind) => [`refused: ${kind}`, ''] as const)]
  return cases
    .filter(([label, outcome]) => coverage.reached(label, outcome) === 0)
    .map(([label, outcome]) => `${label}: ${outcome}`)
}

describe('random requests', () => {
  test('a real etcd answers as another real etcd: the comparison itself is sound', async () => {
    const report = await runDifferential({
      seed,
      operations: 30_000,
      lanes: 1,
      shrink: true,
      startA: () => startEtcd(),
      startB: () => startEtcd(),
    })
    expect(report.failure).toBeUndefined()
  })

  test('Orrery answers as a real etcd, in every case that the generator knows', async () => {
    const report = await runDifferential({
      seed,
      operations: 720_000,
      lanes: 2,
      shrink: true,
      startA: () => startEtcd(),
      startB: () => startOrrery(),
    })
    console.log(`${report.coverage.table()}\n${report.summary}`)
    expect(report.failure).toBeUndefined()
    expect(missing(report.coverage)).toEqual([])
  })

  test('Orrery on the server of grpc-js answers as a real etcd', async () => {
    const report = await runDifferential({
      seed,
      operations: 60_000,
      lanes: 2,
      shrink: true,
      startA: () => startEtcd(),
      startB: () => startOrrery({ grpcServer: 'grpc-js' }),
    })
    expect(report.failure).toBeUndefined()
  })

  test.each(['leader', 'follower'])('a %s of three members answers as a real etcd', async (asked) => {
    const report = await runDifferential({
      seed,
      operations: 20_000,
      lanes: 1,
      shrink: true,
      startA: () => startEtcd(),
      startB: () => startClusterServer(3, asked === 'leader'),
    })
    expect(report.failure).toBeUndefined()
  })
})
