import type { ConfigHub, PolledChange, PollResult } from '@orrery/config-hub'
import { hasCode, type Random } from '@orrery/environment'
import type { StoreMachine } from '../store/store-machine.ts'
import { between, chance, pick } from '../time/draw.ts'
import type { ConfigWorld } from './config-world.ts'
import { drawMemory, HeldFiles, type Interest, type ToldChange } from './held-files.ts'
import { pathOf } from './stored-config.ts'

/** How long a poll waits, at most, and how much longer its client does. Unit: ms. */
const waitMaxMs = 2_000
const patienceMs = 500
/** How long it takes until somebody polls again. Unit: ms. */
const pauseMaxMs = 300
const abortRatio = 0.1

/** Somebody who polls, each time at whichever hub. */
export class ConfigPoller {
  readonly held: HeldFiles
  readonly #interest: Interest
  readonly #world: ConfigWorld
  readonly #random: Random
  #isCalm = false
  #isOver = false
  readonly counts = { polls: 0, aborted: 0 }

  constructor(world: ConfigWorld, interest: Interest, random: Random) {
    this.#world = world
    this.#interest = interest
    this.#random = random
    this.held = new HeldFiles(interest, world)
  }

  start(): void {
    this.#later()
  }

  /** From now on it waits for every answer. */
  calm(): void {
    this.#isCalm = true
  }

  /** It does not poll again. */
  stop(): void {
    this.#isOver = true
  }

  #later(): void {
    if (this.#isOver) return
    const { simulation } = this.#world.cluster
    simulation.schedule(
      between(this.#random, 0, pauseMaxMs),
      () => void this.#poll().then(() => this.#later()),
    )
  }

  async #poll(): Promise<void> {
    const { cluster, host } = this.#world
    const machine = pick(this.#random, cluster.running)
    const hub = host.at(machine)
    if (machine === undefined || hub === undefined) return
    const query = this.held.come(this.#isCalm ? 'all' : drawMemory(this.#random), machine.name)
    const timeoutMs = this.#random.below(waitMaxMs)
    const signal = this.#abortSignal(machine, timeoutMs)
    this.counts.polls++
    const answer = await machine.ask(timeoutMs + patienceMs, () => hub.poll(query, { timeoutMs, signal }))
    if (answer.type === 'answered') await this.#take(answer.value, { machine, hub })
    else if (answer.type === 'refused' && !hasCode(answer.error, 'CONFIG_CLOSED')) {
      if (signal?.aborted === true && answer.error === signal.reason) this.counts.aborted++
      else cluster.fail(`${this.#interest.name} was refused: ${String(answer.error)}`)
    }
  }

  #abortSignal({ node }: StoreMachine, timeoutMs: number): AbortSignal | undefined {
    if (this.#isCalm || !chance(this.#random, abortRatio)) return undefined
    const controller = new AbortController()
    const afterMs = between(this.#random, 0, timeoutMs)
    node.schedule(afterMs, () => controller.abort(new Error('enough')))
    return controller.signal
  }

  async #take(
    result: PollResult,
    { machine, hub }: { readonly machine: StoreMachine; readonly hub: ConfigHub },
  ): Promise<void> {
    if (result.type === 'unchanged') {
      this.held.unchanged(result.revision)
      return
    }
    this.held.told(result.revision, result.changes.map(toldChange))
    await Promise.all(result.changes.map((change) => this.#read(change, { machine, hub, result })))
  }

  /** Contents are to be read. They are not older than what was told. */
  async #read(
    change: PolledChange,
    { machine, hub, result }: { machine: StoreMachine; hub: ConfigHub; result: PollResult },
  ): Promise<void> {
    const { name, client } = this.#interest
    const answer = await machine.ask(patienceMs, () => hub.read({ ...change.key, client }))
    if (answer.type !== 'answered') return
    this.#world.ledger.shown({
      by: name,
      path: pathOf(change.key),
      client,
      release: answer.value,
      floor: () => result.revision,
    })
  }
}

function toldChange(change: PolledChange): ToldChange {
  if (change.type === 'removed') {
    return { key: change.key, version: change.version, info: undefined, content: undefined }
  }
  const { key, info } = change
  return { key, version: info.version, info, content: undefined }
}
