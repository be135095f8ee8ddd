import type { Clock, Timer } from '@orrery/environment'

/** What is to happen in a later turn of the event loop, all of it in one. */
export class TurnQueue {
  readonly #clock: Clock
  #tasks: (() => void)[] = []
  #scheduled: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(task: () => void): void {
    this.#tasks.push(task)
    this.#scheduled ??= this.#clock.defer(() => this.#turn())
  }

  /** Forgets what has not happened. */
  clear(): void {
    this.#tasks = []
    this.#scheduled?.cancel()
    this.#scheduled = undefined
  }

  #turn(): void {
    this.#scheduled = undefined
    const tasks = this.#tasks
    this.#tasks = []
    let done = 0
    try {
      while (done < tasks.length) tasks[done++]?.()
    } finally {
      // A task that throws is its host's bug, and not the others' loss.
      if (done < tasks.length) {
        const added = this.#tasks
        this.#tasks = []
        for (const task of [...tasks.slice(done), ...added]) this.add(task)
      }
    }
  }
}
