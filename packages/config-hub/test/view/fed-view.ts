import { createHash } from 'node:crypto'
import { KeyValue, type WatchEvent } from '@orrery/mvcc'
import {
  encodeContent,
  encodeFile,
  encodeGone,
  encodeGroup,
  type FileRecord,
  type StoredContent,
} from '../../src/codec.ts'
import { filePath, groupPath, releaseKey } from '../../src/keys.ts'
import type {
  ConfigFile,
  FileKey,
  GrayRule,
  Group,
  GroupKey,
  Metadata,
  ReleaseInfo,
  ReleaseOrigin,
} from '../../src/model.ts'
import type { ConfigView } from '../../src/view/config-view.ts'

/** The prefix of all keys in these tests. */
export const prefix = 'config/'

/** One revision of a store. */
export interface FedRevision {
  readonly revision: number
  readonly events: readonly WatchEvent[]
}

/** What is given of a release. */
export interface FedRelease {
  readonly content: string
  readonly tags?: Metadata
  readonly encrypted?: boolean
}

/** An event of a store, as its watch gives it. */
export function putEvent(key: string, value: string | Uint8Array, revision: number): WatchEvent {
  return { type: 'put', kv: new KeyValue(recordOf(key, revision, value)) }
}

/** A deletion, as a watch gives it. */
export function deleteEvent(key: string, revision: number): WatchEvent {
  return { type: 'delete', kv: new KeyValue(recordOf(key, revision)) }
}

/** The message `mvccpb.KeyValue`: fields 1 (key), 3 (mod_revision) and 5 (value). */
function recordOf(key: string, revision: number, value?: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(key)
  const field = (tag: number, content: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([tag, ...varint(content.length)]), content])
  const parts = [field(0x0a, bytes), Buffer.from([0x18, ...varint(revision)])]
  if (value !== undefined) parts.push(field(0x2a, Buffer.from(value)))
  return Buffer.concat(parts)
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 0x80))]
}

/** Contents that look encrypted: reversed. */
export function unsealed({ content }: StoredContent<ReleaseInfo>): Uint8Array {
  return Uint8Array.from(content).reverse()
}

/**
 * Writes as the hub does, one revision after another, and keeps what it wrote: a member takes it later, or not yet. It holds the plain
 * rules of releases, with nothing that makes them fast.
 */
export class Feeder {
  readonly revisions: FedRevision[] = []
  readonly #files = new Map<string, ConfigFile>()
  readonly #gone = new Map<string, number>()
  readonly #contents = new Map<string, Uint8Array>()
  readonly #groups = new Set<string>()

  get revision(): number {
    return this.revisions.at(-1)?.revision ?? 1
  }

  /** Everything that stands in the store now, as it would be read. */
  get state(): readonly KeyValue[] {
    const byKey = new Map<string, KeyValue>()
    for (const { events } of this.revisions) {
      for (const { type, kv } of events) {
        if (type === 'put') byKey.set(kv.keyString, kv)
        else byKey.delete(kv.keyString)
      }
    }
    return [...byKey.values()].filter(({ keyString }) => !keyString.includes('live/releases/'))
  }

  file(key: FileKey): ConfigFile | undefined {
    return this.#files.get(filePath(key))
  }

  /** A release, as it stands in the store. */
  read(path: string, version: number): Uint8Array | undefined {
    return this.#contents.get(releaseKey(path, version))
  }

  /** Releases that are too old are deleted. */
  forget(key: FileKey, version: number): void {
    this.#contents.delete(releaseKey(filePath(key), version))
  }

  group(key: GroupKey): void {
    const path = groupPath(key)
    if (this.#groups.has(path)) return
    this.#groups.add(path)
    const group: Group = {
      ...{ ...key, comment: '', business: '', department: '', metadata: {} },
      ...{ createdAtMs: 0, changedAtMs: 0, revision: 0 },
    }
    this.#commit([{ key: `live/groups/${path}`, value: encodeGroup(group) }])
  }

  deleteGroup(key: GroupKey): void {
    this.#groups.delete(groupPath(key))
    this.#commit([{ key: `live/groups/${groupPath(key)}` }])
  }

  /** A draft: nobody sees anything of it. */
  save(key: FileKey, changes: Partial<ConfigFile> = {}): void {
    this.#write(key, { ...this.#fileOf(key), hasDraft: true, ...changes }, [])
  }

  publish(key: FileKey, spec: FedRelease): void {
    const file = this.#fileOf(key)
    const release = this.#release(file, 1, { ...spec, origin: 'publish' })
    this.#write(key, { ...file, release: release.info, latestVersion: file.latestVersion + 1 }, [release])
  }

  grayPublish(key: FileKey, spec: FedRelease & { readonly rule: GrayRule }): void {
    const file = this.#fileOf(key)
    const release = this.#release(file, 1, { ...spec, origin: 'gray' })
    const gray = { ...release.info, rule: spec.rule }
    this.#write(key, { ...file, gray, latestVersion: file.latestVersion + 1 }, [release])
  }

  changeRule(key: FileKey, rule: GrayRule): void {
    const file = this.#fileOf(key)
    if (file.gray === undefined) return
    const added: StoredContent<ReleaseInfo>[] = []
    let { latestVersion, release } = file
    if (release !== undefined) {
      const restated = this.#restated(file, release, ++latestVersion)
      added.push(restated)
      release = restated.head
    }
    const gray = this.#restated(file, file.gray, ++latestVersion)
    added.push(gray)
    const seen = { release, gray: { ...gray.head, rule } }
    this.#write(
      key,
      { ...file, ...seen, latestVersion },
      added.map((stored) => ({ info: stored.head, stored })),
    )
  }

  promote(key: FileKey): void {
    const file = this.#fileOf(key)
    if (file.gray === undefined) return
    const release: ReleaseInfo & { rule?: unknown } = { ...file.gray, origin: 'promote' }
    delete release.rule
    this.#write(key, { ...file, release, gray: undefined }, [])
  }

  stop(key: FileKey): void {
    const file = this.#fileOf(key)
    if (file.gray === undefined) return
    if (file.release === undefined) {
      this.#write(key, { ...file, gray: undefined }, [])
      return
    }
    const latestVersion = file.latestVersion + 1
    const stored = this.#restated(file, file.release, latestVersion)
    const seen = { release: stored.head, gray: undefined }
    this.#write(key, { ...file, ...seen, latestVersion }, [{ info: stored.head, stored }])
  }

  withdraw(key: FileKey): void {
    this.#write(key, { ...this.#fileOf(key), release: undefined }, [])
  }

  delete(key: FileKey): void {
    const path = filePath(key)
    const file = this.#files.get(path)
    if (file === undefined) return
    this.#files.delete(path)
    this.#gone.set(path, file.latestVersion)
    this.#commit([
      { key: `live/files/${path}` },
      {
        key: `live/gone/${path}`,
        value: encodeGone({ latestVersion: file.latestVersion, deletedAtMs: file.changedAtMs }),
      },
    ])
  }

  /** Something that concerns no file. */
  other(): void {
    this.#commit([])
  }

  /** What a client sees of a file in its present state. */
  seen(key: FileKey, matches: (rule: GrayRule) => boolean): ReleaseInfo | undefined {
    const file = this.file(key)
    return file?.gray !== undefined && matches(file.gray.rule) ? file.gray : file?.release
  }

  #fileOf(key: FileKey): ConfigFile {
    const path = filePath(key)
    return (
      this.#files.get(path) ?? {
        ...{ ...key, format: 'text', comment: '', tags: {}, encrypted: false, hasDraft: false },
        ...{ latestVersion: this.#gone.get(path) ?? 0, release: undefined, gray: undefined },
        ...{ createdAtMs: 0, changedAtMs: 0, revision: 0 },
      }
    )
  }

  #release(
    file: ConfigFile,
    ahead: number,
    { content, tags = {}, encrypted = false, origin }: FedRelease & { readonly origin: ReleaseOrigin },
  ): { readonly info: ReleaseInfo; readonly stored: StoredContent<ReleaseInfo> } {
    const version = file.latestVersion + ahead
    const plain = Buffer.from(content)
    const bytes = encrypted ? plain.reverse() : plain
    const info: ReleaseInfo = {
      ...{ version, name: `v${version}`, md5: createHash('md5').update(bytes).digest('hex') },
      ...{ sizeBytes: bytes.length, format: 'text', tags, comment: '', encrypted, origin },
      ...{ from: undefined, releasedAtMs: 0, actor: '', reason: '' },
    }
    const dataKey = encrypted ? { keyId: 'k', bytes: new Uint8Array(1) } : undefined
    return { info, stored: { head: info, dataKey, content: bytes } }
  }

  #restated(file: ConfigFile, { version: from }: ReleaseInfo, version: number): StoredContent<ReleaseInfo> {
    const value = this.read(filePath(file), from)
    if (value === undefined) throw new Error('what is restated is there')
    const end = value.indexOf(10)
    const head = JSON.parse(Buffer.from(value.subarray(0, end)).toString()) as ReleaseInfo & {
      readonly dataKey?: unknown
    }
    const { dataKey, ...info } = head
    return {
      head: { ...info, version, origin: 'restate', from: info.from ?? from, name: `v${version}` },
      dataKey: dataKey === undefined ? undefined : { keyId: 'k', bytes: new Uint8Array(1) },
      content: value.slice(end + 1),
    }
  }

  #write(
    key: FileKey,
    file: ConfigFile,
    releases: readonly { readonly info: ReleaseInfo; readonly stored: StoredContent<ReleaseInfo> }[],
  ): void {
    const path = filePath(key)
    this.#files.set(path, file)
    const record: Pick<FileRecord, 'file' | 'dataKey'> = { file, dataKey: undefined }
    const puts = releases.map(({ info, stored }) => {
      const name = releaseKey(path, info.version)
      const value = encodeContent(stored)
      this.#contents.set(name, value)
      return { key: name, value }
    })
    const gone = this.#gone.delete(path) ? [{ key: `live/gone/${path}` }] : []
    this.#commit([...puts, { key: `live/files/${path}`, value: encodeFile(record) }, ...gone])
  }

  #commit(ops: readonly { readonly key: string; readonly value?: string | Uint8Array }[]): void {
    const revision = this.revision + 1
    const events = ops.map(({ key, value }) =>
      value === undefined ? deleteEvent(prefix + key, revision) : putEvent(prefix + key, value, revision),
    )
    this.revisions.push({ revision, events })
  }
}

/** Takes what was written up to a revision, as a follower does. */
export function takeUpTo(view: ConfigView, feeder: Feeder, revision: number): void {
  for (const fed of feeder.revisions) {
    if (fed.revision <= view.revision || fed.revision > revision) continue
    if (fed.events.length > 0) view.fold(fed.events, fed.revision)
    view.progressed(fed.revision)
  }
}
