import type { ChangeBatch, Instance, Registry } from '@orrery/registry'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { RegistryLedger } from './registry-ledger.ts'

/** Whom an observer tells. */
export interface RegistryObserverParts {
  readonly cluster: StoreCluster
  readonly ledger: RegistryLedger
  /** Of the member. */
  readonly name: string
}

/** The service that subscribers look at. */
export const observedService = { namespace: 'default', service: 'shop' }

/**
 * Follows the notifications of one registry: they come in the order of revisions, none is missing, and what they add
 * up to is what the registry shows.
 */
export class RegistryObserver {
  readonly #registry: Registry
  readonly #parts: RegistryObserverParts
  readonly #seen = new Map<string, Instance>()
  #revision = 0
  #subscribedRevision = -1
  #last: readonly Instance[] = []
  /** Batches of changes that were seen. */
  batches = 0

  constructor(registry: Registry, parts: RegistryObserverParts) {
    this.#registry = registry
    this.#parts = parts
  }

  /** Begins, when the registry is ready. */
  follow(): void {
    const { registry } = { registry: this.#registry }
    for (const instance of registry.instances({ limit: 10_000 }).items) this.#seen.set(instance.id, instance)
    this.#revision = registry.revision
    registry.events.on('changed', (batch) => this.#take(batch))
    void this.#subscribe()
  }

  /** What is wrong with what was notified, when everything is quiet. */
  violation(): string | undefined {
    const shown = this.#registry.instances({ limit: 10_000 }).items
    const { name } = this.#parts
    if (shown.length !== this.#seen.size)
      return `${name} shows ${shown.length} instances, and told of ${this.#seen.size}`
    const missed = shown.find((instance) => this.#seen.get(instance.id) !== instance)
    if (missed !== undefined) return `${name} did not tell of the last change of ${missed.id}`
    const isLast = this.#last.length === shown.length && shown.every((one, at) => one === this.#last[at])
    return isLast ? undefined : `a subscriber at ${name} was not told of the last change`
  }

  #take(batch: ChangeBatch): void {
    const { cluster, ledger, name } = this.#parts
    this.batches++
    if (batch.revision <= this.#revision)
      cluster.fail(`${name} told of ${batch.revision} after ${this.#revision}`)
    this.#revision = batch.revision
    for (const change of batch.instances) {
      const { id } = change.instance
      const before = this.#seen.get(id)
      if (change.type === 'removed') {
        if (before !== change.instance) cluster.fail(`${name} removed another ${id} than it told of`)
        this.#seen.delete(id)
      } else {
        if (before !== change.previous) cluster.fail(`${name} left out a change of ${id}`)
        this.#seen.set(id, change.instance)
      }
      ledger.changed(change, batch.revision)
    }
  }

  async #subscribe(): Promise<void> {
    const { cluster, name } = this.#parts
    try {
      for await (const { revision, instances } of this.#registry.subscribe(observedService)) {
        if (revision <= this.#subscribedRevision) {
          cluster.fail(`a subscriber at ${name} got ${revision} after ${this.#subscribedRevision}`)
        }
        this.#subscribedRevision = revision
        this.#last = instances
      }
    } catch {
      // The registry was closed.
    }
  }
}
