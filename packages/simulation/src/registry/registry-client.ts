import type { Random } from '@orrery/environment'
import type { InstanceKey, InstanceSpec, Registry } from '@orrery/registry'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { StoreMachine } from '../store/store-machine.ts'
import { between, chance, pick } from '../time/draw.ts'
import type { RegistrationRecord } from './registration-record.ts'
import type { RegistryHost } from './registry-host.ts'
import type { RegistryLedger } from './registry-ledger.ts'
import { observedService } from './registry-observer.ts'

/** What a client works with. */
export interface RegistryClientParts {
  readonly cluster: StoreCluster
  readonly host: RegistryHost
  readonly ledger: RegistryLedger
  /** Time to live of an instance. Unit: ms. */
  readonly ttlMs: number
}

/** How long a client waits for an answer, and until it asks the next member. Unit: ms. */
const patienceMs = 1_000
const retryMs = 150
/** How likely it is, each time, that instead of a heartbeat something else happens: see {@link RegistryClient}. */
const ratio = { dies: 0.015, leaves: 0.01, sleeps: 0.01, changes: 0.03 } as const

/**
 * One instance: it registers, sends heartbeats, and asks another member when one does not answer. Now and then it dies,
 * takes itself away, or says nothing for a while; and comes back. Or it registers something else.
 */
export class RegistryClient {
  readonly id: string
  isAlive = false
  isCalm = false
  readonly #key: InstanceKey
  readonly #parts: RegistryClientParts
  readonly #random: Random
  readonly #record: RegistrationRecord
  /** It stays with a member that serves it. Others ask anybody each time. */
  readonly #isFaithful: boolean
  #home: StoreMachine | undefined
  #version = 0
  #isKnown = false
  /** Counts lives, so that what an earlier one has begun ends. */
  #life = 0

  constructor(id: string, parts: RegistryClientParts, random: Random) {
    this.id = id
    this.#key = { ...observedService, id }
    this.#parts = parts
    this.#random = random
    this.#record = parts.ledger.registration(id)
    this.#isFaithful = chance(random.fork('faithful'), 0.5)
  }

  start(): void {
    this.isAlive = true
    this.#isKnown = false
    this.#version = this.#record.nextVersion()
    this.#life++
    this.#later(between(this.#random, 0, 2_000), () => this.#beat())
  }

  stop(): void {
    this.isAlive = false
    this.#life++
  }

  #later(delayMs: number, run: () => void): void {
    const life = this.#life
    this.#parts.cluster.simulation.schedule(delayMs, () => {
      if (this.#life === life) run()
    })
  }

  /** The next heartbeat, or something else. */
  #next(): void {
    if (this.isCalm || !this.#isKnown || !this.#mayRest()) this.#beat()
  }

  /** One heartbeat; until it counts, one member after the other is asked. */
  #beat(): void {
    const life = this.#life
    const machine = this.#choose()
    void this.#ask(machine).then((isDone) => {
      if (this.#life !== life) return
      this.#home = isDone ? machine : undefined
      if (isDone) this.#later(this.#parts.ttlMs / 4, () => this.#next())
      else this.#later(retryMs, () => this.#beat())
    })
  }

  /** @returns whether there is no heartbeat now */
  #mayRest(): boolean {
    const random = this.#random
    const awayMs = between(random, patienceMs + 1, 4 * this.#parts.ttlMs)
    if (chance(random, ratio.sleeps)) this.#later(awayMs, () => this.#beat())
    else if (chance(random, ratio.dies)) this.#end(awayMs)
    else if (chance(random, ratio.leaves)) {
      const machine = this.#choose()
      this.#end(awayMs)
      if (machine !== undefined) void this.#leave(machine, chance(random, 0.5))
    } else {
      if (chance(random, ratio.changes)) this.#change()
      return false
    }
    return true
  }

  /** Ends this life, and begins another one later. */
  #end(awayMs: number): void {
    this.stop()
    this.#parts.cluster.simulation.schedule(awayMs, () => this.start())
  }

  /** What it registers next, which counts as a heartbeat, is something else. */
  #change(): void {
    this.#isKnown = false
    this.#version = this.#record.nextVersion()
  }

  #choose(): StoreMachine | undefined {
    const { cluster, host } = this.#parts
    const home = this.#isFaithful && host.at(this.#home) !== undefined ? this.#home : undefined
    return home ?? pick(this.#random, cluster.running)
  }

  async #ask(machine: StoreMachine | undefined): Promise<boolean> {
    const { host, ledger } = this.#parts
    if (machine === undefined || host.at(machine) === undefined) return false
    if (!this.#isKnown) return await this.#register(machine)
    const life = this.#life
    ledger.tried(this.id)
    const answer = await machine.ask(patienceMs, () =>
      Promise.resolve(host.at(machine)?.heartbeat(this.#key)),
    )
    if (answer.type !== 'answered' || this.#life !== life) return false
    if (answer.value === 'unknown') this.#isKnown = false
    if (answer.value !== 'ok') return false
    ledger.acknowledged(this.id)
    return true
  }

  async #register(machine: StoreMachine): Promise<boolean> {
    const { host, ledger } = this.#parts
    const life = this.#life
    const version = this.#version
    this.#record.begins()
    const answer = await machine.ask(patienceMs, async () => await host.at(machine)?.register(this.#spec()))
    if (answer.type !== 'answered' || answer.value === undefined) {
      this.#record.doubt()
      return false
    }
    this.#record.registered(version, answer.value.revision)
    if (this.#life !== life) return false
    this.#isKnown = true
    ledger.acknowledged(this.id)
    return true
  }

  /** Takes itself away, if need be right after a registration that it does not wait for. */
  async #leave(machine: StoreMachine, isChanging: boolean): Promise<void> {
    const { host, ledger, cluster } = this.#parts
    if (isChanging) this.#version = this.#record.nextVersion()
    const answer = await machine.ask(patienceMs, async () => {
      const registry = host.at(machine)
      if (registry === undefined) throw new Error('nobody serves')
      return await this.#deregister(registry, isChanging)
    })
    if (answer.type !== 'answered') {
      this.#record.doubt()
      return
    }
    const { revision, isGone } = answer.value
    if (this.#record.isUncertain) return
    ledger.counts.left++
    this.#record.left(revision)
    if (!isGone) cluster.fail(`${this.id} is still there, though it was taken away at ${revision}`)
  }

  async #deregister(
    registry: Registry,
    isChanging: boolean,
  ): Promise<{ readonly revision: number; readonly isGone: boolean }> {
    const changed = isChanging ? registry.register(this.#spec()) : undefined
    const [removed] = await Promise.all([registry.deregister(this.#key), changed])
    return { ...removed, isGone: registry.instance(this.#key) === undefined }
  }

  #spec(): InstanceSpec {
    const { ttlMs } = this.#parts
    return { ...this.#key, host: '10.0.0.1', port: 80, version: String(this.#version), ttlMs }
  }
}
