import { readFileSync } from 'node:fs'
import {
  createNodeDisk,
  createSimulatedNetwork,
  createSimulation,
  simulateRaft,
  simulationErrorCodes,
} from '@orrery/simulation'
import { expect, test } from 'vitest'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

test('the README lists every error code and no other', () => {
  const codes = [...readme.matchAll(/^\| `(SIMULATION_\w+)`/gm)].map(([, code]) => code)
  expect(codes.sort()).toEqual([...simulationErrorCodes].sort())
})

test('the example of the README asks and is answered, but for while the other one is down', async () => {
  const simulation = createSimulation({ seed: 7 })
  const network = createSimulatedNetwork(simulation)
  const [ping, pong] = [simulation.createNode('ping'), simulation.createNode('pong')]
  createNodeDisk(simulation, pong)
  let answers = 0
  pong.start()
  const { clock } = ping.start()
  const ask = (): void => {
    network.send(ping, pong, () => network.send(pong, ping, () => answers++))
    clock.setTimer(100, ask)
  }
  ask()
  simulation.schedule(5_000, () => pong.crash())
  simulation.schedule(6_000, () => pong.start())
  await simulation.run(10_000)
  expect(answers).toBeGreaterThan(80)
  expect(answers).toBeLessThan(92)
})

test('a cluster of the README has nothing wrong', () => {
  const { failure, coverage } = simulateRaft({ seed: 7, members: 5, durationMs: 20_000 })
  expect(failure).toBeUndefined()
  expect(coverage.acknowledgedWrites).toBeGreaterThan(0)
})
