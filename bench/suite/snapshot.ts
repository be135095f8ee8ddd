import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { openMember } from '@orrery/store'
import { freePort } from './etcd-peer.ts'
import { median, type Row, type Scenario } from './report.ts'
import { quotaBytes, type ReceiverReport, type ReceiverTask, transportAt } from './snapshot-receiver.ts'
import { scatteredKey, withDirectory } from './temporary.ts'
import { longestTurnMs, spin } from './turn-length.ts'

const rounds = 3
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
  const contact = `127.0.0.1:${await freePort()}`
  const { store, published } = await openMember(
    {
      directory: join(directory, 'sender'),
      transport: transportAt(contact),
      peerAddresses: [contact],
      origin: { type: 'new', members: [[contact]] },
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
  const spinsMs: number[] = []
  const sentMs: number[] = []
  const receivedMs: number[] = []
  for (let round = 0; round < rounds; round++) {
    const address = `127.0.0.1:${await freePort()}`
    const { member } = await store.cluster.add({ peerAddresses: [address], isLearner: true })
    const task: ReceiverTask = { directory: join(directory, `receiver-${round}`), address, contact, keys }
    spinsMs.push(await spin())
    sentMs.push(
      await longestTurnMs(async () => {
        const receiver = fork(new URL('./snapshot-receiver.ts', import.meta.url), [JSON.stringify(task)])
        receivedMs.push((await reportOf(receiver)).longestTurnMs)
      }),
    )
    await store.cluster.remove(member.id)
  }
  await store.close()
  const row = (what: string, measuredMs: readonly number[]): Row => ({
    what: `longest event-loop turn while a state of 1 GiB is ${what}, median of ${rounds} times`,
    ours: `${median(measuredMs).toFixed(1)} ms (${measuredMs.map((ms) => ms.toFixed(1)).join(', ')})`,
    goal: '<= 20 ms',
    peer: `${median(spinsMs).toFixed(1)} ms`,
    reached: median(measuredMs) <= 20,
  })
  return [row('sent', sentMs), row('received and installed', receivedMs)]
}

async function reportOf(receiver: ChildProcess): Promise<ReceiverReport> {
  const [report] = (await once(receiver, 'message')) as [ReceiverReport]
  await once(receiver, 'exit')
  return report
}
