import {
  type SimulatedNetwork,
  type SimulatedNode,
  type Simulation,
  createSimulatedNetwork,
  createSimulation,
  disturbNetwork,
  drawLinkFaults,
  drawNetworkDisturbances,
  drawPartition,
  partitionShapes,
  reliableLink,
} from '@orrery/simulation'
import { createRandom } from '@orrery/environment'
import { beforeEach, describe, expect, test } from 'vitest'

let simulation: Simulation
let network: SimulatedNetwork
let a: SimulatedNode
let b: SimulatedNode
let received: number[]

beforeEach(() => {
  simulation = createSimulation({ seed: 3 })
  network = createSimulatedNetwork(simulation)
  a = simulation.createNode('a')
  b = simulation.createNode('b')
  a.start()
  b.start()
  received = []
})

function sendMany(count: number, mode?: 'packets' | 'stream' | 'reliable'): void {
  for (let n = 0; n < count; n++) network.send(a, b, () => void received.push(n), mode)
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

describe('a message', () => {
  test('arrives after a while, in order, when nothing is wrong', () => {
    sendMany(100)
    simulation.runSync(0.9)
    expect(received).toEqual([])
    simulation.runSync(100)
    expect(received).toEqual(upTo(100))
    expect(network.counts).toMatchObject({ sent: 100, delivered: 100 })
  })

  test('overtakes others when the network reorders, but not in a stream', () => {
    network.setFaults({ ...reliableLink, delayMeanMs: 20, reorders: true })
    sendMany(100)
    simulation.runSync(1_000)
    expect(received).not.toEqual(upTo(100))
    expect([...received].sort((x, y) => x - y)).toEqual(upTo(100))
    received = []
    sendMany(100, 'stream')
    simulation.runSync(2_000)
    expect(received).toEqual(upTo(100))
  })

  test('is lost and duplicated about as often as asked for', () => {
    network.setFaults({ ...reliableLink, lossRatio: 0.2, duplicateRatio: 0.1, duplicateDelayMeanMs: 5 })
    sendMany(5_000)
    simulation.runSync(1_000)
    const { lost, duplicated, delivered } = network.counts
    expect(lost).toBeGreaterThan(850)
    expect(lost).toBeLessThan(1_150)
    expect(duplicated).toBeGreaterThan(300)
    expect(delivered).toBe(5_000 - lost + duplicated)
  })

  test('is lost when too many are on the way', () => {
    network.setFaults({ ...reliableLink, inflightMaxMessages: 10 })
    sendMany(15)
    simulation.runSync(100)
    expect(received).toEqual(upTo(10))
    sendMany(1)
    simulation.runSync(200)
    expect(network.counts).toMatchObject({ overflowed: 5, delivered: 11 })
  })

  test('gets through a cut neither when sent into it nor when caught by it; the other way is open', () => {
    sendMany(1)
    network.cut({ from: a, to: b })
    sendMany(1)
    let back = 0
    network.send(b, a, () => back++)
    simulation.runSync(50)
    expect([received, back]).toEqual([[], 1])
    network.mend({ from: a, to: b })
    sendMany(1)
    simulation.runSync(100)
    expect(received).toEqual([0])
  })

  test('waits for the end of a cut or a clog when it must not be lost', () => {
    network.setFaults({ ...reliableLink, lossRatio: 0.9, duplicateRatio: 0.9, inflightMaxMessages: 1 })
    sendMany(20, 'reliable')
    network.cut({ from: a, to: b })
    network.clog(a, b, 500)
    simulation.runSync(400)
    expect(received).toEqual([])
    network.heal()
    network.clog(a, b, 300)
    simulation.runSync(690)
    expect(received).toEqual([])
    simulation.runSync(800)
    expect(received).toEqual(upTo(20))
  })

  test('never reaches a process that started after it was sent', () => {
    network.setFaults({ ...reliableLink, delayMinMs: 10, duplicateRatio: 1, duplicateDelayMeanMs: 100 })
    sendMany(10)
    simulation.schedule(5, () => {
      b.crash()
      sendMany(1)
      b.start()
      network.send(a, b, () => void received.push(1_000))
    })
    simulation.runSync(5_000)
    expect(new Set(received)).toEqual(new Set([1_000]))
  })

  test('meets the faults of its own way', () => {
    network.setLinkFaults(a, b, { ...reliableLink, lossRatio: 1 })
    sendMany(3)
    network.send(b, a, () => void received.push(7))
    simulation.runSync(10)
    network.setLinkFaults(a, b, undefined)
    sendMany(1)
    simulation.runSync(20)
    expect(received).toEqual([7, 0])
  })

  test('cannot have impossible faults', () => {
    const error: unknown = expect.objectContaining({ code: 'SIMULATION_INVALID_OPTION' })
    expect(() => network.setFaults({ ...reliableLink, lossRatio: 2 })).toThrow(error)
    expect(() => createSimulatedNetwork(simulation, { ...reliableLink, delayMinMs: -1 })).toThrow(error)
  })
})

describe('a partition', () => {
  const nodes = [1, 2, 3, 4, 5]
  const cutsOf = (shape: (typeof partitionShapes)[number], seed: number, victim?: number): string[] =>
    drawPartition(createRandom(seed), nodes, shape, victim).map(({ from, to }) => `${from}${to}`)

  test.each(partitionShapes)('%s cuts some ways, and never a node from itself', (shape) => {
    const drawn = upTo(20).map((seed) => cutsOf(shape, seed))
    expect(drawn.some((cuts) => cuts.length > 0)).toBe(true)
    for (const cuts of drawn) expect(cuts.filter(([from, to]) => from === to)).toEqual([])
  })

  test('has the shape that its name says', () => {
    expect(cutsOf('isolateOne', 1, 3).sort()).toEqual(['13', '23', '31', '32', '34', '35', '43', '53'])
    expect(['13,23,43,53', '31,32,34,35']).toContain(cutsOf('oneWay', 1, 3).sort().join())
    expect(cutsOf('halves', 1)).toHaveLength(12)
    expect(cutsOf('asymmetric', 1)).toHaveLength(6)
    expect(cutsOf('partial', 1)).toHaveLength(2)
    expect(cutsOf('bridge', 1)).toHaveLength(8)
    expect(cutsOf('ring', 1)).toHaveLength(10)
  })
})

describe('a nemesis', () => {
  test('breaks a network again and again until it is cancelled, the same way for the same seed', () => {
    const changesOf = (seed: number): string[] => {
      const world = createSimulation({ seed })
      const nodes = upTo(5).map((n) => world.createNode(`n${n}`))
      for (const node of nodes) node.start()
      const disturbed = createSimulatedNetwork(world)
      const changes: string[] = []
      disturbed.onChange(({ from, to, isCut }) =>
        changes.push(`${world.nowMs} ${from.name} ${to.name} ${isCut}`),
      )
      const disturbances = {
        ...drawNetworkDisturbances(world.random.fork('draw')),
        partitionPauseMeanMs: 1_000,
        clogPauseMeanMs: 1_000,
        swizzlePauseMeanMs: 5_000,
      }
      const nemesis = disturbNetwork(world, disturbed, nodes, disturbances, () => nodes[0])
      world.runSync(60_000)
      nemesis.cancel()
      disturbed.heal()
      const count = changes.length
      world.runSync(120_000)
      expect(changes).toHaveLength(count)
      for (const from of nodes) for (const to of nodes) expect(disturbed.isCut(from, to)).toBe(false)
      return changes
    }
    expect(changesOf(1).length).toBeGreaterThan(20)
    expect(changesOf(1)).toEqual(changesOf(1))
    expect(changesOf(2)).not.toEqual(changesOf(1))
  })

  test('draws each kind of fault for about half of the seeds', () => {
    const drawn = upTo(200).map((seed) => drawLinkFaults(createRandom(seed)))
    for (const key of ['lossRatio', 'duplicateRatio', 'reorders'] as const) {
      const present = drawn.filter((faults) => Boolean(faults[key])).length
      expect(present).toBeGreaterThan(60)
      expect(present).toBeLessThan(140)
    }
  })
})
