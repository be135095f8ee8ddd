import { hash } from 'node:crypto'
import type { Store } from '@orrery/store'
import { decodeContent, type DraftHead, type StoredContent } from '../codec.ts'
import type { CallOptions } from '../calls.ts'
import { type ContentCodec, sealedVersion } from '../encryption/ports.ts'
import { releaseKey } from '../keys.ts'
import type { ReleaseInfo } from '../model.ts'
import { textOf } from '../reads/release-of.ts'

/** What contents are read from, and opened with. */
export interface FileContentsParts {
  readonly store: Pick<Store, 'get'>
  /** Under which all keys stand. */
  readonly prefix: string
  readonly codec: ContentCodec
}

/**
 * Contents of files as they stand in the store, and what they say.
 *
 * They are read from this member's state: it is never behind what it was asked for, since a record that points at a content comes with it
 * or after it. Whether it is still the right one is for the store to say, when it is written about.
 */
export class FileContents {
  readonly #parts: FileContentsParts

  constructor(parts: FileContentsParts) {
    this.#parts = parts
  }

  get codec(): ContentCodec {
    return this.#parts.codec
  }

  /** @returns undefined: there is none */
  async draft(path: string, { signal }: CallOptions = {}): Promise<StoredContent<DraftHead> | undefined> {
    const { store, prefix } = this.#parts
    const kv = await store.get(`${prefix}drafts/${path}`, { signal, serializable: true })
    return kv && decodeContent(kv.value)
  }

  /** @returns undefined: there is none */
  async release(
    path: string,
    version: number,
    { signal }: CallOptions = {},
  ): Promise<StoredContent<ReleaseInfo> | undefined> {
    const { store, prefix } = this.#parts
    const kv = await store.get(prefix + releaseKey(path, version), { signal, serializable: true })
    return kv && decodeContent(kv.value)
  }

  /** @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED` */
  async textOfDraft(path: string, { content, dataKey }: StoredContent<DraftHead>): Promise<string> {
    if (dataKey === undefined) return textOf(content)
    return textOf(await this.codec.open(content, { path, at: 'draft' }, dataKey))
  }

  /** @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED` */
  async textOfRelease(path: string, { head, content, dataKey }: StoredContent<ReleaseInfo>): Promise<string> {
    if (dataKey === undefined) return textOf(content)
    return textOf(await this.codec.open(content, { path, at: sealedVersion(head) }, dataKey))
  }
}

/** MD5 in hexadecimal digits; of text, of its UTF-8. */
export function md5Of(content: string | Uint8Array): string {
  return hash('md5', content, 'hex')
}
