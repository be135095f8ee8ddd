/** Somebody who waits for a revision, or several who share one promise. */
interface Waiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Who waits until a revision of the store is reached. Whoever gives up is forgotten at once. */
export class RevisionWaiters {
  readonly #waiters = new Set<Waiter>()
  /** Those who cannot give up have one promise for each revision: a batch of writes has one, and many callers. */
  readonly #shared = new Map<number, Promise<void>>()

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#waiters.size === 0
  }

  /** Resolves when a revision is reached. @throws the signal's reason, or what all are rejected with */
  wait(revision: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal !== undefined) return this.#waitUnless(revision, signal)
    const known = this.#shared.get(revision)
    if (known !== undefined) return known
    const shared = new Promise<void>((resolve, reject) => {
      this.#waiters.add({ revision, resolve, reject })
    })
    // Whoever waited may have gone.
    shared.catch(() => {})
    this.#shared.set(revision, shared)
    return shared
  }

  /** Lets all go who wait for this revision, or an earlier one. */
  reached(revision: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.revision > revision) continue
      this.#waiters.delete(waiter)
      this.#shared.delete(waiter.revision)
      waiter.resolve()
    }
  }

  /** Whatever they wait for does not come any more. */
  rejectAll(error: Error): void {
    const all = [...this.#waiters]
    this.#waiters.clear()
    this.#shared.clear()
    for (const waiter of all) waiter.reject(error)
  }

  /** A promise of its own: to one that is shared, whoever has given up would stay tied. */
  #waitUnless(revision: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error)
        return
      }
      const giveUp = (): void => {
        this.#waiters.delete(waiter)
        reject(signal.reason as Error)
      }
      const waiter: Waiter = {
        revision,
        resolve: () => {
          signal.removeEventListener('abort', giveUp)
          resolve()
        },
        reject: (error) => {
          signal.removeEventListener('abort', giveUp)
          reject(error)
        },
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiters.add(waiter)
    })
  }
}
