import type { ServerWritableStream } from '@grpc/grpc-js'
import type { HealthCheckRequest, HealthCheckResponse } from './health-messages.ts'

/** A call of `Watch`. */
export type WatchStream = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>

/**
 * Sends a status whenever it differs from the one before. One message at most is on its way: a client that
 * reads slowly misses what a status was in between, and gets what it is.
 */
export class WatchCall {
  readonly #stream: WatchStream
  #newest: number
  #sent: number | undefined
  #sending = false

  constructor(stream: WatchStream, status: number) {
    this.#stream = stream
    this.#newest = status
    this.#send()
  }

  /** The status is another one, perhaps. */
  push(status: number): void {
    this.#newest = status
    this.#send()
  }

  #send(): void {
    if (this.#sending || this.#newest === this.#sent) return
    this.#sending = true
    this.#sent = this.#newest
    this.#stream.write({ status: this.#newest }, (error?: Error | null) => {
      this.#sending = false
      // After an error nobody listens any more; the call's own events say so.
      if (!error) this.#send()
    })
  }
}
