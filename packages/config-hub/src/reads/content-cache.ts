import { type Clock, hasCode, type Timer } from '@orrery/environment'
import { contentOf, decodeContent, type StoredContent } from '../codec.ts'
import type { Release, ReleaseInfo } from '../model.ts'
import { CachedRelease, type ContentRef } from './cached-release.ts'
import { releaseAt, releaseOf, textOf } from './release-of.ts'

/** What a cache works with. */
export interface ContentCacheParts {
  readonly clock: Clock
  /** The value of a release, as it stands in the store. Undefined: there is none. */
  readonly read: (path: string, version: number) => Promise<Uint8Array | undefined>
  /**
   * Opens an encrypted content.
   *
   * @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED`
   */
  readonly open: (path: string, stored: StoredContent<ReleaseInfo>) => Promise<Uint8Array>
}

/** How much a cache keeps. */
export interface ContentCacheOptions {
  /** Unit: bytes. */
  readonly cacheMaxBytes: number
  /** Unit: ms; `Infinity`: until others need the place. */
  readonly cacheMaxIdleMs: number
}

/** A snapshot of what a cache has and did. */
export interface ContentCacheStats {
  readonly entries: number
  readonly bytes: number
  /** Reads that were answered from memory. */
  readonly hits: number
  /** Reads that were not. */
  readonly misses: number
}

/** About what a release takes besides its content. Unit: bytes. */
const overheadBytes = 512
/** How often the cache looks for what nobody reads, in the time after which that leaves. */
const looksPerIdleTime = 4

/**
 * Contents of releases, decoded, opened, and shared by all who read them. When there is no place for another one, one leaves that nobody
 * has read since the last time that a place was needed (the clock algorithm). One that is larger than the whole cache is never kept.
 */
export class ContentCache {
  readonly #parts: ContentCacheParts
  readonly #options: ContentCacheOptions
  readonly #slots = new Map<string, CachedRelease>()
  /** Whoever needs the same content waits for the same load. */
  readonly #loads = new Map<string, Promise<Release | undefined>>()
  /** Where the search for a place goes on. */
  #hand: Iterator<CachedRelease> | undefined
  #timer: Timer | undefined
  #isClosed = false
  #bytes = 0
  #hits = 0
  #misses = 0

  constructor(parts: ContentCacheParts, options: ContentCacheOptions) {
    this.#parts = parts
    this.#options = options
  }

  get stats(): ContentCacheStats {
    return { entries: this.#slots.size, bytes: this.#bytes, hits: this.#hits, misses: this.#misses }
  }

  /** What is in memory. */
  get(ref: ContentRef): Release | undefined {
    const { slot } = ref
    const release = slot?.release
    if (slot === undefined || release === undefined) return this.#find(ref)
    slot.isUsed = true
    this.#hits++
    return release
  }

  /**
   * Reads what is not in memory.
   *
   * @returns undefined: it is not in the store either, because it is too old
   * @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED`
   */
  load(ref: ContentRef): Promise<Release | undefined> {
    const { path, info } = ref
    if (info === undefined) return Promise.resolve(undefined)
    return this.#load(keyOf(path, info), () => this.#read(path, info.version, ref))
  }

  /**
   * A release that nobody may see any more.
   *
   * @param path as `filePath` makes it
   * @throws as {@link ContentCache.load}
   */
  version(path: string, version: number): Promise<Release | undefined> {
    const key = keyOf(path, { version })
    const slot = this.#slots.get(key)
    if (slot?.release === undefined) return this.#load(key, () => this.#read(path, version, undefined))
    this.#use(slot)
    return Promise.resolve(slot.release)
  }

  /** A content has come along with what is said of it. */
  offer(ref: ContentRef, value: Uint8Array): void {
    const { path, info } = ref
    if (info === undefined || this.#isClosed) return
    if (!info.encrypted) {
      this.#keep(ref, releaseAt(path, info, textOf(contentOf(value))))
      // Nobody has asked for it.
      if (ref.slot !== undefined) ref.slot.isUsed = false
      return
    }
    const stored = decodeContent<ReleaseInfo>(value)
    const slot = this.#add(keyOf(path, info), stored.content.length)
    if (slot === undefined) return
    // A copy: what it stands in may be much larger. It is opened when somebody asks: for that, others may have to be asked.
    slot.sealed = { ...stored, content: new Uint8Array(stored.content) }
    ref.slot = slot
  }

  /** Forgets everything. Who waits is still answered. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const slot of this.#slots.values()) this.#drop(slot)
  }

  #find(ref: ContentRef): Release | undefined {
    const { path, info } = ref
    if (info === undefined) return undefined
    const slot = this.#slots.get(keyOf(path, info))
    if (slot?.release !== undefined) {
      ref.slot = slot
      this.#use(slot)
      return slot.release
    }
    if (info.origin !== 'promote') return undefined
    // It was gray before, with the same content.
    const gray = this.#slots.get(keyOf(path, { version: info.version }))?.release
    if (gray === undefined) return undefined
    this.#hits++
    return this.#keep(ref, releaseOf(gray, info, gray.content))
  }

  #load(key: string, read: () => Promise<Release | undefined>): Promise<Release | undefined> {
    this.#misses++
    const running = this.#loads.get(key)
    if (running !== undefined) return running
    const forget = (): void => {
      this.#loads.delete(key)
    }
    const load = read()
    this.#loads.set(key, load)
    load.then(forget, forget)
    return load
  }

  async #read(path: string, version: number, ref: ContentRef | undefined): Promise<Release | undefined> {
    const slot = this.#slots.get(keyOf(path, { version }))
    if (slot?.sealed !== undefined) {
      try {
        return await this.#open(path, slot.sealed, ref)
      } catch (error) {
        if (!hasCode(error, 'CONFIG_DECRYPTION_FAILED')) throw error
        // Its data key may have been wrapped anew since it came along, which changes nothing that is seen, and the older key be gone.
        if (this.#slots.get(slot.key) === slot) this.#drop(slot)
      }
    }
    const stored = await this.#readStored(path, version)
    return stored && (await this.#open(path, stored, ref))
  }

  async #open(
    path: string,
    stored: StoredContent<ReleaseInfo>,
    ref: ContentRef | undefined,
  ): Promise<Release> {
    const { dataKey, head } = stored
    const content = dataKey === undefined ? stored.content : await this.#parts.open(path, stored)
    const release = releaseAt(path, ref?.info ?? head, textOf(content))
    return this.#keep(ref ?? { path, info: head, slot: undefined }, release)
  }

  async #readStored(path: string, version: number): Promise<StoredContent<ReleaseInfo> | undefined> {
    const value = await this.#parts.read(path, version)
    return value === undefined ? undefined : decodeContent<ReleaseInfo>(value)
  }

  #keep(ref: ContentRef, release: Release): Release {
    const slot = this.#add(keyOf(ref.path, release), bytesOf(release))
    if (slot === undefined) return release
    slot.release = release
    slot.isUsed = true
    ref.slot = slot
    return release
  }

  #use(slot: CachedRelease): void {
    slot.isUsed = true
    this.#hits++
  }

  /** @returns undefined: it is too large */
  #add(key: string, contentBytes: number): CachedRelease | undefined {
    const bytes = contentBytes + overheadBytes
    const { cacheMaxBytes } = this.#options
    const before = this.#slots.get(key)
    if (before !== undefined) this.#drop(before)
    if (bytes > cacheMaxBytes || this.#isClosed) return undefined
    while (this.#bytes + bytes > cacheMaxBytes) this.#makePlace()
    const slot = new CachedRelease(key, bytes, this.#parts.clock.nowMs())
    this.#slots.set(key, slot)
    this.#bytes += bytes
    this.#watchIdle()
    return slot
  }

  /** Takes one step of the hand. */
  #makePlace(): void {
    this.#hand ??= this.#slots.values()
    const next = this.#hand.next()
    if (next.done === true) {
      this.#hand = undefined
      return
    }
    const slot = next.value
    if (slot.isUsed) this.#look(slot, this.#parts.clock.nowMs())
    else this.#drop(slot)
  }

  #drop(slot: CachedRelease): void {
    this.#slots.delete(slot.key)
    this.#bytes -= slot.bytes
    slot.release = undefined
    slot.sealed = undefined
  }

  #look(slot: CachedRelease, nowMs: number): void {
    slot.isUsed = false
    slot.usedMs = nowMs
  }

  #watchIdle(): void {
    const { cacheMaxIdleMs } = this.#options
    if (this.#timer !== undefined || cacheMaxIdleMs === Infinity) return
    this.#timer = this.#parts.clock.setTimer(cacheMaxIdleMs / looksPerIdleTime, () => {
      this.#timer = undefined
      this.#dropIdle(cacheMaxIdleMs)
      if (this.#slots.size > 0) this.#watchIdle()
    })
  }

  #dropIdle(maxIdleMs: number): void {
    const nowMs = this.#parts.clock.nowMs()
    for (const slot of this.#slots.values()) {
      if (slot.isUsed) this.#look(slot, nowMs)
      else if (nowMs - slot.usedMs >= maxIdleMs) this.#drop(slot)
    }
  }
}

/** A gray release that was promoted is the same release, but another thing is said of how it came to be. */
function keyOf(
  path: string,
  { version, origin }: { readonly version: number; readonly origin?: string },
): string {
  return origin === 'promote' ? `${path}@${version}!` : `${path}@${version}`
}

/** What its content takes as a string, which is one byte for each character only if all are below U+0100. Unit: bytes. */
function bytesOf({ content, sizeBytes }: Release): number {
  return sizeBytes === content.length ? content.length : 2 * content.length
}
