import {
  type ChangeBatch,
  type ConfigHub,
  type ConfigHubDeps,
  type ConfigWatch,
  createConfigHub,
} from '@orrery/config-hub'
import { expect } from 'vitest'
import type { Home } from './homes.ts'

/** Hubs on one store. */
export class HubTrial implements AsyncDisposable {
  readonly #home: Home
  readonly #hubs: ConfigHub[] = []

  constructor(home: Home) {
    this.#home = home
  }

  get home(): Home {
    return this.#home
  }

  /** A hub that is ready. @param deps `store`: the home's, unless it is given */
  async hub(deps: Partial<ConfigHubDeps> = {}): Promise<ConfigHub> {
    const hub = createConfigHub({ store: this.#home.store, ...deps })
    this.#hubs.push(hub)
    await hub.start()
    return hub
  }

  /** Closes all hubs, then closes the store and opens it again. */
  async restart(): Promise<void> {
    await this.#closeHubs()
    await this.#home.restart()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeHubs()
    await this.#home[Symbol.asyncDispose]()
  }

  async #closeHubs(): Promise<void> {
    await Promise.all(this.#hubs.splice(0).map((hub) => hub.close()))
  }
}

/** What somebody who watches has seen: the version of each file, and that none ever went backwards. */
export class Follower {
  readonly #watch: ConfigWatch
  readonly #batches: AsyncIterator<ChangeBatch, undefined>
  readonly versions = new Map<string, number>()
  readonly seen: Record<string, string> = {}

  constructor(watch: ConfigWatch) {
    this.#watch = watch
    this.#batches = watch[Symbol.asyncIterator]()
  }

  get skipped(): number {
    return this.#watch.skipped
  }

  /** Takes one batch. */
  async next(): Promise<Readonly<Record<string, string>>> {
    const { done, value } = await this.#batches.next()
    if (done === true) throw new Error('the watch has ended')
    for (const change of value.changes) {
      const { file, version } =
        change.type === 'released' ? change.release : { ...change.key, version: change.version }
      expect(version).toBeGreaterThanOrEqual(this.versions.get(file) ?? 0)
      this.versions.set(file, version)
      if (change.type === 'released') this.seen[file] = change.release.content
      else Reflect.deleteProperty(this.seen, file)
    }
    return this.seen
  }

  /** Takes batches until this is what is seen. */
  async until(seen: Readonly<Record<string, string>>): Promise<void> {
    const wanted = JSON.stringify(Object.entries(seen).sort())
    while (JSON.stringify(Object.entries(this.seen).sort()) !== wanted) await this.next()
  }
}
