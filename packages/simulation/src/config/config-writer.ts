import type { ConfigHub, FileKey, GroupKey, Release, WriteOptions } from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import type { Random } from '@orrery/environment'
import type { StoreMachine } from '../store/store-machine.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import type { AskedWrite } from './config-ledger.ts'
import { configFiles, configGroups } from './config-names.ts'
import type { ConfigWorld } from './config-world.ts'
import { checkShown } from './check-shown.ts'
import { groupPathOf, pathOf } from './stored-config.ts'
import { drawFileWrite, drawGroupWrite, type PlannedWrite, type WriteAnswer } from './planned-writes.ts'

/** How long a writer waits for an answer. Unit: ms. */
const patienceMs = { min: 200, max: 4_000 } as const
/** What of its writes is about groups, and how often it writes several things at once. */
const ratio = { groups: 0.06, bursts: 0.15, conditions: 0.1 } as const
const burstMaxItems = 5

/** What a writer is. */
export interface ConfigWriterOptions {
  readonly name: string
  /** Between two writes, on average. Unit: ms. */
  readonly thinkMeanMs: number
}

/** Somebody who writes whatever comes to his mind, at whichever hub. */
export class ConfigWriter {
  readonly #world: ConfigWorld
  readonly #options: ConfigWriterOptions
  readonly #random: Random
  #isOver = false

  constructor(world: ConfigWorld, options: ConfigWriterOptions, random: Random) {
    this.#world = world
    this.#options = options
    this.#random = random
  }

  start(): void {
    const { simulation } = this.#world.cluster
    if (this.#isOver) return
    simulation.schedule(exponential(this.#random, this.#options.thinkMeanMs), () => {
      void this.#some().then(() => this.start())
    })
  }

  stop(): void {
    this.#isOver = true
  }

  async #some(): Promise<void> {
    const { cluster, host } = this.#world
    const machine = pick(this.#random, cluster.running)
    const hub = host.at(machine)
    if (machine === undefined || hub === undefined) return
    const count = chance(this.#random, ratio.bursts) ? 2 + this.#random.below(burstMaxItems) : 1
    const file = pick(this.#random, configFiles)
    const writes = Array.from({ length: count }, () => {
      // Several at once are about one file, or about any.
      const key = chance(this.#random, 0.5) ? file : pick(this.#random, configFiles)
      return key === undefined ? Promise.resolve() : this.#one({ machine, hub }, key)
    })
    await Promise.all(writes)
  }

  async #one(at: { readonly machine: StoreMachine; readonly hub: ConfigHub }, key: FileKey): Promise<void> {
    const { hub } = at
    if (chance(this.#random, ratio.groups)) {
      const group = pick(this.#random, configGroups) ?? key
      await this.write(at, { subject: group, plan: drawGroupWrite(this.#random, hub, group) })
      return
    }
    await this.write(at, { subject: key, plan: drawFileWrite(this.#random, hub, key) })
  }

  /** Writes, and notes what comes of it. @returns whether it was acknowledged */
  async write(
    { machine, hub }: { readonly machine: StoreMachine; readonly hub: ConfigHub },
    { subject, plan }: { readonly subject: FileKey | GroupKey; readonly plan: PlannedWrite },
  ): Promise<boolean> {
    const { ledger } = this.#world
    const actor = this.#options.name
    const ifRevision = this.#condition(hub, subject)
    const asked: AskedWrite = {
      ...{ action: plan.action, actor, subject: subjectOf(subject) },
      ...plan.asked,
      ...(ifRevision === undefined ? {} : { ifRevision }),
    }
    const reason = ledger.begin(asked)
    const options = { actor, reason, ...(ifRevision === undefined ? {} : { ifRevision }) }
    const waitMs = between(this.#random, patienceMs.min, patienceMs.max)
    const answer = await machine.ask(
      waitMs,
      async () => await this.#call(hub, subject, { plan, options, reason }),
    )
    if (answer.type === 'refused' && isFinal(answer.error)) ledger.refused(reason, answer.error.code)
    return answer.type === 'answered'
  }

  /** In the process that writes. */
  async #call(
    hub: ConfigHub,
    subject: FileKey | GroupKey,
    { plan, options, reason }: { plan: PlannedWrite; options: WriteOptions; reason: string },
  ): Promise<void> {
    const result = await plan.call(options)
    this.#world.ledger.acknowledged(reason, { ...answerOf(result), seenRevision: hub.stats().revision })
    // Whoever wrote sees what he wrote.
    if ('file' in subject) checkShown(this.#world, { hub, by: this.#options.name, key: subject, client: {} })
  }

  #condition(hub: ConfigHub, subject: FileKey | GroupKey): number | undefined {
    if (!chance(this.#random, ratio.conditions)) return undefined
    const known = 'file' in subject ? hub.files.get(subject) : hub.groups.get(subject)
    return known?.revision ?? 0
  }
}

function subjectOf(subject: FileKey | GroupKey): string {
  return 'file' in subject ? pathOf(subject) : `${groupPathOf(subject)}/`
}

function answerOf(result: WriteAnswer): {
  readonly revision: number | undefined
  readonly release: Release | undefined
} {
  if (result === undefined) return { revision: undefined, release: undefined }
  return 'content' in result
    ? { revision: undefined, release: result }
    : { revision: result.revision, release: undefined }
}

/** Whether nothing was written, and nothing will be. */
function isFinal(error: unknown): error is ConfigError {
  return error instanceof ConfigError && !['CONFIG_CLOSED', 'CONFIG_NOT_READY'].includes(error.code)
}
