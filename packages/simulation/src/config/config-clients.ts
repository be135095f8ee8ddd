import type { Random } from '@orrery/environment'
import { between } from '../time/draw.ts'
import { configFiles, drawClient, drawContent, drawTargets } from './config-names.ts'
import { ConfigPoller } from './config-poller.ts'
import { ConfigReader } from './config-reader.ts'
import { ConfigWatcher } from './config-watcher.ts'
import type { ConfigWorld } from './config-world.ts'
import { ConfigWriter } from './config-writer.ts'
import type { Interest } from './held-files.ts'
import { planPublish } from './planned-writes.ts'

/** How many there are of each kind. */
export interface ConfigClientCounts {
  readonly writers: number
  readonly watchers: number
  readonly pollers: number
}

/** Everybody who uses the hubs of a run. */
export class ConfigClients {
  readonly #world: ConfigWorld
  readonly #random: Random
  readonly #writers: readonly ConfigWriter[]
  readonly #watchers: readonly ConfigWatcher[]
  readonly #pollers: readonly ConfigPoller[]
  readonly #reader: ConfigReader

  constructor(world: ConfigWorld, { writers, watchers, pollers }: ConfigClientCounts) {
    const random = world.cluster.simulation.random.fork('config clients')
    this.#world = world
    this.#random = random
    const many = <T>(count: number, create: (n: number) => T): readonly T[] =>
      Array.from({ length: count }, (_, n) => create(n))
    const thinkMeanMs = between(random.fork('think'), 80, 400)
    this.#writers = many(writers, (n) => {
      return new ConfigWriter(world, { name: `writer ${n}`, thinkMeanMs }, random.fork(`writer ${n}`))
    })
    this.#watchers = many(watchers, (n) => {
      const own = random.fork(`watcher ${n}`)
      return new ConfigWatcher(world, interestOf(`watcher ${n}`, own), own)
    })
    this.#pollers = many(pollers, (n) => {
      const own = random.fork(`poller ${n}`)
      return new ConfigPoller(world, interestOf(`poller ${n}`, own), own)
    })
    this.#reader = new ConfigReader(world, random.fork('reader'))
  }

  start(): void {
    for (const client of [...this.#writers, ...this.#watchers, ...this.#pollers, this.#reader]) client.start()
  }

  /** Nobody comes and goes any more, and nobody writes. */
  calm(): void {
    for (const writer of this.#writers) writer.stop()
    for (const client of [...this.#watchers, ...this.#pollers]) client.calm()
    this.#reader.stop()
  }

  /** Every hub takes a write, now that everything works. Takes effect within some seconds. */
  requireWrites(): void {
    const { host, cluster } = this.#world
    for (const [nth, place] of host.running.entries()) {
      const key = configFiles.at(-1 - nth)
      const [writer] = this.#writers
      if (key === undefined || writer === undefined) continue
      const isGray = place.hub.files.get(key)?.gray !== undefined
      const content = drawContent(this.#random, key)
      if (isGray) continue
      const plan = planPublish(place.hub, key, content)
      void writer.write(place, { subject: key, plan }).then((isDone) => {
        if (!isDone) cluster.fail(`${place.machine.name} takes no writes, though all works again`)
      })
    }
  }

  /** Everybody has been told everything. */
  requireTold(): void {
    const { cluster } = this.#world
    for (const { held } of [...this.#watchers, ...this.#pollers]) {
      const lacking = held.lacking()
      if (lacking !== undefined) cluster.fail(lacking)
    }
    for (const { machine, hub } of this.#world.host.running) {
      const watching = this.#watchers.filter((watcher) => watcher.hub === hub).length
      const { watchers } = hub.stats()
      if (watchers !== watching)
        cluster.fail(`${machine.name} has ${watchers} watchers, of whom ${watching} are there`)
    }
  }

  /** Everybody goes. */
  leave(): void {
    for (const watcher of this.#watchers) watcher.leave()
    for (const poller of this.#pollers) poller.stop()
  }

  /** Hubs know of nobody any more. */
  requireAlone(): void {
    for (const { machine, hub } of this.#world.host.running) {
      const { watchers, polls } = hub.stats()
      if (watchers + polls > 0)
        this.#world.cluster.fail(
          `${machine.name} has ${watchers} watchers and ${polls} polls, and all have gone`,
        )
    }
  }

  /** What they did. */
  get counts(): Readonly<
    Record<'told' | 'unchanged' | 'sessions' | 'lagging' | 'skipped' | 'polls', number>
  > {
    const sum = <T>(items: readonly T[], of: (item: T) => number): number =>
      items.reduce((total, item) => total + of(item), 0)
    const all = [...this.#watchers, ...this.#pollers]
    return {
      told: sum(all, ({ held }) => held.counts.told),
      unchanged: sum(all, ({ held }) => held.counts.unchanged),
      sessions: sum(this.#watchers, ({ counts }) => counts.sessions),
      lagging: sum(this.#watchers, ({ counts }) => counts.lagging),
      skipped: sum(this.#watchers, ({ counts }) => counts.skipped),
      polls: sum(this.#pollers, ({ counts }) => counts.polls),
    }
  }
}

function interestOf(name: string, random: Random): Interest {
  return { name, client: drawClient(random), targets: drawTargets(random) }
}
