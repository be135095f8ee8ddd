import { type Call, checkCall, put, rangeCall } from './calls.ts'
import { compare, comparisonRow, type Contestant, type Run } from './comparison.ts'
import { isInstalled } from './etcd-peer.ts'
import { h2load } from './h2load.ts'
import { leaderOf, type MemberProcess, startMembers } from './member-processes.ts'
import { count, type Row, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

/** Three processes. */
interface Cluster extends Contestant {
  readonly members: readonly MemberProcess[]
}

const requests = { put, 'linearizable range': rangeCall() }
const many = { connections: 4, streams: 25, requests: 30_000 }
const one = { connections: 1, streams: 1, requests: 1_000 }

/** Three member processes on loopback, durable, asked at their leader, in turns with three of etcd. */
export const memberProcesses: Scenario = {
  name: 'processes',
  needs: ['h2load'],
  run: () =>
    withDirectory(async (directory) => {
      const ours = await startCluster('reference', directory)
      const peer = isInstalled('etcd') ? await startCluster('etcd', directory) : undefined
      const sides = { ours, peer }
      const rows: Row[] = []
      for (const [name, call] of Object.entries(requests)) {
        const busy = await compare(sides, atLeader(call, many))
        rows.push(
          comparisonRow(
            `${name} to three processes over gRPC, 256 B, 4 connections x 25 streams, beside three of etcd 3.4.23; time and memory of all three`,
            busy,
            name === 'put' ? { goal: { atLeast: 1 } } : {},
          ),
          comparisonRow('the same, a third of it to each member', await compare(sides, spread(call))),
          comparisonRow(
            'the same at the leader, one in flight',
            await compare(sides, async (cluster) => {
              const { calls, value } = await atLeader(call, one)(cluster)
              return { calls, value: 1_000_000 / value }
            }),
            { show: (us) => `${count(us)} us` },
          ),
        )
      }
      await Promise.all([...ours.members, ...(peer?.members ?? [])].map((member) => member.kill('SIGKILL')))
      return rows
    }),
}

async function startCluster(program: 'reference' | 'etcd', directory: string): Promise<Cluster> {
  const members = await startMembers(program, directory)
  for (const call of Object.values(requests)) await checkCall((await leaderOf(members)).endpoint, call)
  return { members, pids: members.flatMap(({ pid }) => (pid === undefined ? [] : [pid])) }
}

function atLeader(call: Call, shape: typeof many): (cluster: Cluster) => Promise<Run> {
  return async ({ members }) => {
    const { endpoint } = await leaderOf(members)
    return { calls: shape.requests, value: await h2load({ ...shape, ...call, endpoint }) }
  }
}

/** Requests per second when each member gets its share of the clients, as those of etcd do it. */
function spread(call: Call): (cluster: Cluster) => Promise<Run> {
  return async ({ members }) => {
    const share = {
      connections: 1,
      streams: Math.round((many.connections * many.streams) / members.length),
      requests: Math.round(many.requests / members.length),
    }
    const calls = share.requests * members.length
    const startMs = performance.now()
    await Promise.all(members.map(({ endpoint }) => h2load({ ...share, ...call, endpoint })))
    return { calls, value: (calls * 1_000) / (performance.now() - startMs) }
  }
}
