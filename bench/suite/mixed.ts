import { type Call, checkCall, compareCalls, key, putCall } from './calls.ts'
import { comparisonRow } from './comparison.ts'
import type { Scenario } from './report.ts'
import { withReferenceAndEtcd } from './servers.ts'

const shape = { connections: 4, streams: 25, requests: 20_000 }

// The second field of both requests: the value of a put, and where the keys of a range end. As such it stands
// behind the key and all that begin with it, so that the range is of one key.
const value = Buffer.alloc(256, 0xff)
value.set(key)
const put = putCall(value)
const range = 'etcdserverpb.KV/Range'
const mixed: Call = { ...put, methods: [range, range, range, range, ...put.methods] }

/** Four ranges, one put, and so on. The load generator sends one message to all methods. */
export const mixedCalls: Scenario = {
  name: 'mixed',
  needs: ['h2load'],
  run: () =>
    withReferenceAndEtcd(async (sides) => {
      for (const side of [sides.ours, sides.peer]) if (side !== undefined) await checkCall(side.endpoint, put)
      const comparison = await compareCalls(sides, mixed, shape)
      const what =
        '80 % linearizable ranges of one key, 20 % durable puts, 256 B, 4 connections x 25 streams, beside etcd 3.4.23'
      return [comparisonRow(what, comparison)]
    }),
}
