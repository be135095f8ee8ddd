import { checkCall, compareCalls, put, rangeCall } from './calls.ts'
import { comparisonRow } from './comparison.ts'
import type { Scenario } from './report.ts'
import { withReferenceAndEtcd } from './servers.ts'

const shape = { connections: 4, streams: 25, requests: 20_000 }

/** Ranges of one key over gRPC, beside etcd. */
export const rangeOverGrpc: Scenario = {
  name: 'range',
  needs: ['h2load'],
  run: () =>
    withReferenceAndEtcd(async (sides) => {
      await checkCall(sides.ours.endpoint, put)
      if (sides.peer !== undefined) await checkCall(sides.peer.endpoint, put)
      const linearizable = await compareCalls(sides, rangeCall(), shape)
      const serializable = await compareCalls(sides, rangeCall('serializable'), shape)
      return [
        comparisonRow(
          'linearizable range of one key of 256 B over gRPC, 4 connections x 25 streams, beside etcd 3.4.23',
          linearizable,
          { goal: { atLeast: 3 } },
        ),
        comparisonRow('the same, serializable', serializable),
      ]
    }),
}
