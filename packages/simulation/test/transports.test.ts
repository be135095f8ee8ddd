import {
  createSimulatedNetwork,
  createSimulatedTransports,
  createSimulation,
  drawLinkFaults,
  reliableLink,
} from '@orrery/simulation'
import type { SimulatedNetwork, SimulatedNode, Simulation } from '@orrery/simulation'
import type { Message } from '@orrery/raft'
import type { Transport, TransportHandler } from '@orrery/raft-node'
import { transportConformance } from '@orrery/raft-node/testing'
import { beforeEach, describe, expect, test } from 'vitest'

describe('a simulated transport obeys the laws of transports', () => {
  test.each(transportConformance)('$name', async ({ run }) => {
    const simulation = createSimulation({ seed: 5 })
    const transports = createSimulatedTransports(simulation, createSimulatedNetwork(simulation))
    let count = 0
    await run({
      create: (address) => {
        const node = simulation.createNode(`n${++count}`)
        node.start()
        return transports.transport(node, address)
      },
      pass: (ms) => simulation.run(simulation.nowMs + ms),
    })
  })
})

interface Member {
  readonly node: SimulatedNode
  readonly transport: Transport
  readonly rounds: number[]
  readonly unreachable: bigint[]
}

describe('a simulated transport', () => {
  let simulation: Simulation
  let network: SimulatedNetwork
  let start: (id: bigint) => Member
  let a: Member
  let b: Member

  const beat = (from: bigint, to: bigint, round: number): Message => ({
    type: 'heartbeat',
    from,
    to,
    term: 1,
    commitIndex: 0,
    round,
  })

  const pass = (ms: number): Promise<void> => simulation.run(simulation.nowMs + ms)

  beforeEach(async () => {
    simulation = createSimulation({ seed: 5 })
    network = createSimulatedNetwork(simulation)
    const transports = createSimulatedTransports(simulation, network, { cutNoticeMaxMs: 500 })
    const nodes = new Map<bigint, SimulatedNode>()
    start = (id) => {
      const node = nodes.get(id) ?? simulation.createNode(`m${id}`)
      nodes.set(id, node)
      node.start()
      const member: Member = { node, transport: transports.transport(node), rounds: [], unreachable: [] }
      const handler: TransportHandler = {
        onMessages: (messages) => {
          for (const message of messages) if (message.type === 'heartbeat') member.rounds.push(message.round)
        },
        onUnreachable: (peer) => void member.unreachable.push(peer),
        onSnapshot: async ({ content }) => {
          for await (const chunk of content) member.rounds.push(chunk.length)
        },
        onRequest: (_, request) => Promise.resolve(request),
        accepts: () => undefined,
      }
      void member.transport.start({ clusterId: 1n, memberId: id, directoryId: id }, handler)
      member.transport.setPeers([1n, 2n].map((peer) => ({ id: peer, addresses: [`m${peer}`] })))
      return member
    }
    a = start(1n)
    b = start(2n)
    await pass(10)
  })

  test('loses, but never doubles or reorders, under drawn faults', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const faults = drawLinkFaults(simulation.random.fork(`${seed}`))
      network.setFaults({ ...faults, lossRatio: 0.1, duplicateRatio: 0.5, reorders: true })
      b.rounds.length = 0
      for (let n = 0; n < 200; n++) {
        a.transport.send([beat(1n, 2n, n)])
        await pass(1)
      }
      await pass(1_000)
      expect(b.rounds.length).toBeGreaterThan(20)
      expect(b.rounds.length).toBeLessThan(200)
      expect([...new Set(b.rounds)].sort((x, y) => x - y)).toEqual(b.rounds)
    }
  })

  test('delivers nothing to a process that started later', async () => {
    network.setFaults({ ...reliableLink, delayMinMs: 50 })
    a.transport.send([beat(1n, 2n, 1)])
    await pass(10)
    b.node.crash()
    a.transport.send([beat(1n, 2n, 2)])
    b = start(2n)
    a.transport.send([beat(1n, 2n, 3)])
    await pass(20)
    a.transport.send([beat(1n, 2n, 4)])
    await pass(200)
    expect(b.rounds).toEqual([4])
  })

  test('lets messages vanish in a cut until it is noticed, and reports them from then on', async () => {
    network.cut({ from: a.node, to: b.node })
    a.transport.send([beat(1n, 2n, 1)])
    await pass(500)
    expect(b.rounds).toEqual([])
    expect(a.transport.connectedMs(2n)).toBeUndefined()
    a.transport.send([beat(1n, 2n, 2)])
    await pass(5)
    expect(a.unreachable).toEqual([2n])
    b.transport.send([beat(2n, 1n, 3)])
    await pass(5)
    expect(a.rounds).toEqual([3])
    network.heal()
    await pass(5)
    a.transport.send([beat(1n, 2n, 4)])
    await pass(5)
    expect(b.rounds).toEqual([4])
  })

  test('holds messages and answers back from a paused process', async () => {
    b.node.pause()
    a.transport.send([beat(1n, 2n, 1)])
    let answered = ''
    void a.transport.request(2n, new Uint8Array(3)).then(() => (answered = 'yes'))
    await pass(100)
    expect([b.rounds, answered]).toEqual([[], ''])
    b.node.resume()
    await pass(10)
    expect([b.rounds, answered]).toEqual([[1], 'yes'])
  })

  test('breaks what waits for a process that crashes, and tells nothing to one that is gone', async () => {
    network.setFaults({ ...reliableLink, delayMinMs: 50 })
    const outcomes: string[] = []
    const ask = (from: Member, to: bigint, name: string): void => {
      from.transport.request(to, new Uint8Array(1)).then(
        () => outcomes.push(`${name} answered`),
        (error: unknown) => outcomes.push(`${name} ${(error as { code: string }).code}`),
      )
    }
    ask(a, 2n, 'a')
    ask(b, 1n, 'b')
    await pass(20)
    b.node.crash()
    await pass(500)
    expect(outcomes).toEqual(['a TRANSPORT_UNREACHABLE'])
  })

  test('transfers a snapshot chunk by chunk, and breaks it with the sender', async () => {
    const content = async function* (): AsyncGenerator<Uint8Array> {
      for (let n = 1; n <= 50; n++) yield new Uint8Array(await Promise.resolve(n))
    }
    const send = (): Promise<void> =>
      a.transport.sendSnapshot(2n, { header: new Uint8Array(1), content: content() })
    let isDone = false
    void send().then(() => (isDone = true))
    await pass(20)
    expect(isDone).toBe(false)
    await pass(500)
    expect(isDone).toBe(true)
    expect(b.rounds).toEqual(Array.from({ length: 50 }, (_, n) => n + 1))
    isDone = false
    void send().then(() => (isDone = true))
    await pass(20)
    a.node.crash()
    await pass(500)
    expect(isDone).toBe(false)
    expect(b.rounds.length).toBeLessThan(100)
  })
})
