import type { Clock } from '@orrery/environment'
import type { KeyValue, WatchEvent } from '@orrery/mvcc'
import type { PrefixFollowerTarget } from '@orrery/store'
import type { EventEmitter } from 'eventemitter3'
import type { Ring } from '../health/ring.ts'
import type { ChangeBatch, RegistryEvents } from '../registry.ts'
import type { RegistryCounters } from '../stats.ts'
import type { ChangeLog } from './change-log.ts'
import type { View } from './view.ts'

/** What a publisher works with. */
export interface PublisherParts {
  readonly clock: Clock
  readonly view: View
  readonly changes: ChangeLog
  readonly counters: RegistryCounters
  readonly events: EventEmitter<RegistryEvents>
  /** The members that check, as they are now; called when they are the same, too. */
  readonly setRing: (ring: Ring) => void
  /** The store is not followed any more. */
  readonly failed: (error: unknown) => void
}

/** What the store says goes into the view, and what that changes is kept, counted and told, in this order. */
export class Publisher implements PrefixFollowerTarget {
  readonly #parts: PublisherParts

  constructor(parts: PublisherParts) {
    this.#parts = parts
  }

  load(kvs: readonly KeyValue[]): void {
    this.#parts.view.load(kvs)
  }

  loaded(revision: number): void {
    const { view, changes, setRing } = this.#parts
    view.revision = revision
    changes.reset(revision)
    setRing(view.ring)
  }

  fold(events: readonly WatchEvent[], revision: number): void {
    const { view, clock } = this.#parts
    this.#publish(view.fold(events, revision, clock.nowMs()))
  }

  progressed(revision: number): void {
    this.#parts.view.revision = revision
  }

  replace(kvs: readonly KeyValue[], revision: number): void {
    const { view, clock, changes, events } = this.#parts
    const batch = view.replace(kvs, revision, clock.nowMs())
    changes.reset(revision)
    this.#publish(batch)
    events.emit('resynced', { revision })
  }

  failed(error: unknown): void {
    this.#parts.failed(error)
  }

  #publish(batch: ChangeBatch | undefined): void {
    const { view, changes, counters, events, setRing } = this.#parts
    setRing(view.ring)
    if (batch === undefined) return
    changes.add(batch)
    counters.count(batch)
    events.emit('changed', batch)
  }
}
