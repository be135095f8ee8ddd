import type { MemberId } from '@orrery/raft'
import { NodeError } from './errors.ts'
import { type Waiter, withoutExpired } from './waiters.ts'

interface Transfer extends Waiter {
  readonly target: MemberId
  readonly resolve: (value?: undefined) => void
}

/** Who waits until another member leads. */
export class LeadershipTransfers {
  #waiting: Transfer[] = []

  add(transfer: Transfer): void {
    this.#waiting.push(transfer)
  }

  /** Somebody leads. */
  led(leaderId: MemberId): void {
    this.#waiting = this.#waiting.filter(({ target, resolve }) => {
      if (target !== leaderId) return true
      resolve()
      return false
    })
  }

  expire(nowMs: number): void {
    this.#waiting = withoutExpired(
      this.#waiting,
      nowMs,
      () => new NodeError('NODE_TRANSFER_TIMED_OUT', 'the other member does not lead yet'),
    )
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
