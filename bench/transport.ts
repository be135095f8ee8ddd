/**
 * Messages, round trips, requests and snapshots between two members of one process: what the transport and
 * both its ends cost, on one event loop.
 *
 *     node --conditions=@orrery/source --import tsx bench/transport.ts
 */
import { systemClock, systemEnvironment } from '@orrery/environment/system'
import type { MemberId, Message } from '@orrery/raft'
import type { Transport, TransportHandler } from '@orrery/raft-node'
import { createMemoryNetwork } from '@orrery/raft-node/testing'
import { createTcpTransport } from '@orrery/transport-tcp'

const clusterId = 0x1234_5678_9abc_def0n
const a = 0x8e9e_05c5_2164_694dn
const b = 0x91bc_3c39_8fb3_c146n
const payload = new Uint8Array(300)

interface Pair {
  readonly here: Transport
  readonly there: Transport
  onThere: (messages: readonly Message[]) => void
  onHere: (messages: readonly Message[]) => void
}

async function connect(here: Transport, there: Transport): Promise<Pair> {
  const pair: Pair = { here, there, onThere: () => {}, onHere: () => {} }
  const handler = (onMessages: TransportHandler['onMessages']): TransportHandler => ({
    onMessages,
    onUnreachable: () => {
      throw new Error('a message was dropped')
    },
    onSnapshot: async ({ content }) => {
      const chunks = content[Symbol.asyncIterator]()
      while ((await chunks.next()).done !== true);
    },
    onRequest: (_, request) => Promise.resolve(request),
    accepts: () => undefined,
  })
  const identity = (memberId: MemberId) => ({ clusterId, memberId, directoryId: memberId })
  await here.start(
    identity(a),
    handler((messages) => pair.onHere(messages)),
  )
  await there.start(
    identity(b),
    handler((messages) => pair.onThere(messages)),
  )
  here.setPeers([{ id: b, addresses: [there.address] }])
  there.setPeers([{ id: a, addresses: [here.address] }])
  while (here.connectedMs(b) === undefined || there.connectedMs(a) === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return pair
}

const beat: Message = { type: 'heartbeat', from: a, to: b, term: 1, commitIndex: 0, round: 1 }

function append(count: number): Message {
  const entries = Array.from({ length: count }, (_, n) => {
    return { index: n + 2, term: 1, type: 'command', payload } as const
  })
  const log = { previousIndex: 1, previousTerm: 1, commitIndex: 0, lastIndex: count + 1 }
  return { type: 'append', from: a, to: b, term: 1, entries, ...log }
}

async function stream(pair: Pair, label: string, load: { message: Message; total: number; perTurn: number }) {
  const { message, total, perTurn } = load
  const startMs = performance.now()
  await new Promise<void>((resolve) => {
    let sent = 0
    let got = 0
    const pump = (): void => {
      for (let n = 0; n < perTurn && sent < total; n++, sent++) pair.here.send([message])
    }
    pair.onThere = (messages) => {
      got += messages.length
      if (got >= total) resolve()
      else if (sent - got < perTurn * 4) pump()
    }
    pump()
  })
  const seconds = (performance.now() - startMs) / 1_000
  console.log(`  ${label.padEnd(40)} ${Math.round(total / seconds).toLocaleString('en')} messages/s`)
}

async function roundTrips(pair: Pair, total: number): Promise<void> {
  const startMs = performance.now()
  await new Promise<void>((resolve) => {
    let left = total
    const answer: Message = { type: 'heartbeatResponse', from: b, to: a, term: 1, round: 1 }
    pair.onThere = () => pair.there.send([answer])
    pair.onHere = () => {
      if (--left === 0) resolve()
      else pair.here.send([beat])
    }
    pair.here.send([beat])
  })
  const us = ((performance.now() - startMs) * 1_000) / total
  console.log(`  ${'a message there and one back'.padEnd(40)} ${us.toFixed(1)} µs`)
}

async function requests(pair: Pair, concurrency: number, total: number): Promise<void> {
  const startMs = performance.now()
  const ask = async (): Promise<void> => {
    for (let n = 0; n < total / concurrency; n++) await pair.here.request(b, payload)
  }
  await Promise.all(Array.from({ length: concurrency }, ask))
  const perSecond = Math.round(total / ((performance.now() - startMs) / 1_000)).toLocaleString('en')
  console.log(`  ${`requests, ${concurrency} at a time`.padEnd(40)} ${perSecond}/s`)
}

async function snapshot(pair: Pair, mebibytes: number): Promise<void> {
  const startMs = performance.now()
  const chunk = new Uint8Array(2 ** 20)
  const content = (async function* () {
    for (let n = 0; n < mebibytes; n++) yield await Promise.resolve(chunk)
  })()
  await pair.here.sendSnapshot(b, { header: payload, content })
  const perSecond = Math.round(mebibytes / ((performance.now() - startMs) / 1_000))
  console.log(`  ${`a snapshot of ${mebibytes} MiB`.padEnd(40)} ${perSecond} MiB/s`)
}

async function measure(name: string, pair: Pair): Promise<void> {
  for (const round of ['warm-up', 'measured']) {
    console.log(`${name}, ${round}:`)
    await stream(pair, 'heartbeats, 100 a turn', { message: beat, total: 1_000_000, perTurn: 100 })
    await stream(pair, 'appends of 10 x 300 B, 10 a turn', {
      message: append(10),
      total: 100_000,
      perTurn: 10,
    })
    await stream(pair, 'appends of 100 x 300 B, 4 a turn', {
      message: append(100),
      total: 20_000,
      perTurn: 4,
    })
    await roundTrips(pair, 20_000)
    await requests(pair, 1, 20_000)
    await requests(pair, 64, 100_000)
    await snapshot(pair, 500)
  }
  await Promise.all([pair.here.close(), pair.there.close()])
}

console.log(`two members of one process, Node ${process.version}`)
const network = createMemoryNetwork({ clock: systemClock })
await measure('memory', await connect(network.transport('a'), network.transport('b')))
const tcp = (): Transport =>
  createTcpTransport({ listen: { host: '127.0.0.1', port: 0 }, environment: systemEnvironment() })
await measure('TCP', await connect(tcp(), tcp()))
