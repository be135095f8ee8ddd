import type { ChangeBatch, Instance, Registry, ResolvedRegistryOptions } from '@orrery/registry'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { RegistryLedger } from './registry-ledger.ts'

/** Whom an observer tells. */
export interface RegistryObserverParts {
  readonly cluster: StoreCluster
  readonly ledger: RegistryLedger
  /** Of the member. */
  readonly name: string
  /** When evictions have to be held back. */
  readonly protection: ResolvedRegistryOptions['protection']
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
  /** What was told last, until it is known whether it comes of a state that was read anew. */
  #pending: ChangeBatch | undefined
  #alarmedSinceMs = Infinity

  constructor(registry: Registry, parts: RegistryObserverParts) {
    this.#registry = registry
    this.#parts = parts
  }

  /** Begins, when the registry is ready. */
  follow(): void {
    const registry = this.#registry
    for (const instance of registry.instances({ limit: 10_000 }).items) {
      this.#seen.set(instance.id, instance)
      if (instance.expired) this.#parts.ledger.seenExpired(instance.id, instance.revision)
    }
    this.#revision = registry.revision
    this.#lookForAlarm()
    registry.events.on('changed', (batch) => this.#told(batch))
    registry.events.on('resynced', () => {
      this.#parts.ledger.counts.resyncs++
      this.#take(true)
    })
    void this.#subscribe()
  }

  /** For how long so many instances have been expired that none may be evicted. 0: they may be. Unit: ms. */
  alarmedMs(): number {
    return Math.max(0, this.#parts.cluster.simulation.nowMs - this.#alarmedSinceMs)
  }

  /** What is wrong with what was notified, when everything is quiet. */
  violation(): string | undefined {
    this.#take(false)
    const shown = this.#registry.instances({ limit: 10_000 }).items
    const { name, ledger } = this.#parts
    const missing = ledger.toldBetween(this.#revision, Infinity)
    if (missing !== undefined) return `${name} never told of ${missing}`
    if (shown.length !== this.#seen.size)
      return `${name} shows ${shown.length} instances, and told of ${this.#seen.size}`
    const missed = shown.find((instance) => this.#seen.get(instance.id) !== instance)
    if (missed !== undefined) return `${name} did not tell of the last change of ${missed.id}`
    const isLast = this.#last.length === shown.length && shown.every((one, at) => one === this.#last[at])
    return isLast ? undefined : `a subscriber at ${name} was not told of the last change`
  }

  #told(batch: ChangeBatch): void {
    this.#take(false)
    this.#pending = batch
    queueMicrotask(() => this.#take(false))
  }

  /** Takes what was told last. What comes of a state that was read anew is no news of a single revision. */
  #take(isResync: boolean): void {
    const { cluster, ledger, name } = this.#parts
    const batch = this.#pending
    this.#pending = undefined
    if (batch === undefined) return
    ledger.counts.batches++
    if (batch.revision <= this.#revision)
      cluster.fail(`${name} told of ${batch.revision} after ${this.#revision}`)
    const missing = isResync ? undefined : ledger.toldBetween(this.#revision, batch.revision)
    if (missing !== undefined) cluster.fail(`${name} did not tell of ${missing}, only of ${batch.revision}`)
    this.#revision = batch.revision
    this.#add(batch)
    this.#lookForAlarm()
    if (isResync) return
    ledger.told(batch.revision)
    for (const change of batch.instances) ledger.changed(change, batch.revision)
  }

  #add({ instances }: ChangeBatch): void {
    const { cluster, ledger, name } = this.#parts
    for (const change of instances) {
      const { instance } = change
      const { id } = instance
      const before = this.#seen.get(id)
      if (change.type === 'removed') {
        if (before !== instance) cluster.fail(`${name} removed another ${id} than it told of`)
        this.#seen.delete(id)
        continue
      }
      if (before !== change.previous) cluster.fail(`${name} left out a change of ${id}`)
      this.#seen.set(id, instance)
      // Who judges may know it by a state that it has read anew, before anybody else does.
      if (instance.expired && before?.expired !== true) ledger.seenExpired(id, instance.revision)
    }
  }

  /** Too many heartbeats are missing: each instance counts by its own interval. */
  #lookForAlarm(): void {
    const { enabled, threshold, instancesMin } = this.#parts.protection
    let [count, expected, missing] = [0, 0, 0]
    for (const { ttlMs, heartbeatIntervalMs, expired } of this.#seen.values()) {
      if (ttlMs === 0) continue
      count++
      // Whole numbers, of which sums are exact.
      const rate = Math.round(1e9 / heartbeatIntervalMs)
      expected += rate
      if (expired) missing += rate
    }
    const isAlarming = enabled && count >= instancesMin && expected - missing < threshold * expected
    if (!isAlarming) this.#alarmedSinceMs = Infinity
    else this.#alarmedSinceMs = Math.min(this.#alarmedSinceMs, this.#parts.cluster.simulation.nowMs)
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
