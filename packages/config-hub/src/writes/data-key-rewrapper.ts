import type { KeyValue } from '@orrery/mvcc'
import type { Store } from '@orrery/store'
import { decodeContent, decodeFile, type DraftHead, encodeContent, encodeFile } from '../codec.ts'
import type { CallOptions } from '../calls.ts'
import { endOf } from '../keys.ts'
import type { ReleaseInfo } from '../model.ts'
import type { WrappedKey } from '../ports.ts'
import type { ConfigWriter } from './config-writer.ts'
import { isAt } from './file-batch.ts'
import type { FileContents } from './file-contents.ts'

/** What a rewrapper works with. */
export interface DataKeyRewrapperParts {
  readonly store: Pick<Store, 'get' | 'range' | 'txn'>
  /** Under which all keys stand. */
  readonly prefix: string
  readonly contents: FileContents
  readonly writer: Pick<ConfigWriter, 'between'>
  /** Resolves when a revision of the store is seen here. */
  readonly reached: (revision: number, options: CallOptions) => Promise<void>
}

/** Keys of one read. They come without their values. */
const pageMaxKeys = 200

/** A value whose data key was wrapped anew. */
type Rewritten = string | Uint8Array | undefined

/**
 * Wraps data keys anew. Contents and what is said of them stay as they are, so this is no write that the trail would know of. It goes through
 * everything that is there: what is written meanwhile is wrapped with the present key anyway.
 */
export class DataKeyRewrapper {
  readonly #parts: DataKeyRewrapperParts

  constructor(parts: DataKeyRewrapperParts) {
    this.#parts = parts
  }

  /** @returns how many data keys were wrapped anew @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED` */
  async run({ signal }: CallOptions = {}): Promise<number> {
    const { store, prefix, reached } = this.#parts
    const files = `${prefix}live/files/`
    let count = 0
    let revision = 0
    for await (const { keyString } of keysOf(store, { from: files, limit: pageMaxKeys, signal })) {
      const path = keyString.slice(files.length)
      const pass = new FilePass(this.#parts, path, signal)
      await this.#parts.writer.between(path, () => pass.run())
      count += pass.rewrapped
      revision = Math.max(revision, pass.revision)
    }
    await reached(revision, { signal })
    return count
  }
}

/** Goes through one file. A data key that stands at several places is wrapped once. */
class FilePass {
  readonly #parts: DataKeyRewrapperParts
  readonly #path: string
  readonly #signal: AbortSignal | undefined
  /** By what they were wrapped as. Undefined: they need not be. */
  readonly #keys = new Map<string, WrappedKey | undefined>()
  /** Of the last write. */
  revision = 0

  constructor(parts: DataKeyRewrapperParts, path: string, signal: AbortSignal | undefined) {
    this.#parts = parts
    this.#path = path
    this.#signal = signal
  }

  /** Data keys that were wrapped anew. */
  get rewrapped(): number {
    return [...this.#keys.values()].filter((key) => key !== undefined).length
  }

  async run(): Promise<void> {
    const { prefix, store } = this.#parts
    const path = this.#path
    const keys: (WrappedKey | undefined)[] = []
    await this.#rewrite(`${prefix}live/files/${path}`, async (kv) => {
      const { file, dataKey } = decodeFile(path, kv)
      keys.push(dataKey)
      const key = await this.#rewrap(dataKey)
      return key && encodeFile({ file, dataKey: key })
    })
    // Once something of a file was encrypted, it has a data key for ever.
    if (keys.at(-1) === undefined) return
    await this.#rewrite(`${prefix}drafts/${path}`, (kv) => this.#rewriteContent(kv))
    const from = `${prefix}live/releases/${path}/`
    for await (const { keyString } of keysOf(store, { from, limit: pageMaxKeys, signal: this.#signal })) {
      await this.#rewrite(keyString, (kv) => this.#rewriteContent(kv))
    }
  }

  async #rewriteContent({ value }: KeyValue): Promise<Rewritten> {
    const { head, dataKey, content } = decodeContent<DraftHead | ReleaseInfo>(value)
    const key = await this.#rewrap(dataKey)
    return key && encodeContent({ head, dataKey: key, content })
  }

  /** @returns undefined: it need not be, or there is none */
  async #rewrap(dataKey: WrappedKey | undefined): Promise<WrappedKey | undefined> {
    if (dataKey === undefined) return undefined
    const name = `${dataKey.keyId} ${Buffer.from(dataKey.bytes).toString('base64')}`
    if (!this.#keys.has(name)) this.#keys.set(name, await this.#parts.contents.codec.rewrap(dataKey))
    return this.#keys.get(name)
  }

  /** Changes a value, until nobody is faster. */
  async #rewrite(key: string, rewrite: (kv: KeyValue) => Promise<Rewritten>): Promise<void> {
    const { store } = this.#parts
    const signal = this.#signal
    for (;;) {
      signal?.throwIfAborted()
      const kv = await store.get(key, { signal })
      const value = kv && (await rewrite(kv))
      if (kv === undefined || value === undefined) return
      const { succeeded, revision } = await store.txn(
        { compare: [isAt(key, kv.modRevision)], success: [{ type: 'put', key, value }] },
        { signal },
      )
      if (!succeeded) continue
      this.revision = revision
      return
    }
  }
}

/** Keys below a prefix, in order, whatever becomes of them meanwhile. */
async function* keysOf(
  store: Pick<Store, 'range'>,
  {
    from,
    limit,
    signal,
  }: { readonly from: string; readonly limit: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<KeyValue> {
  const range = { rangeEnd: endOf(from), limit, keysOnly: true } as const
  let key = from
  for (;;) {
    const { kvs, more } = await store.range({ ...range, key }, { signal })
    yield* kvs
    const last = kvs.at(-1)
    if (!more || last === undefined) return
    key = `${last.keyString}\0`
  }
}
