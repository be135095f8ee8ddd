import type { Environment } from '@orrery/environment'
import type { KeyValue } from '@orrery/mvcc'
import type { Store } from '@orrery/store'
import { RegistryError } from './errors.ts'
import { endOf } from './keys.ts'
import { withDeadline } from './leases/deadline.ts'
import { type HeldLease, holdLease } from './leases/held-lease.ts'
import { untilDone } from './leases/retry.ts'

/** What a {@link StartQueuePlace} needs. */
export interface StartQueueParts {
  readonly store: Pick<Store, 'range' | 'txn' | 'watch' | 'leases'>
  readonly environment: Environment
  /** Under which those who queue have a key each. Ends with a slash. */
  readonly queue: string
  /** Who queues, for people. */
  readonly name: string
  /** How many at the head have their turn at the same time. */
  readonly concurrency: number
  /** Unit: ms. */
  readonly ttlMs: number
}

/** What was seen of the queue. */
interface Look {
  /** The store's revision at which it was so. */
  readonly revision: number
  /** Those who came before, the first one first. */
  readonly ahead: readonly KeyValue[]
  readonly isQueued: boolean
}

/**
 * One place in a queue that the store keeps: a key with a lease. Places are in order of the revisions at which the keys
 * began to exist, which is the same for all who look. Who dies, or is cut off, loses his place with his lease.
 */
export class StartQueuePlace {
  readonly #parts: StartQueueParts
  readonly #turn = new AbortController()
  #lease: HeldLease | undefined
  #key = ''
  #hasTurn = false
  /** Ends the present wait: the lease is lost. */
  #lost = new AbortController()
  #holders: readonly string[] = []

  constructor(parts: StartQueueParts) {
    this.#parts = parts
  }

  /** Aborts when the turn, once it had come, is not certain any more. */
  get turnSignal(): AbortSignal {
    return this.#turn.signal
  }

  /** Who had his turn when it was last looked. */
  get holders(): readonly string[] {
    return this.#holders
  }

  /**
   * Queues, and resolves when it is this one's turn. Failures of the store are retried; a place that is lost meanwhile is
   * taken anew at the end.
   *
   * @throws StoreError when the store will not serve again; `signal.reason`
   */
  async wait(signal: AbortSignal): Promise<void> {
    const { environment } = this.#parts
    const failure = 'the store could not be asked whose turn it is to start'
    await untilDone({ environment, failure, signal }, async () => {
      while (!(await this.#step(signal)));
    })
  }

  /** Looks who has his turn now, without waiting for the cluster. */
  async lookAtHolders(signal: AbortSignal): Promise<readonly string[]> {
    await this.#look({ signal, serializable: true })
    return this.#holders
  }

  /** Gives the place up. Never rejects. */
  async leave(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    await lease?.release()
  }

  /** Goes on until something changes. Returns whether it is this one's turn. */
  async #step(signal: AbortSignal): Promise<boolean> {
    const lease = await this.#join(signal)
    const look = await this.#look({ signal, serializable: false })
    if (!look.isQueued) {
      this.#parts.environment.logger.warn('the place in the queue for the start is lost, queues again')
      await this.leave()
      return false
    }
    if (look.ahead.length >= this.#parts.concurrency) {
      await this.#untilSomeLeft(look, signal)
      return false
    }
    // It may have been a long wait: only who is sure of his lease begins.
    if (!lease.isValid(this.#parts.environment.clock.nowMs())) {
      await lease.renew({ signal })
      return false
    }
    this.#hasTurn = this.#lease === lease
    return this.#hasTurn
  }

  async #join(signal: AbortSignal): Promise<HeldLease> {
    if (this.#lease !== undefined) return this.#lease
    const { queue, name } = this.#parts
    this.#lost = new AbortController()
    const lease = (this.#lease = await this.#grant(signal))
    this.#key = `${queue}${lease.id.toString(16)}`
    try {
      await this.#call(signal, (callSignal) =>
        this.#parts.store.txn(
          {
            compare: [{ key: this.#key, target: 'createRevision', result: 'equal', value: 0 }],
            success: [{ type: 'put', key: this.#key, value: JSON.stringify({ name }), lease: lease.id }],
          },
          { signal: callSignal },
        ),
      )
    } catch (error) {
      // Whether it took effect is not known: if it did, the key goes with the lease. Nor may a lease that was granted just
      // when nobody waited any more be kept alive.
      await this.leave()
      throw error
    }
    return lease
  }

  async #grant(signal: AbortSignal): Promise<HeldLease> {
    const onDoubt = (): void => {
      if (this.#hasTurn) this.#turn.abort(lostError())
    }
    const onLost = (): void => {
      this.#lease = undefined
      this.#lost.abort(lostError())
      onDoubt()
    }
    return await holdLease(this.#parts, { ttlMs: this.#parts.ttlMs, onLost, onDoubt }, { signal })
  }

  async #look({
    signal,
    serializable,
  }: {
    readonly signal: AbortSignal
    readonly serializable: boolean
  }): Promise<Look> {
    const { store, queue, concurrency } = this.#parts
    const { revision, kvs } = await this.#call(signal, (callSignal) =>
      store.range(
        { key: queue, rangeEnd: endOf(queue), sortTarget: 'createRevision', sortOrder: 'ascend' },
        { signal: callSignal, serializable },
      ),
    )
    const own = kvs.findIndex(({ keyString }) => keyString === this.#key)
    this.#holders = kvs.slice(0, concurrency).map(nameOf)
    return { revision, ahead: kvs.slice(0, Math.max(0, own)), isQueued: own !== -1 }
  }

  /**
   * Resolves when it may be this one's turn, or its lease is lost. With one turn at a time each looks only at the one
   * right before him, so that an end wakes one; otherwise all look at all ends, and count.
   */
  async #untilSomeLeft({ ahead, revision }: Look, waiting: AbortSignal): Promise<void> {
    const { store, queue, concurrency } = this.#parts
    const before = ahead.slice(concurrency === 1 ? -1 : 0)
    const [only] = before
    const range =
      before.length === 1 && only !== undefined
        ? { key: only.keyString }
        : { key: queue, rangeEnd: endOf(queue) }
    const left = new Set(before.map(({ keyString }) => keyString))
    const lost = this.#lost.signal
    const signal = AbortSignal.any([waiting, lost])
    try {
      const watch = store.watch({ ...range, filters: ['put'], startRevision: revision + 1 }, { signal })
      for await (const { events } of watch) {
        for (const { kv } of events) left.delete(kv.keyString)
        if (left.size < concurrency) return
      }
    } catch (error) {
      if (lost.aborted && !waiting.aborted) return
      throw error
    }
    throw new RegistryError('REGISTRY_UNAVAILABLE', 'the watch ended')
  }

  /** A call that hangs is given up, so that the next attempt has its turn. */
  #call<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { environment, ttlMs } = this.#parts
    return withDeadline({ clock: environment.clock, maxMs: ttlMs, signal }, call)
  }
}

function lostError(): RegistryError {
  return new RegistryError('REGISTRY_UNAVAILABLE', 'the place in the queue for the start is lost')
}

const text = new TextDecoder()

/** Who stands at a place; the key, if that cannot be read. */
function nameOf({ keyString, value }: KeyValue): string {
  try {
    const read: unknown = JSON.parse(text.decode(value))
    if (typeof read === 'object' && read !== null && 'name' in read && typeof read.name === 'string')
      return read.name
  } catch {
    // Told by its key.
  }
  return keyString
}
