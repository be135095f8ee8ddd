import { groupPath } from '../keys.ts'
import type { Group, GroupKey } from '../model.ts'
import type { Watchers } from '../watch/watchers.ts'
import type { FileEntry } from './file-entry.ts'
import { SortedNames } from './sorted-names.ts'

/** A name of a group, as this member knows it. It exists for names that are only asked for, too. */
export class GroupEntry implements GroupKey {
  readonly namespace: string
  readonly group: string
  /** As `groupPath` makes it. */
  readonly path: string
  record: Group | undefined
  /** By name: those that exist, those that are gone, and those that are only asked for. */
  readonly files = new Map<string, FileEntry>()
  /** Of the files that exist. */
  readonly names: SortedNames
  /** Who watches the group, or what begins so in it. Undefined: nobody. */
  watchers: Watchers | undefined
  /**
   * Of the files that have changed while somebody watched, that which did last; the others follow from it, each once. So nobody who
   * watches a group needs a list of what has changed for him: he goes back to where he was.
   */
  newest: FileEntry | undefined

  constructor({ namespace, group }: GroupKey) {
    this.namespace = namespace
    this.group = group
    this.path = groupPath(this)
    this.record = undefined
    this.names = new SortedNames(() => this.#existing())
    this.watchers = undefined
    this.newest = undefined
  }

  /** Nobody would miss it. */
  get isIdle(): boolean {
    return this.record === undefined && this.files.size === 0 && this.watchers === undefined
  }

  /** A file of it has changed. @param at higher than for any before */
  touch(entry: FileEntry, at: number): void {
    this.#unlink(entry)
    entry.changedAt = at
    entry.older = this.newest
    if (this.newest !== undefined) this.newest.newer = entry
    this.newest = entry
  }

  /** Nobody watches any more. */
  forgetChanges(): void {
    let entry = this.newest
    this.newest = undefined
    while (entry !== undefined) {
      const { older } = entry
      entry.changedAt = 0
      entry.newer = undefined
      entry.older = undefined
      if (entry.isIdle) this.files.delete(entry.name)
      entry = older
    }
  }

  *#existing(): Iterable<string> {
    for (const { record, name } of this.files.values()) if (record !== undefined) yield name
  }

  #unlink(entry: FileEntry): void {
    const { newer, older } = entry
    if (newer !== undefined) newer.older = older
    else if (this.newest === entry) this.newest = older
    if (older !== undefined) older.newer = newer
    entry.newer = undefined
  }
}
