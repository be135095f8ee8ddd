import type { Store } from '@orrery/store'
import { decodeContent, decodeFile, type DraftHead, type StoredContent } from '../codec.ts'
import type { CallOptions, Slice, SliceRequest } from '../calls.ts'
import type { Files, Releases } from '../config-hub.ts'
import { filePath, releaseKey } from '../keys.ts'
import type { ConfigFile, Draft, FileKey, Release, ReleaseInfo } from '../model.ts'
import { releaseOf } from '../reads/release-of.ts'
import { checkFileKey } from '../validate/names.ts'
import { checkSlice, checkVersion, refuseAfter } from '../validate/queries.ts'
import { type FileContents, md5Of } from './file-contents.ts'
import { rangeOf } from './file-state.ts'
import { fileNotFound } from './moment.ts'

/** What a content history reads. */
export interface ContentHistoryParts {
  readonly store: Pick<Store, 'txn'>
  /** Under which all keys stand. */
  readonly prefix: string
  readonly contents: FileContents
}

/** Releases that are read at once: each comes with its content. */
const stepMaxReleases = 8

/**
 * What stands in the store of a file beside what everybody asks for: its draft, and what was ever released of it. It is read from this
 * member's state, where whoever wrote finds what he wrote.
 */
export class ContentHistory implements Pick<Files, 'draft'>, Pick<Releases, 'get' | 'history'> {
  readonly #parts: ContentHistoryParts

  constructor(parts: ContentHistoryParts) {
    this.#parts = parts
  }

  async draft(key: FileKey, options: CallOptions = {}): Promise<Draft | undefined> {
    checkFileKey(key)
    const { contents } = this.#parts
    const path = filePath(key)
    let missingVersion = 0
    for (;;) {
      const { file, draft } = await this.#current(key, options)
      if (draft !== undefined) {
        return draftOf(key, await contents.textOfDraft(path, draft), {
          releasedAs: undefined,
          encrypted: draft.dataKey !== undefined,
        })
      }
      const { latestVersion } = file
      // Of a file that was deleted and came back, none may be left.
      if (latestVersion === missingVersion) return undefined
      const newest = await contents.release(path, latestVersion, options)
      if (newest !== undefined) {
        const { encrypted } = newest.head
        const text = await contents.textOfRelease(path, newest)
        return draftOf(key, text, { releasedAs: latestVersion, encrypted })
      }
      // Newer ones may have come meanwhile, and this one may have become too old.
      missingVersion = latestVersion
    }
  }

  /** A file and its draft, both of one revision: a draft that is released meanwhile would be missed. */
  async #current(
    key: FileKey,
    { signal }: CallOptions,
  ): Promise<{ readonly file: ConfigFile; readonly draft: StoredContent<DraftHead> | undefined }> {
    const { store, prefix } = this.#parts
    const path = filePath(key)
    const { responses } = await store.txn(
      {
        success: [
          { type: 'range', key: `${prefix}live/files/${path}` },
          { type: 'range', key: `${prefix}drafts/${path}` },
        ],
      },
      { signal, serializable: true },
    )
    const [file, draft] = responses.map((response) => rangeOf(response).kvs[0])
    if (file === undefined) throw fileNotFound(key)
    return { file: decodeFile(path, file).file, draft: draft && decodeContent<DraftHead>(draft.value) }
  }

  async get(key: FileKey, version: number, options: CallOptions = {}): Promise<Release | undefined> {
    checkFileKey(key)
    checkVersion(version)
    const { contents } = this.#parts
    const path = filePath(key)
    const stored = await contents.release(path, version, options)
    return stored && releaseOf(key, stored.head, await contents.textOfRelease(path, stored))
  }

  async history(key: FileKey, request: SliceRequest = {}): Promise<Slice<ReleaseInfo>> {
    checkFileKey(key)
    const { after, limit } = checkSlice(request)
    const path = filePath(key)
    const items: ReleaseInfo[] = []
    // The versions that are not read yet are below this one.
    const given = after === undefined ? Infinity : versionOf(after)
    let below = Math.min(given, await this.#versionsEnd(path, request))
    while (below > 1 && items.length < limit) {
      const from = Math.max(1, below - Math.min(stepMaxReleases, limit - items.length))
      const { found, hasMore } = await this.#step(path, { from, below }, request)
      items.push(...found)
      if (!hasMore) below = 1
      else if (found.length > 0) below = from
      else below = await this.#releasesEnd(path, from, request)
    }
    return { items, next: below > 1 ? String(below) : undefined }
  }

  /** Above all versions of a file. */
  async #versionsEnd(path: string, { signal }: CallOptions): Promise<number> {
    const { store, prefix } = this.#parts
    const file = `${prefix}live/files/${path}`
    const { responses } = await store.txn(
      { success: [{ type: 'range', key: file }] },
      { signal, serializable: true },
    )
    const [kv] = rangeOf(responses[0]).kvs
    return kv === undefined ? 1 : decodeFile(path, kv).file.latestVersion + 1
  }

  /**
   * Above all releases that are there below a version, in one read: where the versions between are missing, however many, they are not
   * gone through.
   */
  async #releasesEnd(path: string, below: number, { signal }: CallOptions): Promise<number> {
    const { store, prefix } = this.#parts
    const releases = `${prefix}live/releases/${path}/`
    const rangeEnd = prefix + releaseKey(path, below)
    const { responses } = await store.txn(
      {
        success: [{ type: 'range', key: releases, rangeEnd, keysOnly: true, sortOrder: 'descend', limit: 1 }],
      },
      { signal, serializable: true },
    )
    const [kv] = rangeOf(responses[0]).kvs
    // Whatever else may stand there, it goes down from here.
    return kv === undefined ? 1 : Math.min(below, Number(kv.keyString.slice(releases.length)) + 1)
  }

  /** Reads some versions, the newest first, and whether there are older ones. */
  async #step(
    path: string,
    { from, below }: { readonly from: number; readonly below: number },
    { signal }: CallOptions,
  ): Promise<{ readonly found: readonly ReleaseInfo[]; readonly hasMore: boolean }> {
    const { store, prefix } = this.#parts
    const keyOf = (version: number): string => prefix + releaseKey(path, version)
    const { responses } = await store.txn(
      {
        success: [
          { type: 'range', key: keyOf(from), rangeEnd: keyOf(below) },
          { type: 'range', key: keyOf(0), rangeEnd: keyOf(from), countOnly: true },
        ],
      },
      { signal, serializable: true },
    )
    const [some, older] = responses.map(rangeOf)
    const found = (some?.kvs ?? []).map(({ value }) => decodeContent<ReleaseInfo>(value).head)
    return { found: found.reverse(), hasMore: (older?.count ?? 0) > 0 }
  }
}

function draftOf(
  { namespace, group, file }: FileKey,
  content: string,
  { releasedAs, encrypted }: Pick<Draft, 'releasedAs' | 'encrypted'>,
): Draft {
  return Object.freeze({ namespace, group, file, content, md5: md5Of(content), releasedAs, encrypted })
}

function versionOf(after: string): number {
  if (/^\d{1,16}$/.test(after) && Number.isSafeInteger(Number(after))) return Number(after)
  return refuseAfter()
}
