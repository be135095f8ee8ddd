import type { Group, GroupKey } from '../model.ts'
import { GroupEntry } from './group-entry.ts'
import { SortedNames } from './sorted-names.ts'

/** Groups of a namespace. */
interface Namespace {
  readonly groups: Map<string, GroupEntry>
  /** Of the groups that exist. */
  readonly names: SortedNames
}

/** Groups by namespace and name: those that exist, and those that are only asked for. */
export class Tree {
  readonly #namespaces = new Map<string, Namespace>()
  /** Of those that have groups that exist. */
  readonly #names = new SortedNames(() => this.#existing())
  /** Unit: groups that exist. */
  groups = 0

  get namespaces(): readonly string[] {
    return this.#names.sorted
  }

  groupNames(namespace: string): readonly string[] {
    return this.#namespaces.get(namespace)?.names.sorted ?? []
  }

  at(namespace: string): ReadonlyMap<string, GroupEntry> | undefined {
    return this.#namespaces.get(namespace)?.groups
  }

  group({ namespace, group }: GroupKey): GroupEntry | undefined {
    return this.#namespaces.get(namespace)?.groups.get(group)
  }

  *all(): Iterable<GroupEntry> {
    for (const { groups } of this.#namespaces.values()) yield* groups.values()
  }

  /** Makes an entry where there is none. */
  ensure(key: GroupKey): GroupEntry {
    const known = this.group(key)
    if (known !== undefined) return known
    let namespace = this.#namespaces.get(key.namespace)
    if (namespace === undefined) {
      const groups = new Map<string, GroupEntry>()
      namespace = { groups, names: new SortedNames(() => existing(groups)) }
      this.#namespaces.set(detached(key.namespace), namespace)
    }
    const entry = new GroupEntry({ namespace: detached(key.namespace), group: detached(key.group) })
    namespace.groups.set(entry.group, entry)
    return entry
  }

  /** Says what a group is; undefined: it does not exist. */
  setRecord(entry: GroupEntry, record: Group | undefined): void {
    const names = this.#namespaces.get(entry.namespace)?.names
    const existed = entry.record !== undefined
    entry.record = record
    if (names === undefined || existed === (record !== undefined)) return
    if (existed) {
      this.groups--
      names.remove(entry.group)
      if (names.size === 0) this.#names.remove(entry.namespace)
    } else {
      this.groups++
      if (names.size === 0) this.#names.add(entry.namespace)
      names.add(entry.group)
    }
  }

  /** Forgets an entry. */
  remove({ namespace, group }: GroupEntry): void {
    const groups = this.#namespaces.get(namespace)?.groups
    groups?.delete(group)
    if (groups?.size === 0) this.#namespaces.delete(namespace)
  }

  *#existing(): Iterable<string> {
    for (const [name, { names }] of this.#namespaces) if (names.size > 0) yield name
  }
}

function* existing(groups: ReadonlyMap<string, GroupEntry>): Iterable<string> {
  for (const { record, group } of groups.values()) if (record !== undefined) yield group
}

/** Shorter texts are copied anyway when they are cut out of a longer one. Unit: UTF-16 code units. */
const sharedMinLength = 13

/** The same text, but none that keeps alive the longer one it was cut out of: for what is kept for long. */
export function detached(text: string): string {
  return text.length < sharedMinLength ? text : Buffer.from(text).toString()
}
