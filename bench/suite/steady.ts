import { kvDefinition } from '@orrery/adapter-etcd'
import { key, put } from './calls.ts'
import { h2load } from './h2load.ts'
import { leaderOf, standingOf, startMembers } from './member-processes.ts'
import { count, median, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const minutes = Number(process.env['ORRERY_BENCH_STEADY_MINUTES'] ?? 10)
const load = { connections: 4, streams: 25, requests: 30_000 }

/** Elections in three processes that only have much to do. */
export const steady: Scenario = {
  name: 'steady',
  needs: ['h2load'],
  run: () =>
    withDirectory(async (directory) => {
      const members = await startMembers('reference', directory)
      const leader = await leaderOf(members)
      const before = await standingOf(leader)
      const rates: number[] = []
      let compactedAt = 0
      const untilMs = performance.now() + minutes * 60_000
      while (performance.now() < untilMs) {
        rates.push(await h2load({ ...load, ...put, endpoint: leader.endpoint }))
        // The past of one key is no part of it.
        const { header } = await leader.call(kvDefinition.Range, { key }, 10_000)
        const revision = Number(header?.revision)
        if (revision - compactedAt < 1_000_000) continue
        compactedAt = revision
        await leader.call(kvDefinition.Compact, { revision }, 60_000)
      }
      const after = await standingOf(leader)
      await Promise.all(members.map((member) => member.kill('SIGKILL')))
      const elections = (after?.term ?? Infinity) - (before?.term ?? 0)
      return [
        {
          what: `elections in three processes under full load for ${minutes} minutes`,
          ours: `${elections}, at ${count(median(rates))} puts/s`,
          goal: '0',
          reached: elections === 0,
        },
      ]
    }),
}
