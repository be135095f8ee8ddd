import { leaseDefinition } from '@orrery/adapter-etcd'
import { checkCall } from './calls.ts'
import { comparisonRow } from './comparison.ts'
import { compareRaw } from './raw-load.ts'
import type { Scenario } from './report.ts'
import { withReferenceAndEtcd } from './servers.ts'

const shape = { connections: 10, streams: 100 }

/** Lease keep-alives: a lease for each stream, and one message at a time on each. */
export const keepAliveMessages: Scenario = {
  name: 'keepalive',
  run: () =>
    withReferenceAndEtcd(async (sides) => {
      await grantLeases(sides.ours.endpoint)
      if (sides.peer !== undefined) await grantLeases(sides.peer.endpoint)
      const { comparison, clientBusy } = await compareRaw(sides, {
        opening: { type: 'keepAlive', ...shape },
        repeated: 'renew',
      })
      const what =
        'lease keep-alives over gRPC, 10 connections x 10 streams, one message in flight on each, beside etcd 3.4.23'
      return [comparisonRow(`${what} (client busy ${clientBusy})`, comparison)]
    }),
}

async function grantLeases(endpoint: string): Promise<void> {
  for (let id = 1; id <= shape.streams; id++) {
    const message = leaseDefinition.LeaseGrant.requestSerialize({ ID: id, TTL: 3_600 })
    await checkCall(endpoint, { methods: ['etcdserverpb.Lease/LeaseGrant'], message })
  }
}
