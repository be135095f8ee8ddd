import { comparisonRow, type Sides } from './comparison.ts'
import { compareRaw } from './raw-load.ts'
import { count, type Row, type Scenario } from './report.ts'
import { type ServerProcess, withReferenceAndEtcd } from './servers.ts'

const connectionsMax = 10

/** Watch streams of other processes on one key, beside etcd. */
export const watchFanOutOverGrpc: Scenario = {
  name: 'fanout',
  run: async () => {
    const rows: Row[] = []
    for (const streams of [1, 10, 100, 1_000]) {
      rows.push(await withReferenceAndEtcd((sides) => rowFor(sides, streams)))
    }
    return rows
  },
}

async function rowFor(sides: Sides<ServerProcess>, streams: number): Promise<Row> {
  const { comparison, clientBusy } = await compareRaw(sides, {
    opening: { type: 'watch', connections: Math.min(streams, connectionsMax), streams, keys: 'one' },
    repeated: 'put',
  })
  const what = `watch fan-out over gRPC, durable puts of 256 B, watch streams on that key: ${count(streams)}`
  return comparisonRow(`${what}, beside etcd 3.4.23 (client busy ${clientBusy})`, comparison, {
    show: (rate) => `${count(rate)} events/s`,
    ...(streams === 1_000 ? { goal: { atLeast: 2 } } : {}),
  })
}
