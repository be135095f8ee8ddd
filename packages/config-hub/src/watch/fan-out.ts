import type { Clock, Timer } from '@orrery/environment'

/** Work that is done in steps. */
export interface Job {
  /** It is in the queue. Written by {@link FanOut} only. */
  isQueued: boolean
  /**
   * Does a part of it.
   *
   * @param maxItems how many watchers to look at
   * @returns whether there is more
   */
  step(maxItems: number): boolean
}

/** How long watchers are woken in one turn of the event loop, with what they do then, until other work has its turn. Unit: ms. */
export const turnMaxMs = 5
/** How many watchers are woken until they, and another job, have their turn. */
const stepMaxItems = 128

const done = Promise.resolve()

/**
 * Wakes watchers, however many there are, without holding up anything else: it begins at the end of the turn in which something changed,
 * and goes on in later turns when its time in this one is used up. Jobs take turns, so that a file that many watch does not hold up others.
 * At most each watched file and group is in the queue, once.
 */
export class FanOut {
  readonly #clock: Clock
  readonly #idle: () => void
  #jobs: Job[] = []
  /** Where the next one of `#jobs` is. */
  #at = 0
  /** Those that have come, or have had their turn, since `#jobs` began. */
  #later: Job[] = []
  #isScheduled = false
  /** Ends this turn of the event loop. Undefined: nothing was done in it yet. */
  #turn: Timer | undefined
  #turnEndMs = 0

  /** @param idle called when nothing is left to do */
  constructor(clock: Clock, idle: () => void) {
    this.#clock = clock
    this.#idle = idle
  }

  /** Queues a job, if it is not queued. */
  add(job: Job): void {
    if (job.isQueued) return
    job.isQueued = true
    this.#later.push(job)
    this.#schedule()
  }

  /** Forgets all jobs. */
  close(): void {
    this.#turn?.cancel()
    this.#turn = undefined
    this.#jobs = []
    this.#later = []
    this.#at = 0
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    // Whoever was woken before does what he does first, so that his time counts, too.
    void done.then(this.#run)
  }

  readonly #run = (): void => {
    this.#isScheduled = false
    if (this.#turn !== undefined && this.#clock.nowMs() >= this.#turnEndMs) return
    const job = this.#take()
    if (job === undefined) return
    if (this.#turn === undefined) {
      this.#turn = this.#clock.defer(this.#nextTurn)
      this.#turnEndMs = this.#clock.nowMs() + turnMaxMs
    }
    if (job.step(stepMaxItems)) this.#later.push(job)
    else job.isQueued = false
    if (this.#isEmpty) this.#idle()
    else this.#schedule()
  }

  readonly #nextTurn = (): void => {
    this.#turn = undefined
    if (!this.#isEmpty) this.#schedule()
  }

  get #isEmpty(): boolean {
    return this.#at === this.#jobs.length && this.#later.length === 0
  }

  #take(): Job | undefined {
    if (this.#at === this.#jobs.length) {
      this.#jobs = this.#later
      this.#later = []
      this.#at = 0
    }
    const job = this.#jobs[this.#at]
    if (job !== undefined) this.#at++
    return job
  }
}

/** The same for each of some items, in steps. */
export class Round<Item> implements Job {
  readonly #items: readonly Item[]
  readonly #each: (item: Item) => void
  #at = 0
  isQueued = false

  constructor(items: readonly Item[], each: (item: Item) => void) {
    this.#items = items
    this.#each = each
  }

  step(maxItems: number): boolean {
    const end = Math.min(this.#items.length, this.#at + maxItems)
    for (const item of this.#items.slice(this.#at, end)) this.#each(item)
    this.#at = end
    return end < this.#items.length
  }
}

/** Those who are to be woken when others have had their turn, in the order in which they came. Some come while it goes on. */
export class Latecomers implements Job {
  #items: { wake(): void }[] = []
  #at = 0
  isQueued = false

  add(watcher: { wake(): void }): void {
    this.#items.push(watcher)
  }

  step(maxItems: number): boolean {
    const end = this.#at + maxItems
    while (this.#at < end) {
      const watcher = this.#items[this.#at]
      if (watcher === undefined) {
        this.#items = []
        this.#at = 0
        return false
      }
      this.#at++
      watcher.wake()
    }
    return true
  }
}
