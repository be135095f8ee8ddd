import { compareCalls, put, rangeCall } from './calls.ts'
import { comparisonRow } from './comparison.ts'
import type { Scenario } from './report.ts'
import { withReferenceAndEtcd } from './servers.ts'

const shape = { connections: 1_000, streams: 1, requests: 20_000 }

/** A thousand clients with one call at a time each. Connecting is part of the run. */
export const manyConnections: Scenario = {
  name: 'connections',
  needs: ['h2load'],
  run: () =>
    withReferenceAndEtcd(async (sides) => {
      const puts = await compareCalls(sides, put, shape)
      const ranges = await compareCalls(sides, rangeCall(), shape)
      return [
        comparisonRow('durable put over gRPC, 256 B, 1,000 connections x 1 stream, beside etcd 3.4.23', puts),
        comparisonRow('linearizable range of that key, 1,000 connections x 1 stream', ranges),
      ]
    }),
}
