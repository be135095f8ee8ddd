import { type Environment, hasCode, type Timer } from '@orrery/environment'
import type { KeyValue, WatchEvent, WatchResponse } from '@orrery/mvcc'
import { RevisionWaiters } from './revision-waiters.ts'
import type { CallOptions, Store, WatchStream } from './store.ts'

/** Who takes what a prefix follower reads. Its calls come one after another, from within turns of the event loop. */
export interface PrefixFollowerTarget {
  /** A part of the state, before anything else. */
  load(kvs: readonly KeyValue[]): void
  /** The state is complete, as it was at this revision. */
  loaded(revision: number): void
  /** All events of one revision. */
  fold(events: readonly WatchEvent[], revision: number): void
  /** Nothing else happened up to this revision. */
  progressed(revision: number): void
  /** The whole state at a revision, after a gap. */
  replace(kvs: readonly KeyValue[], revision: number): void
  /** The watch ended and is not taken up again. */
  failed(error: unknown): void
}

/** What a prefix follower reads, from where, and for whom. */
export interface PrefixFollowerParts {
  readonly store: Store
  readonly environment: Environment
  /** Ends with a slash. */
  readonly prefix: string
  /**
   * Parts of the prefix that are read in the beginning and after a gap, each ending with a slash; of the others only events are
   * seen. @defaultValue all of it
   */
  readonly areas?: readonly string[] | undefined
  /** Who follows, for logs: `the registry`. */
  readonly owner: string
  /** What those get who wait while it is closed. */
  readonly closed: () => Error
}

/** Keys of one read. A page of them is decoded in one turn. */
const pageMaxKeys = 1_000

/** How long to wait until a watch that failed is opened again: from, to. Unit: ms. */
const retryMs = { min: 50, max: 2_000 } as const

/** How long to wait until it is asked again whether a revision has come. Unit: ms. */
const progressRetryMs = 5

/** How a part of the prefix is read. */
interface PartRead {
  readonly take: (kvs: readonly KeyValue[]) => void
  readonly revision: number | undefined
  readonly signal: AbortSignal
}

/**
 * Reads all keys of a prefix, then follows them from the next revision: nothing falls in between. When the watch
 * falls behind a compaction, everything is read anew.
 */
export class PrefixFollower {
  readonly #parts: PrefixFollowerParts
  readonly #target: PrefixFollowerTarget
  readonly #closing = new AbortController()
  readonly #waiters = new RevisionWaiters()
  #stream: WatchStream | undefined
  #revision = 0
  #running: Promise<void> | undefined
  /** It does not follow any more. */
  #failure: Error | undefined
  #hasAskedForProgress = false
  #progressTimer: Timer | undefined

  constructor(parts: PrefixFollowerParts, target: PrefixFollowerTarget) {
    this.#parts = parts
    this.#target = target
  }

  /** Reads the state. Resolves when it is complete; from then on it is followed. */
  async start(signal?: AbortSignal): Promise<void> {
    const stop = signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal])
    const revision = await this.#read((kvs) => this.#target.load(kvs), stop)
    this.#revision = revision
    this.#target.loaded(revision)
    this.#running = this.#follow()
  }

  /**
   * Resolves when everything up to a revision of the store has been taken.
   *
   * @throws what the follower failed with, `closed()` when it closes, or the signal's reason
   */
  reached(revision: number, { signal }: CallOptions = {}): Promise<void> {
    if (revision <= this.#revision) return Promise.resolve()
    if (this.#closing.signal.aborted) return Promise.reject(this.#parts.closed())
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const reached = this.#waiters.wait(revision, signal)
    this.#askForProgress()
    return reached
  }

  async close(): Promise<void> {
    this.#closing.abort(this.#parts.closed())
    this.#progressTimer?.cancel()
    this.#stream?.close()
    await this.#running
    this.#waiters.rejectAll(this.#parts.closed())
  }

  /** Other keys move the store's revision, too: only the stream knows that nothing of ours is still to come. */
  #askForProgress(): void {
    if (this.#waiters.isEmpty || this.#hasAskedForProgress || this.#stream === undefined) return
    this.#hasAskedForProgress = true
    this.#stream.requestProgress()
    this.#askAgain()
  }

  /** @returns the revision at which the keys were read */
  async #read(take: (kvs: readonly KeyValue[]) => void, signal: AbortSignal): Promise<number> {
    const { prefix, areas } = this.#parts
    const parts = areas?.map((area) => prefix + area) ?? [prefix]
    let revision: number | undefined
    for (const part of parts) revision = await this.#readPart(part, { take, revision, signal })
    return revision ?? 0
  }

  /** @returns the revision at which it was read: the given one, where there is one */
  async #readPart(prefix: string, { take, revision, signal }: PartRead): Promise<number> {
    const { store } = this.#parts
    const rangeEnd = endOf(prefix)
    // The first read of all is linearizable, the others are at its revision.
    const at = revision === undefined ? {} : { revision }
    const first = await store.range(
      { key: prefix, rangeEnd, limit: pageMaxKeys, ...at },
      { signal, serializable: revision !== undefined },
    )
    const read = revision ?? first.revision
    let page = first
    while (page.more) {
      take(page.kvs)
      const last = page.kvs.at(-1)
      if (last === undefined) break
      const key = `${last.keyString}\0`
      page = await store.range(
        { key, rangeEnd, limit: pageMaxKeys, revision: read },
        { signal, serializable: true },
      )
    }
    take(page.kvs)
    return read
  }

  async #follow(): Promise<void> {
    const { environment } = this.#parts
    let delayMs: number = retryMs.min
    while (!this.#isClosing()) {
      try {
        await this.#watch(() => (delayMs = retryMs.min))
      } catch (error) {
        if (this.#isClosing()) return
        if (hasCode(error, 'STORE_CLOSED', 'STORE_REMOVED')) {
          this.#failure = error
          this.#target.failed(error)
          this.#waiters.rejectAll(error)
          return
        }
        environment.logger.warn(`${this.#parts.owner} lost its watch and opens it again`, { error, delayMs })
        await this.#pause(delayMs)
        delayMs = Math.min(retryMs.max, delayMs * 2)
      }
    }
  }

  async #watch(onDelivery: () => void): Promise<void> {
    const { store, prefix } = this.#parts
    const stream = store.openWatchStream()
    this.#stream = stream
    this.#hasAskedForProgress = false
    try {
      stream.create({ key: prefix, rangeEnd: endOf(prefix), startRevision: this.#revision + 1 })
      this.#askForProgress()
      for await (const responses of stream) {
        onDelivery()
        for (const response of responses) {
          if (this.#take(response)) continue
          await this.#resync()
          return
        }
        if (this.#isClosing()) return
      }
    } finally {
      this.#stream = undefined
      stream.close()
    }
    if (!this.#isClosing()) throw new Error('the watch ended')
  }

  /** @returns whether it could be taken; false: there is a gap */
  #take(response: WatchResponse): boolean {
    if (response.type === 'compacted') return false
    if (response.type === 'events') this.#fold(response.events)
    else this.#hasAskedForProgress = false
    this.#moved(response.revision)
    return true
  }

  /** Hands events on, one revision at a time. */
  #fold(events: readonly WatchEvent[]): void {
    let begin = 0
    while (begin < events.length) {
      const revision = events[begin]?.kv.modRevision ?? 0
      let end = begin + 1
      while (end < events.length && events[end]?.kv.modRevision === revision) end++
      const isAll = begin === 0 && end === events.length
      if (revision > this.#revision) this.#target.fold(isAll ? events : events.slice(begin, end), revision)
      begin = end
    }
  }

  #moved(revision: number): void {
    if (revision > this.#revision) {
      this.#revision = revision
      this.#target.progressed(revision)
    }
    this.#waiters.reached(this.#revision)
    if (!this.#waiters.isEmpty) this.#askAgain()
  }

  /** This member's store may be behind what is waited for, and answer nothing: it is asked again, but not all the time. */
  #askAgain(): void {
    this.#progressTimer ??= this.#parts.environment.clock.setTimer(progressRetryMs, () => {
      this.#progressTimer = undefined
      this.#hasAskedForProgress = false
      this.#askForProgress()
    })
  }

  async #resync(): Promise<void> {
    const { environment, owner } = this.#parts
    environment.logger.warn(`${owner} fell behind a compaction and reads its state anew`)
    const all: KeyValue[] = []
    const revision = await this.#read((kvs) => all.push(...kvs), this.#closing.signal)
    this.#target.replace(all, revision)
    this.#moved(revision)
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted
  }

  #pause(delayMs: number): Promise<void> {
    const { clock } = this.#parts.environment
    const { signal } = this.#closing
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = clock.setTimer(delayMs, end)
      signal.addEventListener('abort', end)
    })
  }
}

/** The end of the range of keys that begin with a prefix that ends with a slash. */
function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`
}
