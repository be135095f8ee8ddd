import { type SimulatedNode, type Simulation, createSimulation } from '@orrery/simulation'
import { beforeEach, describe, expect, test } from 'vitest'

let simulation: Simulation
let node: SimulatedNode
let seen: string[]

beforeEach(() => {
  simulation = createSimulation({ seed: 1 })
  node = simulation.createNode('n1')
  seen = []
})

const see = (name: string) => (): void => void seen.push(`${name} ${simulation.nowMs}`)

describe('a clock', () => {
  test('that goes fast shows more time, and its timers come early', () => {
    const fast = simulation.createNode('fast', { offsetMs: 500, drift: 0.001 })
    const { clock } = fast.start()
    let firedMs = 0
    clock.setTimer(1_000, () => {
      firedMs = clock.nowMs()
    })
    simulation.runSync(999.5)
    expect(firedMs).toBeGreaterThanOrEqual(1_500)
    simulation.runSync(100_000)
    expect(clock.nowMs()).toBeCloseTo(100_600, 6)
  })

  test('that is slowed down lets no timer fire before its time', () => {
    const { clock } = node.start()
    const startMs = clock.nowMs()
    let firedMs = 0
    clock.setTimer(1_000, () => {
      firedMs = clock.nowMs()
    })
    simulation.schedule(500, () => node.setDrift(-0.5))
    simulation.runSync(1_499)
    expect(firedMs).toBe(0)
    simulation.runSync(1_501)
    expect(firedMs - startMs).toBeGreaterThanOrEqual(1_000)
  })

  test('never steps back, and never fires early, whatever happens to its speed', () => {
    const { clock } = node.start()
    let lastMs = clock.nowMs()
    for (let i = 0; i < 2_000; i++) {
      const dueMs = clock.nowMs() + i / 7
      clock.setTimer(i / 7, () => {
        expect(clock.nowMs()).toBeGreaterThanOrEqual(dueMs)
        expect(clock.nowMs()).toBeGreaterThanOrEqual(lastMs)
        lastMs = clock.nowMs()
      })
      if (i % 10 === 0) node.setDrift((simulation.random.float() - 0.5) * 0.5)
      simulation.runSync(simulation.nowMs + 1)
    }
  })

  test('can have its time of day moved, which no timer notices', () => {
    const { clock } = node.start()
    const wallMs = clock.wallMs()
    clock.setTimer(10, see('timer'))
    node.shiftWall(-3_600_000)
    expect(clock.wallMs()).toBe(wallMs - 3_600_000)
    simulation.runSync(20)
    expect(seen).toEqual(['timer 10'])
  })

  test('lets time pass for code that defers until it has', () => {
    const { clock } = node.start()
    const startMs = clock.nowMs()
    const spin = (): void => {
      if (clock.nowMs() < startMs + 1) clock.defer(spin)
      else see('done')()
    }
    spin()
    simulation.runSync(2)
    expect(seen).toEqual(['done 1'])
  })

  test('lets a cancelled timer not happen', () => {
    const { clock } = node.start()
    clock.setTimer(5, see('cancelled')).cancel()
    clock.defer(see('cancelled')).cancel()
    simulation.runSync(10)
    expect(seen).toEqual([])
  })
})

describe('a process', () => {
  test('that is paused gets no turn, while its clock goes on; later everything comes in order', () => {
    const { clock } = node.start()
    clock.setTimer(10, see('timer'))
    node.schedule(11, see('delivery'))
    clock.setTimer(12, see('cancelled meanwhile')).cancel()
    simulation.schedule(5, () => node.pause())
    simulation.schedule(50, () => {
      expect(clock.nowMs()).toBe(50)
      node.schedule(1, see('sent while paused'))
    })
    simulation.schedule(100, () => node.resume())
    simulation.runSync(200)
    expect(seen).toEqual(['timer 100', 'delivery 100', 'sent while paused 100'])
  })

  test('that crashes loses timers and deliveries, also those of its next life', () => {
    const { clock } = node.start()
    clock.setTimer(10, see('old timer'))
    node.schedule(10, see('old delivery'))
    simulation.schedule(5, () => {
      node.crash()
      node.schedule(1, see('sent while down'))
      node.start()
      clock.setTimer(1, see('set by the dead'))
      clock.defer(see('deferred by the dead'))
      node.schedule(20, see('new delivery'))
    })
    simulation.runSync(100)
    expect(seen).toEqual(['new delivery 25'])
    expect(node.incarnation).toBe(2)
  })

  test('that crashes while paused does not wake up', () => {
    const { clock } = node.start()
    clock.setTimer(1, see('timer'))
    node.pause()
    simulation.runSync(5)
    node.crash()
    node.start()
    simulation.runSync(10)
    expect(seen).toEqual([])
  })

  test('draws other random numbers in its next life, and the same for the same seed', () => {
    const first = node.start().random.uint32()
    node.crash('kill')
    expect(node.start().random.uint32()).not.toBe(first)
    expect(createSimulation({ seed: 1 }).createNode('n1').start().random.uint32()).toBe(first)
  })

  test('is there or not: starting twice and asking a stopped node are mistakes', () => {
    const error: unknown = expect.objectContaining({ code: 'SIMULATION_NODE_STATE' })
    expect(() => node.environment).toThrow(error)
    node.start()
    expect(() => node.start()).toThrow(error)
  })

  test('logs into the trace', () => {
    const traced = createSimulation({ seed: 1, traceMaxLines: 2 })
    const { logger } = traced.createNode('n1').start()
    logger.warn('slow disk', { tookMs: 5, id: 7n })
    logger.info('fine')
    expect(traced.trace.lines).toEqual([
      '       0.000 n1 warn: slow disk {"tookMs":5,"id":"7"}',
      '       0.000 n1 info: fine',
    ])
  })
})
