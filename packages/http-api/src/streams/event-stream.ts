import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Environment, Timer } from '@orrery/environment'
import type { FailureOf } from '../failure.ts'
import { onceClosed } from '../once-closed.ts'

/** An event, as it is sent. */
export interface StreamedEvent {
  readonly name: string
  /** What the reader names when he comes back. Undefined: what he was given before. */
  readonly id: number | undefined
  /** JSON without line ends, in parts that belong together. They may be shared: nobody changes them. */
  readonly data: readonly Uint8Array[]
}

/** What a reader is sent. */
export interface StreamedEvents {
  /** The next one is asked for when the one before has left for the kernel. */
  readonly events: AsyncIterable<StreamedEvent, undefined>
  /** Ends them, even while one is waited for. Safe to call twice. */
  close(): void
}

/** Bounds of a stream. */
export interface StreamLimits {
  /** How often a stream that has nothing to say says so. Unit: ms. */
  readonly keepaliveMs: number
  /** A reader who has not taken an event after so long is cut. Unit: ms. */
  readonly stalledMaxMs: number
  /** How long a stream has to end when the server closes. Unit: ms. */
  readonly closeMaxMs: number
}

/** What an {@link EventStream} is made of. */
export interface EventStreamParts {
  readonly response: ServerResponse
  /** What the host wants in the head of the response. */
  readonly headers: OutgoingHttpHeaders
  readonly source: StreamedEvents
  readonly environment: Environment
  readonly limits: StreamLimits
  readonly failureOf: FailureOf
}

/** How long a reader waits before it connects again: these two, and a random part of their difference. Unit: ms. */
const retryMs = { min: 500, max: 3_000 } as const

const end = Buffer.from('\n\n')

/**
 * Server-sent events for one reader. It takes an event from its source only when the one before has left for the kernel:
 * so no more than one is held for him, however slow he is.
 *
 * Source: HTML Living Standard, "Server-sent events".
 */
export class EventStream {
  readonly #parts: EventStreamParts
  readonly #gone: Promise<void>
  #isEnding = false
  #keepalive: Timer | undefined
  /** Ends the wait for the reader. */
  #wake: () => void = () => {}

  constructor(parts: EventStreamParts) {
    this.#parts = parts
    const { response, source } = parts
    this.#gone = new Promise((resolve) => {
      onceClosed(response, () => {
        this.#isEnding = true
        source.close()
        this.#wake()
        resolve()
      })
    })
    // What a socket fails with is followed by its close, which is all that matters.
    response.on('error', () => {})
  }

  /** Serves the reader. Never rejects; resolves when the response has ended, one way or the other. */
  async run(): Promise<void> {
    const { response, source } = this.#parts
    this.#begin()
    let failed: unknown
    try {
      await this.#serve()
    } catch (error) {
      failed = error
    }
    this.#keepalive?.cancel()
    source.close()
    if (failed !== undefined && !this.#isEnding) this.#tellFailure(failed)
    response.end()
    await this.#gone
  }

  /** Ends the stream because the server closes. Resolves when it has ended. */
  async close(): Promise<void> {
    const { response, source, environment, limits } = this.#parts
    this.#isEnding = true
    source.close()
    this.#wake()
    // Whoever does not read would never see the end.
    const deadline = environment.clock.setTimer(limits.closeMaxMs, () => response.destroy())
    await this.#gone
    deadline.cancel()
  }

  #begin(): void {
    const { response, headers, environment } = this.#parts
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // nginx would gather what it should pass on.
      'x-accel-buffering': 'no',
    })
    const spreadMs = environment.random.below(retryMs.max - retryMs.min)
    response.write(`retry: ${retryMs.min + spreadMs}\n\n`)
    this.#scheduleKeepalive()
  }

  async #serve(): Promise<void> {
    for await (const event of this.#parts.source.events) {
      this.#write(event)
      await this.#taken()
      if (this.#isEnding) return
    }
  }

  #write({ name, id, data }: StreamedEvent): void {
    const { response } = this.#parts
    response.cork()
    response.write(`event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: `)
    for (const part of data) response.write(part)
    response.write(end)
    response.uncork()
  }

  /** Resolves when the reader took what was written, or the stream is to end. */
  async #taken(): Promise<void> {
    const { response, environment, limits } = this.#parts
    if (!response.writableNeedDrain || this.#isEnding) return
    const deadline = environment.clock.setTimer(limits.stalledMaxMs, () => response.destroy())
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      response.once('drain', resolve)
    })
    response.off('drain', this.#wake)
    deadline.cancel()
  }

  #scheduleKeepalive(): void {
    const { response, environment, limits } = this.#parts
    this.#keepalive = environment.clock.setTimer(limits.keepaliveMs, () => {
      // Whoever has not taken what was sent before is not helped by more.
      if (!response.writableNeedDrain && !this.#isEnding) response.write(': keepalive\n\n')
      this.#scheduleKeepalive()
    })
  }

  #tellFailure(error: unknown): void {
    const { response, environment, failureOf } = this.#parts
    const { isInternal, status, ...told } = failureOf(error)
    if (isInternal) environment.logger.error('http api: a stream failed', { error, status })
    // Not `error`, as which browsers tell of lost connections.
    response.write(`event: failure\ndata: ${JSON.stringify(told)}\n\n`)
  }
}
