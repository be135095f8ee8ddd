import { RegistryError } from '@orrery/registry'
import { HttpApiError } from '../errors.ts'
import { SnapshotStream } from './snapshot-stream.ts'
import type { SnapshotStreamParts } from './snapshot-stream.ts'

/** The streams of one plugin: no more than so many, and all of them end when the server closes. */
export class OpenStreams {
  readonly #subscriptionsMax: number
  readonly #open = new Set<SnapshotStream>()
  #closed = false

  constructor(subscriptionsMax: number) {
    this.#subscriptionsMax = subscriptionsMax
  }

  get size(): number {
    return this.#open.size
  }

  /** @throws HttpApiError `HTTP_API_TOO_MANY_SUBSCRIPTIONS`; RegistryError `REGISTRY_CLOSED` */
  checkRoom(): void {
    if (this.#closed) throw new RegistryError('REGISTRY_CLOSED', 'the server is closing')
    if (this.#open.size < this.#subscriptionsMax) return
    throw new HttpApiError(
      'HTTP_API_TOO_MANY_SUBSCRIPTIONS',
      `there are ${this.#subscriptionsMax} subscriptions, which is as many as may be`,
    )
  }

  /** Serves a reader until he, or the server, ends it. To be called right after {@link checkRoom}. */
  async serve(parts: SnapshotStreamParts): Promise<void> {
    const stream = new SnapshotStream(parts)
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
