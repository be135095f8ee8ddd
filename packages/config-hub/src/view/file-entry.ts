import type { FileRecord } from '../codec.ts'
import { filePath } from '../keys.ts'
import type { ConfigClient, FileKey } from '../model.ts'
import type { Watchers } from '../watch/watchers.ts'
import type { GroupEntry } from './group-entry.ts'
import { type GrayLine, type ReleaseLine, unseen } from './release-line.ts'

/** What a deleted file left behind. */
export interface GoneFile {
  /** The last that was given for its name. */
  readonly version: number
  /** Of the store, at which it was written down. */
  readonly revision: number
}

/** A name of a file, as this member knows it. It exists for names that are only asked for, too. */
export class FileEntry {
  readonly home: GroupEntry
  readonly name: string
  #path: string | undefined
  record: FileRecord | undefined
  gone: GoneFile | undefined
  /** What everybody sees whom no gray release is for. */
  full: ReleaseLine
  gray: GrayLine | undefined
  /** Who watches this very file. Undefined: nobody. */
  watchers: Watchers | undefined
  /** Who needs the entry even if there is no such file. */
  holds: number
  /** When what is seen of it changed last, in the order of all files. 0: not since somebody has been watching its group. */
  changedAt: number
  /** Neighbours among those of the group that have changed: see {@link GroupEntry.newest}. */
  newer: FileEntry | undefined
  older: FileEntry | undefined

  constructor(home: GroupEntry, name: string) {
    this.home = home
    this.name = name
    this.#path = undefined
    this.record = undefined
    this.gone = undefined
    this.full = unseen
    this.gray = undefined
    this.watchers = undefined
    this.holds = 0
    this.changedAt = 0
    this.newer = undefined
    this.older = undefined
  }

  get key(): FileKey {
    const { namespace, group } = this.home
    return { namespace, group, file: this.name }
  }

  /** As `filePath` makes it. Names that are only asked for are many, and need none. */
  get path(): string {
    return (this.#path ??= filePath(this.key))
  }

  /** The highest version that was ever given for the name; 0: none. */
  get latestVersion(): number {
    return this.record?.file.latestVersion ?? this.gone?.version ?? 0
  }

  /** Nobody would miss it. */
  get isIdle(): boolean {
    return this.record === undefined && this.gone === undefined && this.holds === 0 && this.changedAt === 0
  }

  /** What a client sees. @param client as `toClient` gives it */
  lineFor(client: ConfigClient): ReleaseLine {
    const { gray } = this
    return gray !== undefined && gray.matches(client) ? gray : this.full
  }
}
