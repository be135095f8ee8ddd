import type { Entry } from '@orrery/raft'
import { NodeError } from './errors.ts'

interface Change {
  readonly term: number
  readonly expiresMs: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Changes of the membership that this leader proposed, until their entry is applied. */
export class Changes {
  readonly #waiting = new Map<number, Change>()

  /** @throws NodeError the refusal; `NODE_TIMED_OUT`, `NODE_NOT_LEADER`: it may take effect all the same */
  async wait(at: { readonly firstIndex: number; readonly term: number }, expiresMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(at.firstIndex, { term: at.term, expiresMs, resolve, reject })
    })
  }

  /** An entry was applied, or refused. */
  settle({ index, term, type }: Entry, refusal?: NodeError): void {
    if (this.#waiting.size === 0) return
    const change = this.#waiting.get(index)
    if (change === undefined) return
    this.#waiting.delete(index)
    if (refusal !== undefined) change.reject(refusal)
    else if (change.term === term && type !== 'empty') change.resolve()
    else
      change.reject(
        new NodeError('NODE_CHANGE_IN_PROGRESS', 'nothing was done: another change is in progress'),
      )
  }

  expire(nowMs: number): void {
    for (const [index, { expiresMs, reject }] of this.#waiting) {
      if (expiresMs > nowMs) continue
      this.#waiting.delete(index)
      reject(new NodeError('NODE_TIMED_OUT', 'there was no answer in time: it may still take effect'))
    }
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
