import type { Random } from '@orrery/environment'
import type { StoreMachine } from '../store/store-machine.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import { configFiles, drawClient } from './config-names.ts'
import type { ConfigWorld } from './config-world.ts'
import { checkShown, type ShownPlace } from './check-shown.ts'
import { pathOf } from './stored-config.ts'

/** Between two reads, on average, and how long one waits. Unit: ms. */
const pauseMeanMs = 60
const patienceMs = 1_500

/** Somebody who reads, at whichever hub, and each time is somebody else. */
export class ConfigReader {
  readonly #world: ConfigWorld
  readonly #random: Random
  #isOver = false
  readonly counts = { reads: 0, linearizable: 0, reached: 0 }

  constructor(world: ConfigWorld, random: Random) {
    this.#world = world
    this.#random = random
  }

  start(): void {
    if (this.#isOver) return
    this.#world.cluster.simulation.schedule(exponential(this.#random, pauseMeanMs), () => {
      this.#some()
      this.start()
    })
  }

  stop(): void {
    this.#isOver = true
  }

  #some(): void {
    const { cluster, host } = this.#world
    const random = this.#random
    const machine = pick(random, cluster.running)
    const hub = host.at(machine)
    const key = pick(random, configFiles)
    if (machine === undefined || hub === undefined || key === undefined) return
    const place = { hub, by: 'a reader', key, client: drawClient(random) }
    checkShown(this.#world, place)
    if (chance(random, 0.2)) void this.#read(machine, place)
    if (chance(random, 0.1)) void this.#readLinearizable(machine, place)
    if (chance(random, 0.05)) void this.#reach(machine, place)
  }

  async #read(machine: StoreMachine, { hub, by, key, client }: ShownPlace): Promise<void> {
    const { revision } = hub.stats()
    const answer = await machine.ask(patienceMs, () => hub.read({ ...key, client }))
    if (answer.type !== 'answered') return
    this.counts.reads++
    const path = pathOf(key)
    this.#world.ledger.shown({ by, path, client, release: answer.value, floor: () => revision })
  }

  async #readLinearizable(machine: StoreMachine, { hub, by, key, client }: ShownPlace): Promise<void> {
    const path = pathOf(key)
    const floor = this.#world.ledger.floor(path)
    const answer = await machine.ask(patienceMs, () => hub.readLinearizable({ ...key, client }))
    if (answer.type !== 'answered') return
    this.counts.linearizable++
    this.#world.ledger.shown({ by: `${by} of the newest`, path, client, release: answer.value, floor })
  }

  /** Waits until a hub has seen what exists anywhere, or a moment longer than it wants to. */
  async #reach(machine: StoreMachine, place: ShownPlace): Promise<void> {
    const { history, cluster } = this.#world
    const { revision } = history
    const waitMs = between(this.#random, 0, patienceMs)
    await machine.ask(waitMs, async () => {
      await place.hub.reached(revision)
      this.counts.reached++
      const seen = place.hub.stats().revision
      if (seen < revision) cluster.fail(`${machine.name} said that it had seen ${revision}, at ${seen}`)
      checkShown(this.#world, place)
    })
  }
}
