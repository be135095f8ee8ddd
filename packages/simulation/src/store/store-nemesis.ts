import type { Random, Timer } from '@orrery/environment'
import { disturbNetwork } from '../network/network-nemesis.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import { recurring } from '../time/recurring.ts'
import type { StoreCluster } from './store-cluster.ts'
import type { StoreMachine } from './store-machine.ts'

/** How long a disk stays full, on average. Unit: ms. */
const fullMeanMs = 3_000

/** Lets happen to a cluster of stores what its faults say, until it is stopped. */
export class StoreNemesis {
  readonly #cluster: StoreCluster
  readonly #random: Random
  readonly #timers: Timer[] = []

  constructor(cluster: StoreCluster) {
    this.#cluster = cluster
    this.#random = cluster.simulation.random.fork('nemesis')
  }

  start(): void {
    const { simulation, network, nodes, faults } = this.#cluster
    this.#often('kill', faults.killPauseMeanMs, (random) => this.#kill(random))
    this.#often('powerLoss', faults.powerLossPauseMeanMs, (random) => this.#losePower(random))
    this.#often('pause', faults.pausePauseMeanMs, (random) => this.#pause(random))
    this.#often('fullDisk', faults.fullDiskPauseMeanMs, (random) => this.#fillDisk(random))
    this.#often('rot', faults.rotPauseMeanMs, (random) => this.#rot(random))
    this.#often('drift', faults.driftMax * 1e7, (random) => {
      pick(random, nodes)?.setDrift(between(random, -faults.driftMax, faults.driftMax))
    })
    if (faults.network === undefined) return
    const leader = (): StoreMachine['node'] | undefined => this.#cluster.leader?.node
    this.#timers.push(disturbNetwork(simulation, network, nodes, faults.network, leader))
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel()
  }

  #often(label: string, pauseMeanMs: number, happen: (random: Random) => void): void {
    if (pauseMeanMs <= 0) return
    const random = this.#random.fork(label)
    this.#timers.push(recurring(this.#cluster.simulation, random, { pauseMeanMs }, () => happen(random)))
  }

  /** Leaders suffer more often than others. */
  #victim(random: Random): StoreMachine | undefined {
    const { leader, running } = this.#cluster
    return chance(random, 0.4) && leader !== undefined ? leader : pick(random, running)
  }

  #kill(random: Random): void {
    const { running, faults } = this.#cluster
    const isBlackout = chance(random, faults.blackoutRatio)
    const victims = isBlackout ? running : [this.#victim(random)]
    const hasPower = !isBlackout || faults.powerLossPauseMeanMs === 0 || chance(random, 0.5)
    for (const victim of victims) {
      if (victim === undefined) continue
      this.#crash(victim, random, hasPower || !this.#cluster.mayLosePower(victim) ? 'kill' : 'powerLoss')
    }
  }

  #losePower(random: Random): void {
    const victim = this.#victim(random)
    if (victim === undefined) return
    this.#crash(victim, random, this.#cluster.mayLosePower(victim) ? 'powerLoss' : 'kill')
  }

  #crash(machine: StoreMachine, random: Random, cause: 'kill' | 'powerLoss'): void {
    machine.crash(cause)
    this.#cluster.simulation.schedule(exponential(random, this.#cluster.faults.downMeanMs), () =>
      machine.start(),
    )
  }

  #pause(random: Random): void {
    const { simulation, faults, counters } = this.#cluster
    const victim = this.#victim(random)
    if (victim === undefined) return
    victim.node.pause()
    counters.pauses++
    simulation.schedule(exponential(random, faults.pausedMeanMs), () => victim.node.resume())
  }

  #fillDisk(random: Random): void {
    const { simulation, counters } = this.#cluster
    const victim = this.#victim(random)
    if (victim === undefined || !this.#cluster.maySuffer(victim)) return
    victim.setFreeBytes(random.below(20_000))
    counters.fullDisks++
    simulation.schedule(exponential(random, fullMeanMs), () => victim.setFreeBytes(undefined))
  }

  /** What is rotten is found out by the next process. */
  #rot(random: Random): void {
    const victim = this.#victim(random)
    if (victim === undefined || !this.#cluster.maySuffer(victim)) return
    victim.rot()
    if (chance(random, 0.7)) this.#crash(victim, random, 'kill')
  }
}
