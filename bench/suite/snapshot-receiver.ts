// A process that joins a cluster, and tells how long its turns were until it had the state.
import { systemEnvironment } from '@orrery/environment/system'
import type { Transport } from '@orrery/raft-node'
import { openMember } from '@orrery/store'
import { createTcpTransport } from '@orrery/transport-tcp'
import { longestTurnMs } from './turn-length.ts'

export interface ReceiverTask {
  readonly directory: string
  /** Of the receiver, `host:port`. */
  readonly address: string
  /** Of a member. */
  readonly contact: string
  /** How many the state has. */
  readonly keys: number
}

export interface ReceiverReport {
  readonly longestTurnMs: number
}

/** Unit: bytes. */
export const quotaBytes = 8 * 2 ** 30

/** A member's way to the others; who only asks does not listen where the member will. */
export function transportAt(address: string): (purpose: 'member' | 'question') => Transport {
  const [host = '', port = ''] = address.split(':')
  return (purpose) =>
    createTcpTransport({
      listen: { host, port: purpose === 'member' ? Number(port) : 0 },
      environment: systemEnvironment(),
    })
}

async function receive({ directory, address, contact, keys }: ReceiverTask): Promise<ReceiverReport> {
  let closing = (): Promise<void> => Promise.resolve()
  const longest = await longestTurnMs(async () => {
    const { store } = await openMember(
      {
        directory,
        transport: transportAt(address),
        peerAddresses: [address],
        origin: { type: 'join', contacts: [contact] },
        name: 'receiver',
      },
      { store: { quotaBytes } },
    )
    while (store.status().keys < keys) await new Promise((resolve) => setTimeout(resolve, 20))
    closing = () => store.close()
  })
  await closing()
  return { longestTurnMs: longest }
}

const [, , task] = process.argv
if (process.send !== undefined && task?.startsWith('{') === true) {
  const report = await receive(JSON.parse(task) as ReceiverTask)
  process.send(report)
  process.disconnect()
}
