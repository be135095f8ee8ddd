import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Environment, Timer } from '@orrery/environment'
import type { ServiceSnapshot, Subscription } from '@orrery/registry'
import { HttpApiError } from '../errors.ts'
import { failureOf } from '../failure.ts'
import type { SnapshotJson } from '../json/snapshot-json.ts'
import type { ApiLimits } from '../options.ts'

/** What a {@link SnapshotStream} is made of. */
export interface SnapshotStreamParts {
  readonly response: ServerResponse
  /** What the host wants in the head of the response. */
  readonly headers: OutgoingHttpHeaders
  readonly subscription: Subscription
  readonly environment: Environment
  readonly json: SnapshotJson
  readonly limits: ApiLimits
  /** The revision of the snapshot that the reader has: if it is the present one, it is not sent again. */
  readonly lastRevision: number | undefined
}

/** How long a reader waits before it connects again: these two, and a random part of their difference. Unit: ms. */
const retryMs = { min: 500, max: 3_000 } as const

const end = Buffer.from('\n\n')

/**
 * The snapshots of one service as server-sent events, for one reader. It takes a snapshot from its subscription only
 * when the one before has left for the kernel: so no more than one is held for him, however slow he is.
 *
 * Source: HTML Living Standard, "Server-sent events".
 */
export class SnapshotStream {
  readonly #parts: SnapshotStreamParts
  readonly #gone: Promise<void>
  #isEnding = false
  #keepalive: Timer | undefined
  /** Ends the wait for the reader. */
  #wake: () => void = () => {}

  constructor(parts: SnapshotStreamParts) {
    this.#parts = parts
    const { response, subscription } = parts
    this.#gone = new Promise((resolve) => {
      const gone = (): void => {
        this.#isEnding = true
        subscription.close()
        this.#wake()
        resolve()
      }
      // The reader may have left before he was served: that is not told again.
      if (response.destroyed) gone()
      else response.once('close', gone)
    })
    // What a socket fails with is followed by its close, which is all that matters.
    response.on('error', () => {})
  }

  /** Serves the reader. Never rejects; resolves when the response has ended, one way or the other. */
  async run(): Promise<void> {
    const { response, subscription } = this.#parts
    this.#begin()
    let failed: unknown
    try {
      await this.#serve()
    } catch (error) {
      failed = error
    }
    this.#keepalive?.cancel()
    subscription.close()
    if (failed !== undefined && !this.#isEnding) this.#tellFailure(failed)
    response.end()
    await this.#gone
  }

  /** Ends the stream because the server closes. Resolves when it has ended. */
  async close(): Promise<void> {
    const { response, subscription, environment, limits } = this.#parts
    this.#isEnding = true
    subscription.close()
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
    const { subscription, lastRevision } = this.#parts
    let isFirst = true
    for await (const snapshot of subscription) {
      const isKnown = isFirst && snapshot.revision === lastRevision
      isFirst = false
      if (isKnown) continue
      this.#write(snapshot)
      await this.#taken()
      if (this.#isEnding) return
    }
  }

  /** @throws HttpApiError `HTTP_API_SNAPSHOT_TOO_LARGE` */
  #write(snapshot: ServiceSnapshot): void {
    const { response, json, limits } = this.#parts
    const parts = json.partsOf(snapshot)
    const bytes = parts.reduce((sum, part) => sum + part.length, 0)
    if (bytes > limits.snapshotMaxBytes) {
      throw new HttpApiError(
        'HTTP_API_SNAPSHOT_TOO_LARGE',
        `the snapshot at revision ${snapshot.revision} has ${bytes} bytes, of at most ${limits.snapshotMaxBytes}`,
      )
    }
    response.cork()
    response.write(`event: snapshot\nid: ${snapshot.revision}\ndata: `)
    for (const part of parts) response.write(part)
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
    const { response, environment } = this.#parts
    const { code, message, isInternal } = failureOf(error)
    if (isInternal) environment.logger.error('http api: a stream of snapshots failed', { error })
    // Not `error`, as which browsers tell of lost connections.
    response.write(`event: failure\ndata: ${JSON.stringify({ code, message })}\n\n`)
  }
}
