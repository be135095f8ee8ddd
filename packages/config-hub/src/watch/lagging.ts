import type { Environment, Timer } from '@orrery/environment'
import { type FanOut, Round } from './fan-out.ts'

/** Who must not be told anything until this member has caught up. */
export interface LaggingWatcher {
  /** Written by {@link Lagging} only, after it was set first. */
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
}

/** How long to wait until the store is asked again that did not answer. Unit: ms. */
const retryMs = 500

/** Watchers whose clients have seen more than this member has: nothing that they are told may be older than that. */
export class Lagging {
  readonly #parts: LaggingParts
  /** By the revision that has to be seen. */
  readonly #waiting = new Map<LaggingWatcher, number>()
  /** Invariant: not higher than any of them. */
  #nextRevision = Infinity
  /** Of whom it is not known, until the store is asked, what has to be seen. */
  #doubtful = new Set<LaggingWatcher>()
  #isAsking = false
  #timer: Timer | undefined
  #isClosed = false

  constructor(parts: LaggingParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#waiting.size + this.#doubtful.size
  }

  /** Nothing is told to a watcher until a revision is seen. */
  hold(watcher: LaggingWatcher, revision: number): void {
    watcher.isLagging = true
    this.#waiting.set(watcher, revision)
    if (revision < this.#nextRevision) this.#nextRevision = revision
  }

  /** Nothing is told to a watcher until everything is seen that has been written before now. */
  doubt(watcher: LaggingWatcher): void {
    watcher.isLagging = true
    this.#doubtful.add(watcher)
    if (!this.#isAsking) void this.#ask()
  }

  /** It has ended. */
  leave(watcher: LaggingWatcher): void {
    if (!watcher.isLagging) return
    watcher.isLagging = false
    this.#waiting.delete(watcher)
    this.#doubtful.delete(watcher)
  }

  /** Everything up to a revision is seen. */
  moved(revision: number): void {
    if (revision < this.#nextRevision) return
    const caughtUp: LaggingWatcher[] = []
    this.#nextRevision = Infinity
    for (const [watcher, needed] of this.#waiting) {
      if (needed <= revision) caughtUp.push(watcher)
      else if (needed < this.#nextRevision) this.#nextRevision = needed
    }
    this.#letGo(caughtUp)
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#waiting.clear()
    this.#doubtful.clear()
  }

  #letGo(watchers: readonly LaggingWatcher[]): void {
    if (watchers.length === 0) return
    for (const watcher of watchers) {
      this.#waiting.delete(watcher)
      watcher.isLagging = false
    }
    this.#parts.fanOut.add(new Round(watchers, (watcher) => watcher.wake()))
  }

  async #ask(): Promise<void> {
    const asked = this.#doubtful
    this.#doubtful = new Set()
    this.#isAsking = true
    const revision = await this.#current()
    this.#isAsking = false
    if (this.#isClosed) return
    // Some may have ended meanwhile.
    const waiting = [...asked].filter(({ isLagging }) => isLagging)
    if (revision === undefined) {
      for (const watcher of waiting) this.#doubtful.add(watcher)
      this.#askLater()
      return
    }
    for (const watcher of waiting) this.hold(watcher, revision)
    this.moved(this.#parts.seen())
    if (this.#doubtful.size > 0) void this.#ask()
  }

  /** Undefined: the store does not say. */
  async #current(): Promise<number | undefined> {
    try {
      return await this.#parts.current()
    } catch (error) {
      const { logger } = this.#parts.environment
      if (!this.#isClosed) logger.warn('the store does not say what it is at, and is asked again', { error })
      return undefined
    }
  }

  #askLater(): void {
    this.#timer ??= this.#parts.environment.clock.setTimer(retryMs, () => {
      this.#timer = undefined
      if (!this.#isAsking && this.#doubtful.size > 0) void this.#ask()
    })
  }
}
