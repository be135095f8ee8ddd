import type { ConfigChange, ConfigHub, ConfigWatch } from '@orrery/config-hub'
import { hasCode, type Random } from '@orrery/environment'
import type { StoreMachine } from '../store/store-machine.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import type { ConfigWorld } from './config-world.ts'
import { drawMemory, HeldFiles, type Interest, type ToldChange } from './held-files.ts'

/** How long it takes until another hub is tried, and until it is looked whether this one is still there. Unit: ms. */
const retryMs = 100
/** How long it stays with a hub, on average. Unit: ms. */
const stayMeanMs = 5_000
/** How likely it is, after each batch, that the reader does something else for a while. */
const stallRatio = 0.2
const stallMs = { min: 1, max: 3_000 } as const

/** A watch in progress. */
interface Session {
  readonly machine: StoreMachine
  readonly hub: ConfigHub
  readonly watch: ConfigWatch
}

/** Somebody who watches, at one hub after the other. Now and then he does not ask for a while. */
export class ConfigWatcher {
  readonly held: HeldFiles
  readonly #interest: Interest
  readonly #world: ConfigWorld
  readonly #random: Random
  #session: Session | undefined
  #isCalm = false
  readonly counts = { sessions: 0, lagging: 0, skipped: 0 }

  constructor(world: ConfigWorld, interest: Interest, random: Random) {
    this.#world = world
    this.#interest = interest
    this.#random = random
    this.held = new HeldFiles(interest, world)
  }

  start(): void {
    this.#later(between(this.#random, 0, 1_000), () => this.#come())
    this.#look()
  }

  /** From now on it stays where it is, and always asks. */
  calm(): void {
    this.#isCalm = true
  }

  /** The hub that it watches at. */
  get hub(): ConfigHub | undefined {
    return this.#session?.hub
  }

  /** Who does not come to a hub is not told anything. */
  leave(): void {
    const session = this.#session
    this.#session = undefined
    if (session === undefined) return
    const { machine, watch } = session
    this.counts.skipped += watch.skipped
    machine.node.schedule(0, () => watch.close())
  }

  #later(delayMs: number, run: () => void): void {
    this.#world.cluster.simulation.schedule(delayMs, run)
  }

  #come(): void {
    const { cluster, host } = this.#world
    const machine = pick(this.#random, cluster.running)
    const hub = host.at(machine)
    if (machine === undefined || hub === undefined) {
      this.#later(retryMs, () => this.#come())
      return
    }
    const query = this.held.come(drawMemory(this.#random), machine.name)
    this.counts.sessions++
    if ((query.afterRevision ?? 0) > hub.stats().revision) this.counts.lagging++
    const session = { machine, hub, watch: hub.watch(query) }
    this.#session = session
    void this.#read(session)
    this.#later(exponential(this.#random, stayMeanMs), () => {
      if (this.#session !== session || this.#isCalm) return
      this.leave()
      this.#later(between(this.#random, 0, 1_000), () => this.#come())
    })
  }

  /** Finds out that the hub is gone, which does not say so. */
  #look(): void {
    const session = this.#session
    if (session !== undefined && this.#world.host.at(session.machine) !== session.hub) {
      // One that is frozen may come back.
      if (session.machine.node.state !== 'paused' || chance(this.#random, 0.1)) {
        this.leave()
        this.#later(retryMs, () => this.#come())
      }
    }
    this.#later(retryMs, () => this.#look())
  }

  async #read(session: Session): Promise<void> {
    const batches = session.watch[Symbol.asyncIterator]()
    try {
      for (;;) {
        const { done, value } = await batches.next()
        if (this.#session !== session || this.#world.cluster.failure !== undefined) return
        if (done === true) break
        this.held.told(value.revision, value.changes.map(toldChange))
        if (this.#isCalm || !chance(this.#random, stallRatio)) continue
        await this.#stall(session)
      }
    } catch (error) {
      if (!hasCode(error, 'CONFIG_CLOSED'))
        this.#world.cluster.fail(`${this.#interest.name} was refused: ${String(error)}`)
    }
    if (this.#session !== session) return
    this.leave()
    this.#later(retryMs, () => this.#come())
  }

  #stall({ machine }: Session): Promise<void> {
    const forMs = between(this.#random, stallMs.min, stallMs.max)
    return new Promise((resolve) => machine.node.schedule(forMs, resolve))
  }
}

function toldChange(change: ConfigChange): ToldChange {
  if (change.type === 'removed') {
    return { key: change.key, version: change.version, info: undefined, content: undefined }
  }
  const { release } = change
  return { key: release, version: release.version, info: release, content: release.content }
}
