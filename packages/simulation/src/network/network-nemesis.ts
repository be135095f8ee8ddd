import type { Random, Timer } from '@orrery/environment'
import { between, chance, exponential, pick, shuffle } from '../time/draw.ts'
import { recurring } from '../time/recurring.ts'
import type { Simulation } from '../time/simulation.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import { type PartitionShape, drawPartition, partitionShapes } from './partition.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

/** Which disturbances a network suffers, and how often. Zero means never. */
export interface NetworkDisturbances {
  /** Between the end of a partition and the next one, on average. Unit: ms. */
  readonly partitionPauseMeanMs: number
  /** How long a partition lasts, on average. Unit: ms. */
  readonly partitionMeanMs: number
  /** No partition begins so soon after the last one ended. Unit: ms. */
  readonly stabilityMinMs: number
  readonly shapes: readonly PartitionShape[]
  /** Between two clogs of one way each, on average. Unit: ms. */
  readonly clogPauseMeanMs: number
  readonly clogMeanMs: number
  /**
   * Between two swizzles, on average: nodes are clogged one after the other, and freed in another order.
   * After FoundationDB. Unit: ms.
   */
  readonly swizzlePauseMeanMs: number
}

/** Draws disturbances: each kind is present in about half of all runs. */
export function drawNetworkDisturbances(random: Random): NetworkDisturbances {
  const present = (label: string, minMs: number, maxMs: number): number => {
    const stream = random.fork(label)
    return chance(stream, 0.5) ? between(stream, minMs, maxMs) : 0
  }
  const shapes = partitionShapes.filter((shape) => chance(random.fork(shape), 0.5))
  return {
    partitionPauseMeanMs: present('partition', 500, 8_000),
    partitionMeanMs: between(random.fork('partitionMs'), 200, 6_000),
    stabilityMinMs: between(random.fork('stability'), 100, 2_000),
    shapes: shapes.length === 0 ? partitionShapes : shapes,
    clogPauseMeanMs: present('clog', 500, 5_000),
    clogMeanMs: between(random.fork('clogMs'), 50, 3_000),
    swizzlePauseMeanMs: present('swizzle', 10_000, 30_000),
  }
}

/**
 * Disturbs a network until cancelled. What is broken by then stays so until {@link SimulatedNetwork.heal}.
 *
 * @param victim who is isolated, for example the leader; undefined: anybody
 */
export function disturbNetwork(
  simulation: Simulation,
  network: SimulatedNetwork,
  nodes: readonly SimulatedNode[],
  disturbances: NetworkDisturbances,
  victim: () => SimulatedNode | undefined = () => undefined,
): Timer {
  const random = simulation.random.fork('network nemesis')
  const timers: Timer[] = []
  let isCancelled = false
  const { partitionPauseMeanMs, clogPauseMeanMs, swizzlePauseMeanMs } = disturbances

  const partition = (): void => {
    simulation.schedule(disturbances.stabilityMinMs + exponential(random, partitionPauseMeanMs), () => {
      if (isCancelled) return
      const shape = pick(random, disturbances.shapes) ?? 'halves'
      const cuts = drawPartition(
        random,
        nodes,
        shape,
        (chance(random, 0.5) ? victim() : undefined) ?? pick(random, nodes),
      )
      if (simulation.trace.isRecording) simulation.trace.add(`network falls apart: ${shape}`)
      for (const cut of cuts) network.cut(cut)
      simulation.schedule(exponential(random, disturbances.partitionMeanMs), () => {
        if (isCancelled) return
        for (const cut of cuts) network.mend(cut)
        partition()
      })
    })
  }
  if (partitionPauseMeanMs > 0 && nodes.length > 1) partition()

  const clog = (): void => {
    const [from, to] = shuffle(random, nodes)
    if (from !== undefined && to !== undefined) {
      network.clog(from, to, exponential(random, disturbances.clogMeanMs))
    }
  }
  if (clogPauseMeanMs > 0) timers.push(recurring(simulation, random, { pauseMeanMs: clogPauseMeanMs }, clog))

  if (swizzlePauseMeanMs > 0) {
    const recurrence = { pauseMeanMs: swizzlePauseMeanMs, pauseMinMs: 5_000 }
    timers.push(recurring(simulation, random, recurrence, () => swizzle(simulation, network, nodes, random)))
  }
  return {
    cancel: () => {
      isCancelled = true
      for (const timer of timers) timer.cancel()
    },
  }
}

/** Clogs a random subset of the nodes one after the other, and frees them in another order. */
function swizzle(
  simulation: Simulation,
  network: SimulatedNetwork,
  nodes: readonly SimulatedNode[],
  random: Random,
): void {
  const victims = shuffle(random, nodes).slice(0, 1 + random.below(nodes.length))
  const releases = shuffle(random, victims)
  const stepMs = between(random, 50, 500)
  for (const [turn, node] of victims.entries()) {
    const releaseMs = (victims.length + releases.indexOf(node)) * stepMs
    simulation.schedule(turn * stepMs, () => {
      for (const other of nodes) {
        if (other === node) continue
        network.clog(node, other, releaseMs - turn * stepMs)
        network.clog(other, node, releaseMs - turn * stepMs)
      }
    })
  }
}
