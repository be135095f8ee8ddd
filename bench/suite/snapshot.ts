import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { openMember } from '@orrery/store'
import { freePort } from './etcd-peer.ts'
import type { Row, Scenario } from './report.ts'
import { quotaBytes, type ReceiverReport, type ReceiverTask, transportAt } from './snapshot-receiver.ts'
import { scatteredKey, withDirectory } from './temporary.ts'
import { longestTurnMs, spin } from './turn-length.ts'

/** Fits into a page of the backend, with its key. */
const valueBytes = 3_900
/** 1 GiB of values. */
const keys = 275_318

/** One member of the state's size sends it to another, which runs in a process of its own. */
export const snapshotTurns: Scenario = {
  name: 'snapshot',
  run: () => withDirectory(measure),
}

async function measure(directory: string): Promise<Row[]> {
  const [first, second] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
  const { store, published } = await openMember(
    {
      directory: join(directory, 'sender'),
      transport: transportAt(first),
      peerAddresses: [first],
      origin: { type: 'new', members: [[first]] },
      name: 'sender',
    },
    { store: { quotaBytes } },
  )
  await published
  const value = Buffer.alloc(valueBytes, 7)
  let next = 0
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      while (next < keys) await store.put({ key: scatteredKey(next++, keys), value })
    }),
  )
  await store.flush()
  await store.cluster.add({ peerAddresses: [second], isLearner: true })
  const task: ReceiverTask = { directory: join(directory, 'receiver'), address: second, contact: first, keys }
  const spinMs = await spin()
  let received = 0
  const startMs = performance.now()
  const sentMs = await longestTurnMs(async () => {
    const receiver = fork(new URL('./snapshot-receiver.ts', import.meta.url), [JSON.stringify(task)])
    received = (await reportOf(receiver)).longestTurnMs
  })
  const seconds = (performance.now() - startMs) / 1_000
  await store.close()
  const row = (what: string, ms: number): Row => ({
    what: `longest event-loop turn while a state of 1 GiB is ${what}`,
    ours: `${ms.toFixed(1)} ms (${seconds.toFixed(1)} s)`,
    goal: '<= 20 ms',
    peer: `${spinMs.toFixed(1)} ms`,
    reached: ms <= 20,
  })
  return [row('sent', sentMs), row('received and installed', received)]
}

async function reportOf(receiver: ChildProcess): Promise<ReceiverReport> {
  const [report] = (await once(receiver, 'message')) as [ReceiverReport]
  await once(receiver, 'exit')
  return report
}
