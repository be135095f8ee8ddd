import { kvDefinition } from '@orrery/adapter-etcd'
import { isInstalled } from './etcd-peer.ts'
import { h2load } from './h2load.ts'
import { leaderOf, type MemberProcess, startMembers } from './member-processes.ts'
import { alternate, count, medianOf, type Row, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const key = Buffer.from('key0000000000001')
const requests = {
  put: {
    method: 'etcdserverpb.KV/Put',
    message: kvDefinition.Put.requestSerialize({ key, value: new Uint8Array(256).fill(7) }),
  },
  'linearizable range': {
    method: 'etcdserverpb.KV/Range',
    message: kvDefinition.Range.requestSerialize({ key }),
  },
}
const many = { connections: 4, streams: 25, requests: 30_000 }
const one = { connections: 1, streams: 1, requests: 1_000 }
const turns = 5

/** Three member processes on loopback, durable, asked at their leader, in turns with three of etcd. */
export const memberProcesses: Scenario = {
  name: 'processes',
  run: () =>
    withDirectory(async (directory) => {
      const ours = await startMembers('reference', directory)
      const theirs = isInstalled('etcd') ? await startMembers('etcd', directory) : undefined
      const rows: Row[] = []
      for (const [name, request] of Object.entries(requests)) {
        const rateOf = (members: readonly MemberProcess[], load: typeof many): (() => Promise<number>) => {
          return async () => h2load({ ...load, ...request, endpoint: (await leaderOf(members)).endpoint })
        }
        const what = `${name} to three processes over gRPC, 256 B, 4 connections x 25 streams`
        await rateOf(ours, many)()
        if (theirs === undefined) {
          rows.push({ what, ours: `${count(await medianOf(turns, rateOf(ours, many)))}/s` })
          continue
        }
        await rateOf(theirs, many)()
        const busy = await alternate(turns, rateOf(ours, many), rateOf(theirs, many))
        const isGoal = name === 'put'
        rows.push({
          what: `${what}, beside three of etcd 3.4.23`,
          ours: `${count(busy.a)}/s, ${busy.ratio.toFixed(2)} x`,
          peer: `${count(busy.b)}/s`,
          ...(isGoal ? { goal: '>= 1 x', reached: busy.ratio >= 1 } : {}),
        })
        const spread = await alternate(turns, spreadRate(ours, request), spreadRate(theirs, request))
        rows.push({
          what: 'the same, a third of it to each member',
          ours: `${count(spread.a)}/s, ${spread.ratio.toFixed(2)} x`,
          peer: `${count(spread.b)}/s`,
        })
        const quiet = await alternate(turns, rateOf(ours, one), rateOf(theirs, one))
        rows.push({
          what: 'the same at the leader, one in flight',
          ours: `${count(1_000_000 / quiet.a)} us, ${(1 / quiet.ratio).toFixed(2)} x`,
          peer: `${count(1_000_000 / quiet.b)} us`,
        })
      }
      await Promise.all([...ours, ...(theirs ?? [])].map((member) => member.kill('SIGKILL')))
      return rows
    }),
}

/** Requests per second when each member gets its share of the clients, as those of etcd do it. */
function spreadRate(
  members: readonly MemberProcess[],
  request: { readonly method: string; readonly message: Uint8Array },
): () => Promise<number> {
  const share = {
    connections: 1,
    streams: Math.round((many.connections * many.streams) / members.length),
    requests: Math.round(many.requests / members.length),
  }
  return async () => {
    const startMs = performance.now()
    await Promise.all(members.map(({ endpoint }) => h2load({ ...share, ...request, endpoint })))
    return (share.requests * members.length * 1_000) / (performance.now() - startMs)
  }
}
