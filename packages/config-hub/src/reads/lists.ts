import type { Page, PageRequest } from '../calls.ts'
import type { FileQuery } from '../config-hub.ts'
import type { ConfigFile, Group, Metadata } from '../model.ts'
import { checkFileQuery, checkPage } from '../validate/queries.ts'
import type { ConfigView } from '../view/config-view.ts'
import type { GroupEntry } from '../view/group-entry.ts'

/** A part of a list that is gone through from the begin. */
class Window<Item> {
  readonly #begin: number
  readonly #end: number
  readonly #items: Item[] = []
  #total = 0

  constructor({ offset, limit }: { readonly offset: number; readonly limit: number }) {
    this.#begin = offset
    this.#end = offset + limit
  }

  get page(): Page<Item> {
    return { items: this.#items, total: this.#total }
  }

  /** Takes the next one. */
  add(item: Item): void {
    if (this.#total >= this.#begin && this.#total < this.#end) this.#items.push(item)
    this.#total++
  }

  /** Takes the next ones, of which only those are made that are wanted. */
  addMany(count: number, at: (nth: number) => Item | undefined): void {
    const first = Math.max(0, this.#begin - this.#total)
    const end = Math.min(count, this.#end - this.#total)
    for (let nth = first; nth < end; nth++) {
      const item = at(nth)
      if (item !== undefined) this.#items.push(item)
    }
    this.#total += count
  }
}

/** As `Groups.list`. @throws ConfigError `CONFIG_INVALID` */
export function listGroups(
  view: ConfigView,
  query: PageRequest & { readonly namespace?: string | undefined } = {},
): Page<Group> {
  const window = new Window<Group>(checkPage(query))
  for (const namespace of query.namespace === undefined ? view.namespaces : [query.namespace]) {
    const names = view.groupNames(namespace)
    window.addMany(names.length, (nth) => view.group({ namespace, group: names[nth] ?? '' })?.record)
  }
  return window.page
}

/** As `Files.list`. @throws ConfigError `CONFIG_INVALID` */
export function listFiles(view: ConfigView, query: FileQuery = {}): Page<ConfigFile> {
  checkFileQuery(query)
  const { prefix = '', tags, released } = query
  const window = new Window<ConfigFile>(checkPage(query))
  for (const home of groupsOf(view, query)) {
    const { sorted } = home.names
    const [begin, end] = prefix === '' ? [0, sorted.length] : home.names.range(prefix)
    const at = (nth: number): ConfigFile | undefined =>
      home.files.get(sorted[begin + nth] ?? '')?.record?.file
    if (tags === undefined && released === undefined) window.addMany(end - begin, at)
    else {
      for (let nth = 0; nth < end - begin; nth++) {
        const file = at(nth)
        if (file !== undefined && fits(file, { tags, released })) window.add(file)
      }
    }
  }
  return window.page
}

/** In order of namespace and name. */
function* groupsOf(view: ConfigView, { namespace, group }: FileQuery): Iterable<GroupEntry> {
  for (const space of namespace === undefined ? view.namespaces : [namespace]) {
    for (const name of group === undefined ? view.groupNames(space) : [group]) {
      const home = view.group({ namespace: space, group: name })
      if (home !== undefined) yield home
    }
  }
}

function fits(
  { tags, release, gray }: ConfigFile,
  wanted: { readonly tags: Metadata | undefined; readonly released: boolean | undefined },
): boolean {
  const { released } = wanted
  if (released !== undefined && released !== (release !== undefined || gray !== undefined)) return false
  if (wanted.tags === undefined) return true
  return Object.entries(wanted.tags).every(([key, value]) => Object.hasOwn(tags, key) && tags[key] === value)
}
