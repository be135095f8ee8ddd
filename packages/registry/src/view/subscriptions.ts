import type { Clock, Timer } from '@orrery/environment'
import { RegistryError } from '../errors.ts'
import type { ServiceSnapshot, SubscribeOptions, Subscription } from '../registry.ts'
import type { Watcher } from './service-view.ts'

/** Subscribers that are served in one go, until other work has its turn. */
const sliceMaxSubscribers = 2_000

/** What a subscription looks at, and where it is woken. */
export interface SubscriptionSource {
  /** What it would be given now, and whether there is such a service at all. */
  read(): { readonly snapshot: ServiceSnapshot; readonly exists: boolean }
  /** @returns stops it */
  watch(watcher: Watcher): () => void
}

/** All subscriptions of a registry: those that were woken are served together, at the end of the turn. */
export class Subscriptions {
  readonly #clock: Clock
  readonly #open = new Set<OneSubscription>()
  #woken: OneSubscription[] = []
  #isServing = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#open.size
  }

  open(source: SubscriptionSource, options: SubscribeOptions): Subscription {
    const { signal, lingerMaxMs = 0 } = options
    signal?.throwIfAborted()
    const abort = (): void => subscription.fail(signal?.reason)
    const subscription = new OneSubscription(
      { source, clock: this.#clock, lingerMaxMs },
      {
        woken: () => this.#wake(subscription),
        closed: () => {
          this.#open.delete(subscription)
          // A signal may outlive many subscriptions.
          signal?.removeEventListener('abort', abort)
        },
      },
    )
    this.#open.add(subscription)
    signal?.addEventListener('abort', abort, { once: true })
    return subscription
  }

  /** Ends all of them with an error for whoever waits. */
  close(): void {
    const error = new RegistryError('REGISTRY_CLOSED', 'the registry is closed')
    for (const subscription of [...this.#open]) subscription.fail(error)
  }

  #wake(subscription: OneSubscription): void {
    this.#woken.push(subscription)
    if (this.#isServing) return
    this.#isServing = true
    void turnEnd.then(this.#serve)
  }

  readonly #serve = (): void => {
    const woken = this.#woken
    const slice = woken.length <= sliceMaxSubscribers ? woken : woken.slice(0, sliceMaxSubscribers)
    this.#woken = woken.length <= sliceMaxSubscribers ? [] : woken.slice(sliceMaxSubscribers)
    for (const subscription of slice) subscription.serve()
    if (this.#woken.length > 0) this.#clock.defer(this.#serve)
    else this.#isServing = false
  }
}

const turnEnd = Promise.resolve()

interface SubscriptionParts {
  readonly source: SubscriptionSource
  readonly clock: Clock
  readonly lingerMaxMs: number
}

class OneSubscription implements Subscription, Watcher, AsyncIterator<ServiceSnapshot, undefined> {
  readonly #parts: SubscriptionParts
  readonly #on: { readonly woken: () => void; readonly closed: () => void }
  readonly #unwatch: () => void
  /** What was given last. */
  #given: { readonly revision: number; readonly exists: boolean } | undefined
  /** Something newer than what was given may be there. */
  #isDirty = true
  #isQueued = false
  #linger: Timer | undefined
  #waiting:
    | {
        readonly resolve: (result: IteratorResult<ServiceSnapshot, undefined>) => void
        readonly reject: (error: unknown) => void
      }
    | undefined
  #ended: { readonly error: unknown } | undefined
  skipped = 0

  constructor(parts: SubscriptionParts, on: { readonly woken: () => void; readonly closed: () => void }) {
    this.#parts = parts
    this.#on = on
    this.#unwatch = parts.source.watch(this)
  }

  wake(): void {
    if (this.#isDirty && this.#waiting === undefined) this.skipped++
    this.#isDirty = true
    if (this.#waiting === undefined || this.#isQueued || this.#linger !== undefined) return
    const { clock, lingerMaxMs } = this.#parts
    if (lingerMaxMs === 0) {
      this.#isQueued = true
      this.#on.woken()
      return
    }
    this.#linger = clock.setTimer(lingerMaxMs, () => {
      this.#linger = undefined
      this.serve()
    })
  }

  /** Gives whoever waits what is new, if it is. */
  serve(): void {
    this.#isQueued = false
    const waiting = this.#waiting
    if (waiting === undefined || !this.#isDirty) return
    const snapshot = this.#next()
    if (snapshot === undefined) return
    this.#waiting = undefined
    waiting.resolve({ done: false, value: snapshot })
  }

  next(): Promise<IteratorResult<ServiceSnapshot, undefined>> {
    if (this.#waiting !== undefined) {
      return Promise.reject(new TypeError('a subscription has one reader at a time'))
    }
    if (this.#ended === undefined && this.#isDirty) {
      const snapshot = this.#next()
      if (snapshot !== undefined) return Promise.resolve({ done: false, value: snapshot })
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#answerEnd()
    })
  }

  return(): Promise<IteratorResult<ServiceSnapshot, undefined>> {
    this.close()
    return Promise.resolve({ done: true, value: undefined })
  }

  close(): void {
    this.fail(undefined)
  }

  /** @param error for whoever waits; undefined: it simply ends */
  fail(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#linger?.cancel()
    this.#unwatch()
    this.#on.closed()
    this.#answerEnd()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** Whoever waits learns how it ended, the error only once. */
  #answerEnd(): void {
    const waiting = this.#waiting
    if (waiting === undefined || this.#ended === undefined) return
    const { error } = this.#ended
    this.#waiting = undefined
    this.#ended = { error: undefined }
    if (error === undefined) waiting.resolve({ done: true, value: undefined })
    else waiting.reject(error)
  }

  #next(): ServiceSnapshot | undefined {
    this.#isDirty = false
    const { snapshot, exists } = this.#parts.source.read()
    const given = this.#given
    // What is still not there has not changed, whatever happened to what cannot be seen.
    if (given !== undefined && (given.revision === snapshot.revision || !(given.exists || exists))) {
      return undefined
    }
    this.#given = { revision: snapshot.revision, exists }
    return snapshot
  }
}
