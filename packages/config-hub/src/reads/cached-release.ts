import type { StoredContent } from '../codec.ts'
import type { Release, ReleaseInfo } from '../model.ts'

/** A content that somebody may want to read. */
export interface ContentRef {
  /** Of the file, as `filePath` makes it. */
  readonly path: string
  /** Undefined: there is none. */
  readonly info: ReleaseInfo | undefined
  /** Where it is, or was, in memory. Written by the cache only. */
  slot: CachedRelease | undefined
}

/** A place in the cache. */
export class CachedRelease {
  readonly key: string
  /** What it counts as. Unit: bytes. */
  readonly bytes: number
  /** Undefined: nobody has opened it yet, or it has left the memory. */
  release: Release | undefined
  /** As it stands in the store. */
  sealed: StoredContent<ReleaseInfo> | undefined
  /** Somebody has read it since anybody looked here. */
  isUsed: boolean
  /** When somebody looked here last and it had been used. Unit: ms, monotonic. */
  usedMs: number

  constructor(key: string, bytes: number, usedMs: number) {
    this.key = key
    this.bytes = bytes
    this.release = undefined
    this.sealed = undefined
    this.isUsed = false
    this.usedMs = usedMs
  }
}
