import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Environment } from '@orrery/environment'
import type { ByteBudget, Holding } from './byte-budget.ts'

const compress = promisify(gzip)

/** A list that clients ask for: what of it can be kept, and how it is made. */
export interface List {
  /** What it is called among all lists. */
  readonly key: string
  readonly contentType: string
  /** Undefined: it is not worth keeping. Differs from what it was whenever the list does. */
  version(): string | undefined
  /** Does a part of the work in advance, until `isOver` says that it is enough for now. @returns whether all is done */
  prepare(isOver: () => boolean): boolean
  /** All of it, as it is now. */
  build(): Buffer
}

/** A list as it was at some moment. */
export interface ListBody {
  readonly contentType: string
  readonly content: Buffer
  /** Compressed; undefined: not yet, or too small to be worth it. */
  readonly gzip: Buffer | undefined
}

/** How long a turn of the loop may be kept busy with a list. Unit: ms. */
const sliceMs = 5

/** So many slices are worth a try; then changes come faster than they can be encoded in slices. */
const slicesMax = 1_000

/** Smaller bodies fit into a packet as they are. Unit: bytes. */
const gzipMinBytes = 1_024

/** What {@link Lists} works with. */
export interface ListsParts {
  readonly environment: Environment
  readonly budget: ByteBudget
  readonly gzipLevel: number
}

/** Keeps lists as they go over the wire. A list is made when it is asked for and has changed since, and only once for all who wait for it. */
export class Lists {
  readonly #parts: ListsParts
  readonly #bodies = new Map<string, KeptBody>()
  readonly #building = new Map<string, Promise<KeptBody>>()
  readonly #compressing = new Map<string, Promise<ListBody>>()

  constructor(parts: ListsParts) {
    this.#parts = parts
  }

  /** The list as it is now, or as it is when it is made. */
  get(list: List, wantsGzip: boolean): ListBody | Promise<ListBody> {
    const body = this.#current(list)
    if (!wantsGzip) return body
    if (body instanceof KeptBody && (body.gzip !== undefined || body.content.length < gzipMinBytes))
      return body
    return this.#compressed(list)
  }

  #current(list: List): KeptBody | Promise<KeptBody> {
    const kept = this.#bodies.get(list.key)
    if (kept !== undefined && kept.version === list.version()) {
      this.#parts.budget.touch(kept)
      return kept
    }
    const building = this.#building.get(list.key)
    if (building !== undefined) return building
    if (this.#prepare(list)) return this.#build(list)
    const built = this.#buildInSlices(list).finally(() => this.#building.delete(list.key))
    this.#building.set(list.key, built)
    return built
  }

  async #buildInSlices(list: List): Promise<KeptBody> {
    const { clock } = this.#parts.environment
    for (let slice = 0; slice < slicesMax; slice++) {
      await new Promise<void>((resolve) => clock.defer(resolve))
      if (this.#prepare(list)) break
    }
    return this.#build(list)
  }

  #prepare(list: List): boolean {
    const { clock } = this.#parts.environment
    const untilMs = clock.nowMs() + sliceMs
    return list.prepare(() => clock.nowMs() >= untilMs)
  }

  #build(list: List): KeptBody {
    const { key, contentType } = list
    const version = list.version()
    const content = list.build()
    const body: KeptBody = new KeptBody({
      version,
      contentType,
      content,
      dropped: () => this.#dropped(key, body),
    })
    if (version !== undefined) {
      const { budget } = this.#parts
      const previous = this.#bodies.get(key)
      if (previous !== undefined) budget.remove(previous)
      this.#bodies.set(key, body)
      budget.grow(body, body.bytes)
    }
    return body
  }

  /**
   * Whoever comes while a list is being compressed waits for the next time: what is compressed now may be older than
   * the question. So each list is compressed at most once at a time, and nobody waits for more than two.
   */
  async #compressed(list: List): Promise<ListBody> {
    const { key } = list
    const running = this.#compressing.get(key)
    if (running !== undefined) {
      await running.catch(() => undefined)
      const next = this.#compressing.get(key)
      if (next !== undefined) return await next
    }
    const compressing = this.#compress(list).finally(() => this.#compressing.delete(key))
    this.#compressing.set(key, compressing)
    return await compressing
  }

  async #compress(list: List): Promise<ListBody> {
    const body = await this.#current(list)
    if (body.gzip !== undefined || body.content.length < gzipMinBytes) return body
    const { budget, gzipLevel: level } = this.#parts
    body.gzip = await compress(body.content, { level })
    if (this.#bodies.get(list.key) === body) budget.grow(body, body.gzip.length)
    return body
  }

  #dropped(key: string, body: KeptBody): void {
    if (this.#bodies.get(key) === body) this.#bodies.delete(key)
  }
}

interface KeptBodyParts {
  readonly version: string | undefined
  readonly contentType: string
  readonly content: Buffer
  readonly dropped: () => void
}

class KeptBody implements ListBody, Holding {
  readonly version: string | undefined
  readonly contentType: string
  readonly content: Buffer
  gzip: Buffer | undefined
  readonly #dropped: () => void

  constructor({ version, contentType, content, dropped }: KeptBodyParts) {
    this.version = version
    this.contentType = contentType
    this.content = content
    this.#dropped = dropped
  }

  get bytes(): number {
    return this.content.length + (this.gzip?.length ?? 0)
  }

  drop(): void {
    this.#dropped()
  }
}
