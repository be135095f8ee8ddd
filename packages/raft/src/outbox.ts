import type { AppendResponse, Message, VoteResponse } from './message.ts'

/** A message that is true only once something is durable. */
export type Pledge = AppendResponse | VoteResponse

interface Held {
  /** The batch that must be durable first. */
  readonly after: number
  readonly message: Pledge
}

const nothing: readonly Message[] = []

/** Messages that wait for the next Ready, or for the disk before that. */
export class Outbox {
  #messages: Message[] = []
  #held: Held[] = []

  get isEmpty(): boolean {
    return this.#messages.length === 0
  }

  send(message: Message): void {
    this.#messages.push(message)
  }

  /** Sends a pledge once batch `after` is durable. */
  hold(held: Held): void {
    const last = this.#held.at(-1)
    // One write, one answer: acknowledging its last entry acknowledges all of it.
    if (last !== undefined && last.after === held.after && covers(held.message, last.message))
      this.#held.pop()
    this.#held.push(held)
  }

  /**
   * All batches up to `number` are durable. What was promised in an earlier term is void: the log may have
   * changed since, and who is asked may be another.
   */
  release(number: number, term: number): void {
    let count = 0
    for (const { after, message } of this.#held) {
      if (after > number) break
      count++
      if (message.term === term) this.#messages.push(message)
    }
    if (count > 0) this.#held.splice(0, count)
  }

  take(): readonly Message[] {
    if (this.#messages.length === 0) return nothing
    const messages = this.#messages
    this.#messages = []
    return messages
  }
}

function covers(later: Pledge, earlier: Pledge): boolean {
  return (
    later.type === 'appendResponse' &&
    earlier.type === 'appendResponse' &&
    later.to === earlier.to &&
    later.term === earlier.term &&
    later.index >= earlier.index
  )
}
