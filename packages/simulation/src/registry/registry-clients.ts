import type { Random } from '@orrery/environment'
import type { InstanceSpec } from '@orrery/registry'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { StoreMachine } from '../store/store-machine.ts'
import { between, chance, pick } from '../time/draw.ts'
import type { RegistryHost } from './registry-host.ts'
import type { RegistryLedger } from './registry-ledger.ts'
import { observedService } from './registry-observer.ts'

/** What clients work with. */
export interface RegistryClientsParts {
  readonly cluster: StoreCluster
  readonly host: RegistryHost
  readonly ledger: RegistryLedger
  /** Time to live of an instance. Unit: ms. */
  readonly ttlMs: number
  /** Instances. */
  readonly count: number
}

/** How long a client waits for an answer, and until it asks the next member. Unit: ms. */
const patienceMs = 1_000
const retryMs = 150

/** Instances that register, send heartbeats, ask another member when one does not answer, die and come back. */
export class RegistryClients {
  readonly #clients: Client[]

  constructor(parts: RegistryClientsParts) {
    const { random } = parts.cluster.simulation
    this.#clients = Array.from(
      { length: parts.count },
      (_, n) => new Client(`i${n}`, parts, random.fork(`client ${n}`)),
    )
  }

  start(): void {
    for (const client of this.#clients) client.start()
  }

  /** From now on nobody dies or comes back by himself. */
  calm(): void {
    for (const client of this.#clients) client.isCalm = true
  }

  /** Lets some of them die. @returns their ids */
  stopSome(count: number): readonly string[] {
    const living = this.#clients.filter(({ isAlive }) => isAlive).slice(0, count)
    for (const client of living) client.stop()
    return living.map(({ id }) => id)
  }

  get living(): readonly string[] {
    return this.#clients.filter(({ isAlive }) => isAlive).map(({ id }) => id)
  }
}

class Client {
  readonly id: string
  isAlive = false
  isCalm = false
  readonly #parts: RegistryClientsParts
  readonly #random: Random
  #isKnown = false
  /** Counts lives, so that what an earlier one has begun ends. */
  #life = 0

  constructor(id: string, parts: RegistryClientsParts, random: Random) {
    this.id = id
    this.#parts = parts
    this.#random = random
  }

  start(): void {
    this.isAlive = true
    this.#isKnown = false
    this.#life++
    this.#later(between(this.#random, 0, 2_000), () => this.#beat())
  }

  stop(): void {
    this.isAlive = false
    this.#life++
    this.#parts.ledger.stopped(this.id)
  }

  #later(delayMs: number, run: () => void): void {
    const life = this.#life
    this.#parts.cluster.simulation.schedule(delayMs, () => {
      if (this.#life === life) run()
    })
  }

  /** One heartbeat; until it counts, one member after the other is asked. */
  #beat(): void {
    if (!this.isCalm && chance(this.#random, 0.01)) {
      this.stop()
      const { cluster, ttlMs } = this.#parts
      cluster.simulation.schedule(between(this.#random, 500, 4 * ttlMs), () => this.start())
      return
    }
    const life = this.#life
    void this.#ask().then((isDone) => {
      if (this.#life !== life) return
      if (isDone) this.#later(this.#parts.ttlMs / 4, () => this.#beat())
      else this.#later(retryMs, () => this.#beat())
    })
  }

  async #ask(): Promise<boolean> {
    const { cluster, host, ledger } = this.#parts
    const machine = pick(this.#random, cluster.running)
    if (machine === undefined || host.at(machine) === undefined) return false
    if (!this.#isKnown) return await this.#register(machine)
    const key = { ...observedService, id: this.id }
    const life = this.#life
    const answer = await machine.ask(patienceMs, () => Promise.resolve(host.at(machine)?.heartbeat(key)))
    if (answer.type !== 'answered' || this.#life !== life) return false
    if (answer.value === 'unknown') this.#isKnown = false
    if (answer.value !== 'ok') return false
    ledger.acknowledged(this.id)
    return true
  }

  async #register(machine: StoreMachine): Promise<boolean> {
    const { host, ledger, ttlMs } = this.#parts
    const life = this.#life
    const spec: InstanceSpec = { ...observedService, id: this.id, host: '10.0.0.1', port: 80, ttlMs }
    const answer = await machine.ask(patienceMs, async () => await host.at(machine)?.register(spec))
    if (answer.type !== 'answered' || answer.value === undefined || this.#life !== life) return false
    this.#isKnown = true
    ledger.acknowledged(this.id)
    return true
  }
}
