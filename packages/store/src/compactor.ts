import type { StateMachine } from './state-machine.ts'
import type { StoreBackend } from './ports.ts'

/** What a {@link Compactor} works on. */
export interface CompactorParts {
  /** The present ones: a snapshot replaces them. */
  readonly data: () => { readonly state: StateMachine; readonly backend: StoreBackend }
  /** Whether what is removed now would only wait in memory. */
  readonly isCongested: () => boolean
  /** There is background work: {@link Compactor.step}. */
  readonly kick: () => void
}

/** Somebody who waits for the end of a compaction. */
interface Waiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Revisions that one slice removes. */
const stepRevisions = 1_000

/** Removes from the backend what a compaction has made unreachable, in slices. */
export class Compactor {
  readonly #parts: CompactorParts
  readonly #waiters: Waiter[] = []
  #stopped: Error | undefined

  constructor(parts: CompactorParts) {
    this.#parts = parts
  }

  /** A slice of background work: returns whether there is more. */
  step(): boolean {
    if (this.#parts.isCongested()) return false
    const { state, backend } = this.#parts.data()
    const more = state.mvcc.compactStep(stepRevisions)
    backend.seal(state.appliedIndex)
    const finished = state.mvcc.compactFinishedRevision
    for (const waiter of this.#waiters.splice(0)) {
      if (waiter.revision <= finished) waiter.resolve()
      else this.#waiters.push(waiter)
    }
    return more
  }

  /** Resolves when everything that the compaction at `revision` removes is removed. */
  finished(revision: number): Promise<void> {
    if (this.#parts.data().state.mvcc.compactFinishedRevision >= revision) return Promise.resolve()
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped)
    return new Promise((resolve, reject) => this.#waiters.push({ revision, resolve, reject }))
  }

  /** Removes nothing until the returned function is called: somebody reads old revisions. */
  hold(): () => void {
    const release = this.#parts.data().state.mvcc.holdCompaction()
    return () => {
      release()
      this.#parts.kick()
    }
  }

  /** Answers everybody who waits, or comes later, with `error`. */
  stop(error: Error): void {
    this.#stopped ??= error
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }
}
