import { type Call, checkCall, put, rangeCall } from './calls.ts'
import { compare, type Comparison, comparisonRow, type Sides } from './comparison.ts'
import { h2loadLatencies } from './h2load.ts'
import { count, median, type Scenario } from './report.ts'
import { type ServerProcess, withReferenceAndEtcd } from './servers.ts'

const shape = { connections: 1, streams: 1, requests: 4_000 }
const show = (us: number): string => `p50 ${count(us)} us`

/** One call at a time. */
export const latencyOfOne: Scenario = {
  name: 'latency',
  needs: ['h2load'],
  run: () =>
    withReferenceAndEtcd(async (sides) => {
      const puts = await compareLatencies(sides, put)
      const ranges = await compareLatencies(sides, rangeCall())
      return [
        comparisonRow(
          `durable put over gRPC, 256 B, one at a time, beside etcd 3.4.23 (p99 ${puts.p99})`,
          puts.comparison,
          { show, goal: { atMost: 1 } },
        ),
        comparisonRow(
          `linearizable range of that key, one at a time (p99 ${ranges.p99})`,
          ranges.comparison,
          {
            show,
          },
        ),
      ]
    }),
}

/** Compares medians. `p99` is that of both sides as text, the median of all runs. */
async function compareLatencies(
  sides: Sides<ServerProcess>,
  call: Call,
): Promise<{ comparison: Comparison; p99: string }> {
  for (const side of [sides.ours, sides.peer]) if (side !== undefined) await checkCall(side.endpoint, call)
  const slowest = new Map<ServerProcess, number[]>()
  const comparison = await compare(sides, async (side) => {
    const latencies = await h2loadLatencies({ ...call, ...shape, endpoint: side.endpoint })
    const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN
    slowest.set(side, [...(slowest.get(side) ?? []), p99])
    return { calls: latencies.length, value: median(latencies) }
  })
  const p99s = [...slowest.values()].map((values) => `${count(median(values))} us`)
  return { comparison, p99: p99s.join(', etcd ') }
}
