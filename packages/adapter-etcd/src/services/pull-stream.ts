/**
 * Responses of a call that can be taken without waiting, where they are there already. Events of thousands of watch
 * streams come this way: a promise for each of them in each layer costs more than all the rest.
 */
export abstract class PullStream<Response> implements AsyncIterable<Response> {
  /**
   * The next response, if there is one now.
   *
   * @throws what the call fails with
   */
  abstract take(): Response | undefined

  /** Nothing will come any more. Looked at when {@link take} gave nothing. */
  abstract get done(): boolean

  /** Calls back once, when there is something to take, a failure or the end. At once, if that is so already. */
  abstract whenReady(callback: () => void): void

  /** Ends the call. Safe to call twice. */
  abstract close(): void

  async *[Symbol.asyncIterator](): AsyncGenerator<Response, void, undefined> {
    try {
      for (;;) {
        const response = this.take()
        if (response !== undefined) yield response
        else if (this.done) return
        else await new Promise<void>((resolve) => this.whenReady(resolve))
      }
    } finally {
      this.close()
    }
  }
}

/** Whether responses can be taken without waiting. */
export function isPullStream<Response>(
  responses: AsyncIterable<Response>,
): responses is PullStream<Response> {
  return responses instanceof PullStream
}

/** A stream around another one. */
export class WrappedStream<Response> extends PullStream<Response> {
  readonly #inner: PullStream<Response>

  constructor(inner: PullStream<Response>) {
    super()
    this.#inner = inner
  }

  take(): Response | undefined {
    return this.#inner.take()
  }

  get done(): boolean {
    return this.#inner.done
  }

  whenReady(callback: () => void): void {
    this.#inner.whenReady(callback)
  }

  close(): void {
    this.#inner.close()
  }
}

/** A stream that fails at once. */
export class FailedStream extends PullStream<never> {
  readonly #error: unknown

  constructor(error: unknown) {
    super()
    this.#error = error
  }

  take(): never {
    throw this.#error
  }

  get done(): boolean {
    return false
  }

  whenReady(callback: () => void): void {
    callback()
  }

  close(): void {
    // There is nothing to end.
  }
}
