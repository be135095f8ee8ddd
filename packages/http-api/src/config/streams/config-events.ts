import type { ConfigHub, ConfigWatch, WatchQuery } from '@orrery/config-hub'
import type { StreamedEvent, StreamedEvents } from '../../streams/event-stream.ts'
import type { ReleaseJson } from '../json/release-json.ts'
import { presentOf } from './present.ts'

/** What {@link ConfigEvents} are made of. */
export interface ConfigEventsParts {
  readonly hub: ConfigHub
  readonly query: WatchQuery
  /** The reader comes back: he has everything up to this revision. */
  readonly lastRevision: number | undefined
  /** He may read what stands encrypted. */
  readonly isPlain: boolean
  readonly json: ReleaseJson
}

/**
 * Changes of what one reader watches: first `present`, which names all that he sees, so that he knows what is gone that he
 * has; then `changes`, beginning with what he does not have. Only `changes` have ids: with `present` alone he has nothing.
 */
export class ConfigEvents implements StreamedEvents {
  readonly #parts: ConfigEventsParts
  readonly #closed = new AbortController()
  #opened: { readonly present: StreamedEvent; readonly watch: ConfigWatch } | undefined

  /** @throws ConfigError as `ConfigHub.watch` */
  constructor(parts: ConfigEventsParts) {
    this.#parts = parts
    // What makes no sense is refused before there is a stream.
    parts.hub.watch(parts.query).close()
    if (this.#afterRevision <= parts.hub.stats().revision) this.#opened = this.#open()
  }

  get events(): AsyncIterable<StreamedEvent, undefined> {
    return this.#serve()
  }

  close(): void {
    this.#closed.abort()
    this.#opened?.watch.close()
  }

  get #afterRevision(): number {
    const { query, lastRevision = 0 } = this.#parts
    return Math.max(query.afterRevision ?? 0, lastRevision)
  }

  async *#serve(): AsyncGenerator<StreamedEvent, undefined> {
    const { hub, json, isPlain } = this.#parts
    const { signal } = this.#closed
    if (this.#opened === undefined) {
      await hub.reached(this.#afterRevision, { signal })
      signal.throwIfAborted()
      this.#opened = this.#open()
    }
    const { present, watch } = this.#opened
    yield present
    for await (const batch of watch) {
      yield { name: 'changes', id: batch.revision, data: json.partsOf(batch, isPlain) }
    }
    return undefined
  }

  /**
   * In one turn: between what is present and what is watched from then on, nothing is lost. Nor is what goes before the reader has
   * taken what is present: where he does not say what he has, the watch takes it that he has something of each file.
   */
  #open(): { readonly present: StreamedEvent; readonly watch: ConfigWatch } {
    const { hub, query, lastRevision } = this.#parts
    const { targets, client = {} } = query
    const afterRevision = this.#afterRevision
    // Who says which revision he has seen was waited for. Who does not may have seen more than there is here.
    const ahead = afterRevision === 0 ? query.known : undefined
    const present = presentOf(hub, { targets, client, sinceRevision: lastRevision, ahead })
    const watch = hub.watch({ ...query, known: query.known ?? present.known, afterRevision })
    const { revision, files } = present
    const data = [Buffer.from(JSON.stringify({ revision, files }))]
    return { present: { name: 'present', id: undefined, data }, watch }
  }
}
