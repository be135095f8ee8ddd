import { type Call, compareCalls } from './calls.ts'
import { comparisonRow } from './comparison.ts'
import type { Scenario } from './report.ts'
import { startEmptyServer } from './servers.ts'

const call: Call = { methods: ['bench.Empty/Call'], message: new Uint8Array() }
const shape = { connections: 4, streams: 25, requests: 20_000 }

/** What a call costs that does nothing, beside a grpc-js server with the same handler. */
export const emptyUnary: Scenario = {
  name: 'unary',
  needs: ['h2load'],
  run: async () => {
    const ours = await startEmptyServer('fast')
    const peer = await startEmptyServer('grpc-js')
    const comparison = await compareCalls({ ours, peer }, call, shape)
    ours.stop()
    peer.stop()
    const what = 'empty unary call, 4 connections x 25 streams, beside a grpc-js server with the same handler'
    return [comparisonRow(what, comparison, { goal: { atLeast: 5 } })]
  },
}
