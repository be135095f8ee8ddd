import { invariant, InvariantError } from '@orrery/environment'
import type { KeyValue, WatchEvent } from '@orrery/mvcc'
import type { PrefixFollowerTarget } from '@orrery/store'
import {
  decodeGone,
  decodeGroup,
  fileRecordOf,
  type FileRecord,
  parseFile,
  releasesOf,
  type SeenReleases,
  type StoredValue,
} from '../codec.ts'
import { releaseKey } from '../keys.ts'
import type { FileKey, Group, GroupKey } from '../model.ts'
import type { ContentRef } from '../reads/cached-release.ts'
import { FileEntry } from './file-entry.ts'
import type { GroupEntry } from './group-entry.ts'
import { parseLiveKey } from './live-key.ts'
import type { ReleaseLine } from './release-line.ts'
import { interned, isReleased, show } from './show.ts'
import { detached, Tree } from './tree.ts'

/** Who has to know what the view takes in. */
export interface ViewListener {
  /**
   * What is seen of a file has changed, or its latest version has: both decide what is told. Everything else of its revision is in already.
   */
  changed(entry: FileEntry): void
  /** Everything up to a revision is in, and everybody was told. */
  moved(revision: number): void
  /**
   * The content of what is seen now has come along with it, and is likely to be read: somebody watches, or has read the last one.
   *
   * @throws Error it is no content
   */
  offered(line: ContentRef, value: Uint8Array): void
  /** Something stands in the store that no hub wrote. It is left out. */
  unreadable(key: string, error: unknown): void
  /** The store is not followed any more. */
  failed(error: unknown): void
}

/** What one revision brings, while it is gathered. */
interface Gathered {
  /** Of which something else is seen. */
  readonly changed: Set<FileEntry>
  /** Those of them that somebody watches or reads. */
  readonly wanted: Set<FileEntry>
  /** Releases that came along, by their key without the prefix. */
  readonly contents: Map<string, KeyValue>
}

/**
 * What the keys below `live/` say, folded: it takes events in the order of their revisions, and is the same on every member that has
 * taken the same ones.
 */
export class ConfigView implements PrefixFollowerTarget {
  readonly #prefix: string
  readonly #listener: ViewListener
  readonly #tree = new Tree()
  /** Unit: files that exist. */
  files = 0
  /** Files of which somebody sees something. */
  released = 0
  /** Everything up to this revision of the store is in. */
  revision = 0

  /** @param prefix of the hub; ends with a slash */
  constructor(prefix: string, listener: ViewListener) {
    this.#prefix = prefix
    this.#listener = listener
  }

  /** Unit: groups that exist. */
  get groups(): number {
    return this.#tree.groups
  }

  /** Namespaces that have groups, in order. Not to be kept: it changes. */
  get namespaces(): readonly string[] {
    return this.#tree.namespaces
  }

  /** Groups of a namespace that exist, in order. Not to be kept: it changes. */
  groupNames(namespace: string): readonly string[] {
    return this.#tree.groupNames(namespace)
  }

  group(key: GroupKey): GroupEntry | undefined {
    return this.#tree.group(key)
  }

  file({ namespace, group, file }: FileKey): FileEntry | undefined {
    return this.#tree.at(namespace)?.get(group)?.files.get(file)
  }

  record(key: FileKey): FileRecord | undefined {
    return this.file(key)?.record
  }

  /** Whether there is such a group. */
  hasGroup(key: GroupKey): boolean {
    return this.group(key)?.record !== undefined
  }

  /** All groups that exist or are watched. */
  groupEntries(): Iterable<GroupEntry> {
    return this.#tree.all()
  }

  /** An entry for a name that need not exist. Without {@link ConfigView.releaseFile} it stays for ever. */
  holdFile(key: FileKey): FileEntry {
    const entry = this.#entry(key)
    entry.holds++
    return entry
  }

  /** Undoes {@link ConfigView.holdFile}. */
  releaseFile(entry: FileEntry): void {
    entry.holds--
    if (entry.isIdle) this.#forget(entry)
  }

  /** An entry for a name that need not exist. It has to be watched, or released. */
  holdGroup(key: GroupKey): GroupEntry {
    return this.#tree.ensure(key)
  }

  /** Forgets a group that nobody needs. */
  releaseGroup(home: GroupEntry): void {
    if (home.watchers === undefined) home.forgetChanges()
    if (home.isIdle) this.#tree.remove(home)
  }

  load(kvs: readonly KeyValue[]): void {
    const gathered = newGathered()
    for (const kv of kvs) this.#put(kv, gathered)
  }

  loaded(revision: number): void {
    this.progressed(revision)
  }

  fold(events: readonly WatchEvent[], revision: number): void {
    const gathered = newGathered()
    for (const { type, kv } of events) if (type === 'put') this.#put(kv, gathered)
    for (const { type, kv } of events) {
      if (type === 'delete') this.#delete(this.#nameOf(kv.keyString), revision, gathered)
    }
    this.#tell(gathered, revision)
  }

  progressed(revision: number): void {
    this.revision = revision
    this.#listener.moved(revision)
  }

  replace(kvs: readonly KeyValue[], revision: number): void {
    const gathered = newGathered()
    const present = new Set(kvs.map(({ keyString }) => this.#nameOf(keyString)))
    for (const kv of kvs) this.#put(kv, gathered)
    for (const name of this.#names()) if (!present.has(name)) this.#delete(name, revision, gathered)
    this.#tell(gathered, revision)
  }

  failed(error: unknown): void {
    this.#listener.failed(error)
  }

  /** Nobody outside sees a part of a revision. */
  #tell({ changed, wanted, contents }: Gathered, revision: number): void {
    this.revision = revision
    for (const entry of wanted) {
      this.#offer(entry.full, contents)
      if (entry.gray !== undefined) this.#offer(entry.gray, contents)
    }
    for (const entry of changed) {
      this.#listener.changed(entry)
      if (entry.isIdle) this.#forget(entry)
    }
    this.#listener.moved(revision)
  }

  #offer(line: ReleaseLine, contents: Gathered['contents']): void {
    if (line.info === undefined) return
    const kv = contents.get(releaseKey(line.path, line.info.version))
    if (kv === undefined) return
    try {
      this.#listener.offered(line, kv.value)
    } catch (error) {
      if (error instanceof InvariantError) throw error
      this.#listener.unreadable(kv.keyString, error)
    }
  }

  /** Names of all that is known, as keys are, without the prefix. */
  #names(): readonly string[] {
    const names: string[] = []
    for (const home of this.#tree.all()) {
      if (home.record !== undefined) names.push(`live/groups/${home.path}`)
      for (const entry of home.files.values()) {
        if (entry.record !== undefined) names.push(`live/files/${entry.path}`)
        if (entry.gone !== undefined) names.push(`live/gone/${entry.path}`)
      }
    }
    return names
  }

  #nameOf(key: string): string {
    invariant(key.startsWith(this.#prefix), 'a watch gives what it watches')
    return key.slice(this.#prefix.length)
  }

  #put(kv: KeyValue, gathered: Gathered): void {
    const name = this.#nameOf(kv.keyString)
    try {
      const place = parseLiveKey(name)
      if (place?.type === 'group') this.#putGroup(place.key, decodeGroup(place.path, kv))
      else if (place?.type === 'file') this.#putFile(place.key, kv, gathered)
      else if (place?.type === 'gone') this.#putGone(place.key, kv, gathered)
      else if (place?.type === 'release') gathered.contents.set(name, kv)
    } catch (error) {
      if (error instanceof InvariantError) throw error
      this.#listener.unreadable(this.#prefix + name, error)
    }
  }

  #putGroup(key: GroupKey, group: Group): void {
    this.#tree.setRecord(this.#tree.ensure(key), group)
  }

  #putFile(key: FileKey, kv: StoredValue, { changed, wanted }: Gathered): void {
    const known = this.file(key)
    if (known?.record?.file.revision === kv.modRevision) return
    const stored = parseFile(kv.value)
    const entry = known ?? this.#entry(key)
    const { latestVersion } = entry
    if (entry.record === undefined) {
      this.files++
      // Before it exists, it would be found twice.
      entry.home.names.add(entry.name)
    }
    if (isWanted(entry)) wanted.add(entry)
    const said = releasesOf(stored)
    const seen: SeenReleases = {
      release: interned(entry.full.info, said.release),
      gray: interned(entry.gray?.info, said.gray),
    }
    const revision = kv.modRevision
    entry.record = fileRecordOf(stored, seen, { path: entry.path, key: entry.key, revision })
    const isNew = this.#show(entry, seen, revision)
    if (isNew || entry.latestVersion !== latestVersion) changed.add(entry)
  }

  #putGone(key: FileKey, { value, modRevision }: StoredValue, { changed }: Gathered): void {
    const { latestVersion: version } = decodeGone(value)
    const entry = this.#entry(key)
    const { latestVersion } = entry
    entry.gone = { version, revision: modRevision }
    if (entry.latestVersion !== latestVersion) changed.add(entry)
  }

  #delete(name: string, revision: number, { changed }: Gathered): void {
    let place: ReturnType<typeof parseLiveKey>
    try {
      place = parseLiveKey(name)
    } catch {
      // What could not be read when it was put is not here.
      return
    }
    if (place === undefined || place.type === 'release') return
    if (place.type === 'group') {
      const home = this.group(place.key)
      if (home === undefined) return
      this.#tree.setRecord(home, undefined)
      this.releaseGroup(home)
      return
    }
    const entry = this.file(place.key)
    if (entry === undefined) return
    if (place.type === 'gone') entry.gone = undefined
    else if (this.#deleteFile(entry, revision)) changed.add(entry)
  }

  /** @returns whether something else may have to be told now */
  #deleteFile(entry: FileEntry, revision: number): boolean {
    const { latestVersion } = entry
    if (entry.record === undefined) return false
    entry.record = undefined
    entry.home.names.remove(entry.name)
    this.files--
    const isNew = this.#show(entry, { release: undefined, gray: undefined }, revision)
    return isNew || entry.latestVersion !== latestVersion
  }

  /** @returns whether something else is seen now */
  #show(entry: FileEntry, seen: SeenReleases, revision: number): boolean {
    const wasReleased = isReleased(entry)
    const isNew = show(entry, seen, revision)
    this.released += Number(isReleased(entry)) - Number(wasReleased)
    return isNew
  }

  #forget({ home, name }: FileEntry): void {
    home.files.delete(name)
    this.releaseGroup(home)
  }

  #entry(key: FileKey): FileEntry {
    const home = this.#tree.ensure(key)
    let entry = home.files.get(key.file)
    if (entry === undefined) {
      entry = new FileEntry(home, detached(key.file))
      home.files.set(entry.name, entry)
    }
    return entry
  }
}

function newGathered(): Gathered {
  return { changed: new Set(), wanted: new Set(), contents: new Map() }
}

/** What nobody reads should take nobody's place in memory. */
function isWanted({ watchers, home, full, gray }: FileEntry): boolean {
  if (watchers !== undefined || home.watchers !== undefined) return true
  return full.slot?.isUsed === true || gray?.slot?.isUsed === true
}
