import type { Clock, Timer } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { EtcdError } from '../errors.ts'

/** What a {@link LeaderWatch} looks at. */
export interface LeaderWatchParts {
  readonly store: Pick<Store, 'status'>
  readonly clock: Clock
  /** How often it looks. Unit: ms. */
  readonly electionTimeoutMs: number
}

/** A stream that ends when there is no leader. */
export interface LedStream {
  /** Aborts with an EtcdError `ETCD_NO_LEADER`. */
  readonly signal: AbortSignal
  /** The stream is over. Safe to call twice. */
  close(): void
}

/** Looks in a row that find no leader before streams end: to open them again costs more than to wait a little. */
const leaderlessMaxLooks = 3

/**
 * Ends the streams whose clients require a leader, so that they go to another member, which may have one.
 *
 * Source: etcd 3.6, `v3rpc/interceptor.go`, `monitorLeader`.
 */
export class LeaderWatch {
  readonly #parts: LeaderWatchParts
  readonly #streams = new Set<AbortController>()
  #timer: Timer | undefined
  #leaderlessLooks = 0

  constructor(parts: LeaderWatchParts) {
    this.#parts = parts
  }

  get hasLeader(): boolean {
    return this.#parts.store.status().leaderId !== 0n
  }

  /** Time counts while there are such streams. */
  open(): LedStream {
    const stream = new AbortController()
    this.#streams.add(stream)
    this.#arm()
    return { signal: stream.signal, close: () => this.#close(stream) }
  }

  #close(stream: AbortController): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#leaderlessLooks = 0
  }

  #arm(): void {
    this.#timer ??= this.#parts.clock.setTimer(this.#parts.electionTimeoutMs, () => this.#look())
  }

  #look(): void {
    this.#timer = undefined
    this.#leaderlessLooks = this.hasLeader ? 0 : this.#leaderlessLooks + 1
    if (this.#leaderlessLooks >= leaderlessMaxLooks) {
      this.#leaderlessLooks = 0
      for (const stream of this.#streams) stream.abort(new EtcdError('ETCD_NO_LEADER'))
      this.#streams.clear()
    }
    if (this.#streams.size > 0) this.#arm()
  }
}
