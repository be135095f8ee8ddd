import type { Environment, Timer } from '@orrery/environment'

/**
 * When watchers that asked for it are told that nothing happened: all watchers of a stream at once, except
 * those that had an event since the last time.
 */
export class ProgressTicker {
  readonly #environment: Environment
  readonly #intervalMs: number
  readonly #notify: (watchId: number) => void
  /** By watcher: whether nothing happened since the last tick. */
  readonly #quiet = new Map<number, boolean>()
  #timer: Timer | undefined

  /** @param intervalMs up to a tenth is added, so that streams do not tick in step */
  constructor(environment: Environment, intervalMs: number, notify: (watchId: number) => void) {
    this.#environment = environment
    this.#intervalMs = intervalMs * (1 + environment.random.float() / 10)
    this.#notify = notify
  }

  add(watchId: number): void {
    this.#quiet.set(watchId, true)
    if (this.#timer === undefined) this.#arm()
  }

  remove(watchId: number): void {
    this.#quiet.delete(watchId)
    if (this.#quiet.size === 0) this.close()
  }

  /** An event tells as much as a notification. */
  eventSent(watchId: number): void {
    if (this.#quiet.has(watchId)) this.#quiet.set(watchId, false)
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer = this.#environment.clock.setTimer(this.#intervalMs, () => {
      for (const [watchId, quiet] of this.#quiet) {
        if (quiet) this.#notify(watchId)
        else this.#quiet.set(watchId, true)
      }
      this.#arm()
    })
  }
}
