import { compareCalls, put } from './calls.ts'
import { comparisonRow, cpuRow } from './comparison.ts'
import type { Row, Scenario } from './report.ts'
import { referenceServer, withReferenceAndEtcd } from './servers.ts'

const shapes = [
  { connections: 4, streams: 25, requests: 20_000, goal: { atLeast: 2.5 } },
  { connections: 10, streams: 100, requests: 20_000, goal: { atLeast: 6 } },
]

/** Durable puts over gRPC, beside etcd. */
export const durablePutOverGrpc: Scenario = {
  name: 'put',
  needs: ['h2load'],
  run: () =>
    withReferenceAndEtcd(async (sides) => {
      const rows: Row[] = []
      for (const { goal, ...shape } of shapes) {
        const comparison = await compareCalls(sides, put, shape)
        const load = `${shape.connections} connections x ${shape.streams} streams`
        rows.push(
          comparisonRow(
            `durable put over gRPC to ${referenceServer}, 256 B, ${load}, beside one of etcd 3.4.23`,
            comparison,
            { goal },
          ),
          cpuRow('the same: processor time of the whole server for a put', comparison, { atMost: 0.5 }),
        )
      }
      return rows
    }),
}
