import type { Environment, Timer } from '@orrery/environment'
import { type FanOut, Round } from './fan-out.ts'

/** Who must not be told anything until this member has caught up. */
export interface LaggingWatcher {
  /** Written by {@link Lagging} only. */
  isLagging: boolean
  wake(): void
}

/** What lagging watchers need. */
export interface LaggingParts {
  readonly environment: Environment
  readonly fanOut: FanOut
  /** Everything up to this revision of the store is seen here. */
  readonly seen: () => number
  /** The revision that the store is at, not older than any write that was acknowledged anywhere before the call. */
  readonly current: () => Promise<number>
  /** Resolves when a revision is seen here, and sees to it that this is soon. */
  readonly reached: (revision: number) => Promise<void>
}

/** How long to wait until the store is asked again that did not answer. Unit: ms. */
const retryMs = 500

/** Until the store has been asked, it is not known what has to be seen. */
const unknown = Infinity

/** Watchers whose clients have seen more than this member has: nothing that they are told may be older than that. */
export class Lagging {
  readonly #parts: LaggingParts
  /** By the revision that has to be seen. */
  readonly #waiting = new Map<LaggingWatcher, number>()
  /** Invariant: not higher than any of them. */
  #nextRevision = unknown
  /** Who has come since the store was asked last. */
  #unasked: LaggingWatcher[] = []
  #isAsking = false
  #timer: Timer | undefined
  #isClosed = false

  constructor(parts: LaggingParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#waiting.size
  }

  /**
   * Nothing is told to a watcher until a revision is seen.
   *
   * @param revision undefined: that which the store is at now. One that the store has not reached yet, which cannot be if its client
   * tells the truth, is waited for like others, but nobody is asked for it.
   */
  hold(watcher: LaggingWatcher, revision: number = unknown): void {
    watcher.isLagging = true
    this.#needs(watcher, revision)
    this.#unasked.push(watcher)
    // Revisions in which nothing happens that concerns the hub are seen only if somebody asks.
    if (!this.#isAsking && this.#timer === undefined) void this.#ask()
  }

  /** It has ended. */
  leave(watcher: LaggingWatcher): void {
    if (!watcher.isLagging) return
    watcher.isLagging = false
    this.#waiting.delete(watcher)
  }

  /** Everything up to a revision is seen. */
  moved(revision: number): void {
    if (revision < this.#nextRevision) return
    const caughtUp: LaggingWatcher[] = []
    this.#nextRevision = unknown
    for (const [watcher, needed] of this.#waiting) {
      if (needed <= revision) caughtUp.push(watcher)
      else if (needed < this.#nextRevision) this.#nextRevision = needed
    }
    for (const watcher of caughtUp) {
      this.#waiting.delete(watcher)
      watcher.isLagging = false
    }
    if (caughtUp.length > 0) this.#parts.fanOut.add(new Round(caughtUp, (watcher) => watcher.wake()))
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#waiting.clear()
    this.#unasked = []
  }

  #needs(watcher: LaggingWatcher, revision: number): void {
    this.#waiting.set(watcher, revision)
    if (revision < this.#nextRevision) this.#nextRevision = revision
  }

  /** Asks once for all who have come. Who comes meanwhile may have seen more, and is asked for again. */
  async #ask(): Promise<void> {
    const asked = this.#unasked
    this.#unasked = []
    this.#isAsking = true
    const isAnswered = await this.#catchUp(asked)
    this.#isAsking = false
    if (this.#isClosed) return
    if (isAnswered) {
      if (this.#unasked.length > 0) void this.#ask()
      return
    }
    // Some may have ended meanwhile.
    for (const watcher of asked) if (this.#waiting.has(watcher)) this.#unasked.push(watcher)
    this.#askLater()
  }

  /** @returns false: the store does not say what it is at */
  async #catchUp(asked: readonly LaggingWatcher[]): Promise<boolean> {
    const { environment, current, reached, seen } = this.#parts
    try {
      const revision = await current()
      for (const watcher of asked) {
        if (this.#waiting.get(watcher) === unknown) this.#needs(watcher, revision)
      }
      await reached(revision)
    } catch (error) {
      if (this.#isClosed) return false
      environment.logger.warn('the store does not say what it is at, and is asked again', { error })
      return false
    }
    this.moved(seen())
    return true
  }

  #askLater(): void {
    if (this.#unasked.length === 0) return
    this.#timer = this.#parts.environment.clock.setTimer(retryMs, () => {
      this.#timer = undefined
      if (!this.#isAsking) void this.#ask()
    })
  }
}
