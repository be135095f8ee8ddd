import type { Clock, Timer } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { EtcdError } from '../errors.ts'
import { onAbort } from './call-abort.ts'
import type { CallContext } from './services.ts'

/** What a {@link LeaderWatch} looks at. */
export interface LeaderWatchParts {
  readonly store: Pick<Store, 'status'>
  readonly clock: Clock
  /** How often it looks. Unit: ms. */
  readonly electionTimeoutMs: number
}

/** A stream that ends when there is no leader. */
export interface LedStream {
  /** The call as its method sees it: it also aborts when there is no leader. */
  readonly context: CallContext
  /** An EtcdError `ETCD_NO_LEADER` as soon as the stream has ended for that. */
  readonly failure: EtcdError | undefined
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
  readonly #streams = new Set<LedCall>()
  #timer: Timer | undefined
  #leaderlessLooks = 0

  constructor(parts: LeaderWatchParts) {
    this.#parts = parts
  }

  get hasLeader(): boolean {
    return this.#parts.store.status().leaderId !== 0n
  }

  /** Time counts while there are such streams. */
  open(context: CallContext): LedStream {
    const stream: LedCall = new LedCall(context, () => this.#closed(stream))
    this.#streams.add(stream)
    this.#arm()
    return stream
  }

  #closed(stream: LedCall): void {
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
      for (const stream of this.#streams) stream.fail(new EtcdError('ETCD_NO_LEADER'))
      this.#streams.clear()
    }
    if (this.#streams.size > 0) this.#arm()
  }
}

class LedCall implements LedStream {
  readonly context: CallContext
  failure: EtcdError | undefined
  // Not what `AbortSignal.any` makes of two: Node keeps that, and the call with it, if a listener is left on it.
  readonly #controller = new AbortController()
  readonly #stopListening: () => void
  readonly #onClose: () => void

  constructor(call: CallContext, onClose: () => void) {
    this.context = { metadata: call.metadata, signal: this.#controller.signal }
    this.#stopListening = onAbort(call, (reason) => this.#controller.abort(reason))
    this.#onClose = onClose
  }

  fail(failure: EtcdError): void {
    this.failure = failure
    this.#controller.abort(failure)
  }

  close(): void {
    this.#stopListening()
    this.#onClose()
  }
}
