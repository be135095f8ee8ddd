import type { Environment } from '@orrery/environment'
import type { ByteBudget, Holding } from './byte-budget.ts'
import { compressParts, sizeOf } from './parts.ts'

/** A list that clients ask for: what of it can be kept, and how it is made. */
export interface List {
  /** What it is called among all lists. */
  readonly key: string
  readonly contentType: string
  /** Its parts are kept anyway: it is not worth keeping but compressed. */
  readonly isShared: boolean
  /** Undefined: it is not worth keeping. Differs from what it was whenever the list does. */
  version(): string | undefined
  /** Does a part of the work in advance, until `isOver` says that it is enough for now. @returns whether all is done */
  prepare(isOver: () => boolean): boolean
  /** All of it, as it is now, one after the other. */
  parts(): readonly Buffer[]
}

/** A list as it was at some moment. */
export interface ListBody {
  readonly contentType: string
  readonly encoding: 'identity' | 'gzip'
  /** One after the other. */
  readonly parts: readonly Buffer[]
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
  readonly #kept = new Map<string, KeptBody>()
  readonly #building = new Map<string, Promise<KeptBody>>()
  readonly #compressing = new Map<string, Promise<ListBody>>()

  constructor(parts: ListsParts) {
    this.#parts = parts
  }

  /** The list as it is now, or as it is when it is made. */
  get(list: List, wantsGzip: boolean): ListBody | Promise<ListBody> {
    if (!wantsGzip) return this.#plain(list)
    return this.#ofVersion(gzipKey(list), list.version()) ?? this.#compressed(list)
  }

  #plain(list: List): KeptBody | Promise<KeptBody> {
    const kept = this.#ofVersion(list.key, list.version())
    if (kept !== undefined) return kept
    const building = this.#building.get(list.key)
    if (building !== undefined) return building
    if (this.#prepare(list)) return this.#build(list)
    const built = this.#buildInSlices(list).finally(() => this.#building.delete(list.key))
    this.#building.set(list.key, built)
    return built
  }

  #ofVersion(key: string, version: string | undefined): KeptBody | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined || kept.version !== version) return undefined
    this.#parts.budget.touch(kept)
    return kept
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
    const { key, contentType, isShared } = list
    const version = list.version()
    const body = new KeptBody({ version, contentType, encoding: 'identity', parts: list.parts() })
    if (!isShared) this.#keep(key, body)
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
    const plain = await this.#plain(list)
    const { version, contentType } = plain
    const kept = this.#ofVersion(gzipKey(list), version)
    if (kept !== undefined) return kept
    if (sizeOf(plain.parts) < gzipMinBytes) return plain
    const parts = [await compressParts(plain.parts, this.#parts.gzipLevel)]
    const body = new KeptBody({ version, contentType, encoding: 'gzip', parts })
    this.#keep(gzipKey(list), body)
    return body
  }

  /** Whatever was there is older: it goes. */
  #keep(key: string, body: KeptBody): void {
    if (body.version === undefined) return
    const { budget } = this.#parts
    const previous = this.#kept.get(key)
    if (previous !== undefined) budget.remove(previous)
    this.#kept.set(key, body)
    body.dropped = () => this.#kept.delete(key)
    budget.grow(body, body.bytes)
  }
}

function gzipKey({ key }: List): string {
  return `${key} gzip`
}

type KeptBodyParts = ListBody & { readonly version: string | undefined }

class KeptBody implements ListBody, Holding {
  readonly version: string | undefined
  readonly contentType: string
  readonly encoding: 'identity' | 'gzip'
  readonly parts: readonly Buffer[]
  readonly bytes: number
  readonly isCheap = true
  /** Told when it is to go. */
  dropped: () => void = () => undefined

  constructor({ version, contentType, encoding, parts }: KeptBodyParts) {
    this.version = version
    this.contentType = contentType
    this.encoding = encoding
    this.parts = parts
    this.bytes = sizeOf(parts)
  }

  drop(): void {
    this.dropped()
  }
}
