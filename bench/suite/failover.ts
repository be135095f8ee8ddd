import { kvDefinition } from '@orrery/adapter-etcd'
import { leaderOf, type MemberProcess, startMembers } from './member-processes.ts'
import { count, median, type Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const rounds = 10
const put = { key: Buffer.from('key'), value: Buffer.alloc(256, 7) }
const callTimeoutMs = 5_000

/** From `kill -9` of the leader until one of the others answers a write. */
export const failover: Scenario = {
  name: 'failover',
  run: () =>
    withDirectory(async (directory) => {
      const members = await startMembers('reference', directory)
      const times: number[] = []
      for (let round = 0; round < rounds; round++) {
        const leader = await leaderOf(members)
        const others = members.filter((member) => member !== leader)
        const killedMs = performance.now()
        await leader.kill('SIGKILL')
        await Promise.race(others.map(firstAnswer))
        times.push(performance.now() - killedMs)
        await leader.start()
      }
      await leaderOf(members)
      await Promise.all(members.map((member) => member.kill('SIGKILL')))
      const longest = Math.max(...times)
      return [
        {
          what: `kill -9 of the leader of three processes to the next acknowledged write, longest of ${rounds} times`,
          ours: `${count(longest)} ms (median ${count(median(times))} ms)`,
          goal: '<= 2,000 ms',
          reached: longest <= 2_000,
        },
      ]
    }),
}

async function firstAnswer(member: MemberProcess): Promise<void> {
  for (;;) {
    try {
      await member.call(kvDefinition.Put, put, callTimeoutMs)
      return
    } catch {
      // Again: nobody leads yet.
    }
  }
}
