import { join } from 'node:path'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryNetwork } from '@orrery/raft-node'
import { inMemoryCluster, openMember, type Store } from '@orrery/store'
import { bareGroupCommit } from './group-commit.ts'
import { threeProposers } from './proposals.ts'
import { alternate, count, medianOf, type Row, type Scenario } from './report.ts'
import { scatteredKey, withDirectory } from './temporary.ts'

const value = new Uint8Array(256).fill(7)
/** A put in the log: key, value, and what goes around them. Unit: bytes. */
const recordBytes = 300

/** Puts by many callers, each waiting for its own. Returns puts per second. */
async function putRate(store: Store, puts: number, inFlight: number): Promise<number> {
  let next = 0
  const startMs = performance.now()
  const writers = Array.from({ length: inFlight }, async () => {
    while (next < puts) await store.put({ key: scatteredKey(next++, 100_003), value })
  })
  await Promise.all(writers)
  return (puts * 1_000) / (performance.now() - startMs)
}

async function oneMember(): Promise<Row[]> {
  return await withDirectory(async (directory) => {
    const network = createMemoryNetwork({ clock: systemEnvironment().clock })
    const { store, published } = await openMember({
      directory: join(directory, 'member'),
      transport: () => network.transport('a'),
      peerAddresses: ['a'],
      origin: { type: 'new', members: [['a']] },
      name: 'a',
    })
    await published
    await putRate(store, 100_000, 256)
    const many = await alternate(
      5,
      () => putRate(store, 100_000, 256),
      () => Promise.resolve(bareGroupCommit(directory, { recordBytes, together: 256, rounds: 400 })),
    )
    const one = await alternate(
      5,
      async () => 1_000_000 / (await putRate(store, 1_000, 1)),
      () =>
        Promise.resolve(1_000_000 / bareGroupCommit(directory, { recordBytes, together: 1, rounds: 1_000 })),
    )
    await store.close()
    await network.close()
    return [
      {
        what: 'one member, durable put in process, 256 B, 256 in flight',
        ours: `${count(many.a)}/s`,
        goal: '>= 100,000/s',
        reached: many.a >= 100_000,
      },
      {
        what: 'the same beside bare `writev` + `fdatasync` of 256 records',
        ours: `${many.ratio.toFixed(2)} x`,
        goal: '>= 0.3 x',
        peer: `${count(many.b)}/s`,
        reached: many.ratio >= 0.3,
      },
      {
        what: 'one member, one in flight, beside a bare write + `fdatasync`',
        ours: `${count(one.a)} us, ${one.ratio.toFixed(2)} x`,
        goal: '<= 1.5 x',
        peer: `${count(one.b)} us`,
        reached: one.ratio <= 1.5,
      },
    ]
  })
}

async function threeMembers(): Promise<Row[]> {
  const startMs = await medianOf(21, async () => {
    const begunMs = performance.now()
    await using cluster = await inMemoryCluster({ members: 3 })
    const leader = await cluster.leader()
    await leader.put({ key: 'a', value })
    return performance.now() - begunMs
  })
  await using cluster = await inMemoryCluster({ members: 3 })
  const leader = await cluster.leader()
  await putRate(leader, 100_000, 1_024)
  const rate = await medianOf(5, async () => {
    const measured = await putRate(leader, 100_000, 1_024)
    // What is kept of the past is no part of it.
    await leader.compact({ revision: leader.status().revision, physical: true })
    return measured
  })
  await using proposers = await threeProposers()
  await proposers.rate(100_000, 1_024)
  const proposals = await medianOf(5, () => proposers.rate(100_000, 1_024))
  return [
    {
      what: 'three members in one process, in memory: committed proposals of 256 B, 1,024 in flight',
      ours: `${count(proposals)}/s`,
      goal: '>= 100,000/s',
      reached: proposals >= 100_000,
    },
    {
      what: 'the same with a store each: put of 256 B, 1,024 in flight',
      ours: `${count(rate)}/s`,
      goal: '>= 100,000/s',
      reached: rate >= 100_000,
    },
    {
      what: 'cluster of three in memory, from call to first acknowledged put',
      ours: `${startMs.toFixed(1)} ms`,
      goal: '<= 50 ms',
      reached: startMs <= 50,
    },
  ]
}

/** Stores that a cluster keeps: what consensus adds. */
export const replicatedPut: Scenario = {
  name: 'cluster',
  run: async () => {
    // Sockets and disks keep a process alive; members in memory have none.
    const alive = setInterval(() => {}, 1_000)
    try {
      return [...(await oneMember()), ...(await threeMembers())]
    } finally {
      clearInterval(alive)
    }
  },
}
