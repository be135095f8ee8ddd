import type { KeyChange, RevisedOperation } from '@orrery/simulation'

/** What a client wants of the store. Values are unlike any other of the run. */
export type Wish =
  | { readonly type: 'get'; readonly key: string; readonly isSerializable: boolean }
  | { readonly type: 'put'; readonly key: string; readonly value: number }
  | { readonly type: 'delete'; readonly key: string }
  /** Puts when the key has a value; 0: when there is no such key. Reads the key otherwise. */
  | { readonly type: 'cas'; readonly key: string; readonly expected: number; readonly value: number }
  /** Puts two keys at once. */
  | { readonly type: 'pair'; readonly keys: readonly [string, string]; readonly value: number }

/** What the store answered. */
export interface Answer {
  readonly revision: number
  readonly changes: readonly KeyChange[]
  /** At `revision`. */
  readonly reads: readonly KeyChange[]
  /** Right before `revision`. */
  readonly before: readonly KeyChange[]
}

/** Something that a client did. */
export interface Attempt {
  readonly wish: Wish
  readonly calledAt: number
  /** With an answer; without, the outcome is unknown. */
  returnedAt: number | undefined
  answer: Answer | undefined
}

/** All that clients did, on one clock: only the order counts. */
export class History {
  readonly attempts: Attempt[] = []
  #clock = 0
  #answered = 0
  readonly #waiting = new Set<{ readonly calledAt: number; readonly resolve: () => void }>()

  get answered(): number {
    return this.#answered
  }

  get unanswered(): number {
    return this.attempts.length - this.#answered
  }

  begin(wish: Wish): Attempt {
    const attempt: Attempt = { wish, calledAt: ++this.#clock, returnedAt: undefined, answer: undefined }
    this.attempts.push(attempt)
    return attempt
  }

  end(attempt: Attempt, answer: Answer): void {
    attempt.returnedAt = ++this.#clock
    attempt.answer = answer
    this.#answered++
    if (answer.changes.length === 0) return
    for (const waiter of this.#waiting) {
      if (waiter.calledAt > attempt.calledAt) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** Resolves when a write was answered that was called after this. */
  nextWrite(): Promise<void> {
    const calledAt = ++this.#clock
    return new Promise((resolve) => this.#waiting.add({ calledAt, resolve }))
  }

  /** What was answered, for the checker of revisions. */
  revised(): RevisedOperation[] {
    return this.attempts.flatMap(({ wish, calledAt, returnedAt, answer }) => {
      if (answer === undefined || returnedAt === undefined) return []
      const { revision, changes, reads } = answer
      const isSerializable = wish.type === 'get' && wish.isSerializable
      return [{ calledAt, returnedAt, revision, changes, reads, isSerializable }]
    })
  }
}
