import type { MemberId } from '@orrery/raft'
import { NodeError } from './errors.ts'

interface Transfer {
  readonly target: MemberId
  readonly expiresMs: number
  readonly resolve: (value?: undefined) => void
  readonly reject: (error: Error) => void
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
    this.#waiting = this.#waiting.filter(({ expiresMs, reject }) => {
      if (expiresMs > nowMs) return true
      reject(new NodeError('NODE_TRANSFER_TIMED_OUT', 'the other member does not lead yet'))
      return false
    })
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
