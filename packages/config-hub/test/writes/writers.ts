import { systemEnvironment } from '@orrery/environment/system'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import type { Store } from '@orrery/store'
import { expect } from 'vitest'
import { AuditIds } from '../../src/audit/audit-id.ts'
import { decodeFile, decodeGroup, type FileRecord } from '../../src/codec.ts'
import type { ContentCheck } from '../../src/content-checks.ts'
import { checkContent } from '../../src/contents/check-content.ts'
import type { ContentCodec, ContentPlace } from '../../src/encryption/ports.ts'
import type { AuditQuery, AuditTrail } from '../../src/config-hub.ts'
import { ConfigError } from '../../src/errors.ts'
import { endOf, filePath, groupPath } from '../../src/keys.ts'
import type { AuditEntry, FileKey, Group, GroupKey } from '../../src/model.ts'
import { configHubDefaults } from '../../src/options.ts'
import type { WrappedKey } from '../../src/ports.ts'
import { createAuditTrail } from '../../src/audit/audit-trail.ts'
import { type AuditNote, decodeRecord, recordOps } from '../../src/audit/audit-record.ts'
import { ConfigWriter, type ConfigWriterOptions } from '../../src/writes/config-writer.ts'
import { FileContents } from '../../src/writes/file-contents.ts'
import type { SeenState } from '../../src/writes/file-state.ts'

/** Under which the hub of a test keeps its keys. */
export const prefix = 'config/'

/** A file to write. */
export const key: FileKey = { namespace: 'default', group: 'shop', file: 'app.txt' }

/** What a member has seen: whatever the store has when a revision is waited for, unless it is held back. */
export class SeenStore implements SeenState {
  readonly #store: Store
  #files = new Map<string, FileRecord>()
  #groups = new Map<string, Group>()
  #revision = 0
  #reading: Promise<void> | undefined
  /** It hears of nothing any more. */
  isHeld = false

  constructor(store: Store) {
    this.#store = store
  }

  record(file: FileKey): FileRecord | undefined {
    return this.#files.get(filePath(file))
  }

  hasGroup(group: GroupKey): boolean {
    return this.#groups.has(groupPath(group))
  }

  group(path: string): Group | undefined {
    return this.#groups.get(path)
  }

  readonly reached = async (revision: number): Promise<void> => {
    while (!this.isHeld && revision > this.#revision) await (this.#reading ??= this.read())
  }

  /** Takes what the store has now. */
  async read(): Promise<void> {
    const { revision } = this.#store.status()
    const files = await this.#area('live/files/')
    this.#files = new Map(files.map((kv) => [kv.path, decodeFile(kv.path, kv)]))
    const groups = await this.#area('live/groups/')
    this.#groups = new Map(groups.map((kv) => [kv.path, decodeGroup(kv.path, kv)]))
    this.#revision = revision
    this.#reading = undefined
  }

  async #area(
    area: string,
  ): Promise<readonly { readonly path: string; readonly value: Uint8Array; readonly modRevision: number }[]> {
    const from = prefix + area
    const { kvs } = await this.#store.range({ key: from, rangeEnd: endOf(from) })
    return kvs.map(({ keyString, value, modRevision }) => ({
      path: keyString.slice(from.length),
      value,
      modRevision,
    }))
  }
}

/** A writer on a store, as one member has it. */
export interface TestWriter {
  readonly writer: ConfigWriter
  readonly seen: SeenStore
  readonly contents: FileContents
  readonly environment: ManualEnvironment
  readonly ids: AuditIds
}

let members = 0

/** Makes a writer. */
export function createWriter(
  store: Store,
  {
    codec = plainOnly,
    environment = createManualEnvironment(++members),
    validateContents = true,
    ...options
  }: Partial<ConfigWriterOptions> & {
    readonly codec?: ContentCodec
    readonly environment?: ManualEnvironment
    readonly validateContents?: boolean
  } = {},
): TestWriter {
  const seen = new SeenStore(store)
  const contents = new FileContents({ store, prefix, codec })
  const ids = new AuditIds(environment.random)
  const { reached } = seen
  const check: ContentCheck = (content, format) => {
    if (validateContents) checkContent(content, format)
    return undefined
  }
  const writer = new ConfigWriter(
    { store, environment, seen, contents, check, ids, reached },
    { ...configHubDefaults, ...options },
  )
  return { writer, seen, contents, environment, ids }
}

/** Counts what is asked of a store. */
export function counted(store: Store): { readonly store: Store; readonly calls: Record<string, number> } {
  const calls: Record<string, number> = {}
  const proxy = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1
        return Reflect.apply(member, target, args)
      }
    },
  })
  return { store: proxy, calls }
}

/** What the trail has, in the order of ids. */
export async function trailOf(store: Store): Promise<readonly AuditEntry[]> {
  const from = `${prefix}audit/all/`
  const { kvs } = await store.range({ key: from, rangeEnd: endOf(from) })
  return kvs
    .flatMap((kv) => decodeRecord(kv.keyString.slice(from.length), kv).toReversed())
    .map(({ entry }) => entry)
    .reverse()
}

/** Puts records of files that nobody wrote into the trail. */
export async function fillTrail(
  store: Store,
  { records, atMs }: { readonly records: number; readonly atMs: number },
): Promise<void> {
  const parts = { prefix, ids: new AuditIds(createManualEnvironment(records).random) }
  for (let n = 0; n < records; n++) {
    const note: AuditNote = {
      ...{ subject: `n/g/f${n}`, action: 'draftSaved', version: undefined, beforeRevision: 0 },
      ...{ author: { actor: '', reason: '' }, place: { atMs, order: 0 }, previous: undefined },
    }
    await store.txn({ success: recordOps(parts, [note]) })
  }
}

/** Reads the trail of a store. */
export function createTrail(store: Store): AuditTrail {
  const { clock } = systemEnvironment()
  return createAuditTrail({ store, clock, prefix, ensureOpen: () => undefined })
}

/** All slices of a query. */
export async function readAll(trail: AuditTrail, query: AuditQuery): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = []
  let after: string | undefined
  do {
    const slice = await trail.list({ ...query, after })
    expect(slice.items.length).toBeLessThanOrEqual(query.limit ?? 100)
    entries.push(...slice.items)
    after = slice.next
  } while (after !== undefined)
  return entries
}

/** A hub without keys. */
export const plainOnly: ContentCodec = {
  newDataKey: missing,
  seal: missing,
  open: missing,
  rewrap: missing,
}

function missing(): Promise<never> {
  return Promise.reject(new ConfigError('CONFIG_KEYS_MISSING', 'the hub has no keys'))
}

/** Seals so that a test can look inside: the place and the key stand before the content, backwards. */
export class FakeCodec implements ContentCodec {
  /** With what keys are wrapped now. */
  keyId = 'one'
  #keys = 0

  newDataKey(): Promise<WrappedKey> {
    return Promise.resolve({ keyId: this.keyId, bytes: Buffer.from(`key ${++this.#keys}`) })
  }

  seal(plain: Uint8Array, place: ContentPlace, dataKey: WrappedKey): Promise<Uint8Array> {
    return Promise.resolve(Buffer.concat([Buffer.from(headOf(place, dataKey)), Buffer.from(plain).reverse()]))
  }

  open(sealed: Uint8Array, place: ContentPlace, dataKey: WrappedKey): Promise<Uint8Array> {
    const head = headOf(place, dataKey)
    const bytes = Buffer.from(sealed)
    if (bytes.subarray(0, head.length).toString() === head) {
      return Promise.resolve(bytes.subarray(head.length).reverse())
    }
    return Promise.reject(new ConfigError('CONFIG_DECRYPTION_FAILED', `it does not begin with ${head}`))
  }

  rewrap({ keyId, bytes }: WrappedKey): Promise<WrappedKey | undefined> {
    return Promise.resolve(keyId === this.keyId ? undefined : { keyId: this.keyId, bytes })
  }
}

function headOf({ path, at }: ContentPlace, { bytes }: WrappedKey): string {
  return `${path}|${at}|${Buffer.from(bytes).toString()}|`
}
