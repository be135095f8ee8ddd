import type { Job } from './fan-out.ts'

/** Who waits for changes of a file or a group. */
export interface Watcher {
  /** Where it stands among the others. Written by {@link Watchers} only. */
  place: number
  /** What it watches may have changed. */
  wake(): void
  /** It ends. @param error for whoever waits */
  fail(error: unknown): void
}

/**
 * All who watch the same. They are woken in rounds: when something changes during one, it goes on from where it is until everybody was
 * woken since then, so that those at its end have their turn however fast changes come.
 */
export class Watchers implements Job {
  readonly #items: Watcher[]
  /** Who was woken last. */
  #at = 0
  /** How many have to be woken. */
  #left = 0
  isQueued = false

  constructor(first: Watcher) {
    first.place = 0
    this.#items = [first]
  }

  get size(): number {
    return this.#items.length
  }

  /** Whoever comes has to look by himself at what there is. */
  add(watcher: Watcher): void {
    watcher.place = this.#items.length
    this.#items.push(watcher)
    // It may stand where the round has still to go.
    if (this.#left > 0) this.#left++
  }

  remove(watcher: Watcher): void {
    const last = this.#items.pop()
    if (last !== undefined && last !== watcher) {
      this.#items[watcher.place] = last
      last.place = watcher.place
    }
    // The one that took its place may have moved to where the round has been already.
    if (this.#left > 0) this.#left = this.#items.length
  }

  /** Everybody has to be woken. */
  restart(): void {
    this.#left = this.#items.length
  }

  step(maxItems: number): boolean {
    const items = this.#items
    for (let nth = 0; nth < maxItems && this.#left > 0; nth++) {
      this.#left--
      // Backwards: who is woken may leave, and only those who had their turn take his place.
      this.#at = this.#at > 0 && this.#at <= items.length ? this.#at - 1 : items.length - 1
      items[this.#at]?.wake()
    }
    return this.#left > 0
  }

  /** All of them, as they are now. */
  list(): readonly Watcher[] {
    return [...this.#items]
  }
}

/** What can be watched. */
interface Watched {
  watchers: Watchers | undefined
}

/** Adds a watcher. */
export function join(watched: Watched, watcher: Watcher): void {
  if (watched.watchers === undefined) watched.watchers = new Watchers(watcher)
  else watched.watchers.add(watcher)
}

/** Removes a watcher. */
export function leave(watched: Watched, watcher: Watcher): void {
  watched.watchers?.remove(watcher)
  if (watched.watchers?.size === 0) watched.watchers = undefined
}
