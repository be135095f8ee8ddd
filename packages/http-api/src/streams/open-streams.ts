import { HttpApiError } from '../errors.ts'
import { EventStream } from './event-stream.ts'
import type { EventStreamParts } from './event-stream.ts'

/** The streams of one plugin: no more than so many, and all of them end when the server closes. */
export class OpenStreams {
  readonly #subscriptionsMax: number
  readonly #closedError: () => Error
  readonly #open = new Set<EventStream>()
  #closed = false

  /** @param closedError why a stream is refused when the server closes */
  constructor(subscriptionsMax: number, closedError: () => Error) {
    this.#subscriptionsMax = subscriptionsMax
    this.#closedError = closedError
  }

  get size(): number {
    return this.#open.size
  }

  /** @throws HttpApiError `HTTP_API_TOO_MANY_SUBSCRIPTIONS`; what `closedError` makes */
  checkRoom(): void {
    if (this.#closed) throw this.#closedError()
    if (this.#open.size < this.#subscriptionsMax) return
    throw new HttpApiError(
      'HTTP_API_TOO_MANY_SUBSCRIPTIONS',
      `there are ${this.#subscriptionsMax} subscriptions, which is as many as may be`,
    )
  }

  /** Serves a reader until he, or the server, ends it. To be called right after {@link checkRoom}. */
  async serve(parts: EventStreamParts): Promise<void> {
    const stream = new EventStream(parts)
    this.#open.add(stream)
    await stream.run()
    this.#open.delete(stream)
  }

  /** Ends all streams, and refuses later ones. Resolves when they have ended. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#open, (stream) => stream.close()))
  }
}
