import { compareCalls, putCall, rangeCall } from './calls.ts'
import { comparisonRow } from './comparison.ts'
import type { Row, Scenario } from './report.ts'
import { withReferenceAndEtcd } from './servers.ts'

const kibibyte = 2 ** 10
// All puts together stay below the quota of two gibibytes.
const sizes = [
  { name: '64 KiB', bytes: 64 * kibibyte, puts: 1_500, ranges: 2_000 },
  { name: '1 MiB', bytes: 1_024 * kibibyte, puts: 120, ranges: 200 },
]
const concurrency = { connections: 4, streams: 4 }

/** Large values. */
export const largeValues: Scenario = {
  name: 'values',
  needs: ['h2load'],
  run: () =>
    withReferenceAndEtcd(async (sides) => {
      const rows: Row[] = []
      for (const { name, bytes, puts, ranges } of sizes) {
        const value = new Uint8Array(bytes).fill(7)
        const show = (rate: number): string => `${((rate * bytes) / 1e6).toFixed(0)} MB/s`
        const put = await compareCalls(sides, putCall(value), {
          ...concurrency,
          requests: puts,
          requestsMax: puts,
        })
        const range = await compareCalls(sides, rangeCall(), { ...concurrency, requests: ranges })
        rows.push(
          comparisonRow(
            `durable put of ${name} over gRPC, 4 connections x 4 streams, beside etcd 3.4.23`,
            put,
            { show },
          ),
          comparisonRow(`linearizable range of that ${name}`, range, { show }),
        )
      }
      return rows
    }),
}
