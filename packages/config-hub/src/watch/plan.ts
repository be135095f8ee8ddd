import type { WatchTarget } from '../watches.ts'
import { filePath, groupPath } from '../keys.ts'
import type { FileKey, GroupKey } from '../model.ts'

/** What is watched of a group besides files that are named. */
export interface GroupPlan {
  readonly key: GroupKey
  readonly prefixes: PrefixSet
}

/** What is watched, nothing of it twice. */
export interface WatchPlan {
  readonly files: readonly FileKey[]
  readonly groups: readonly GroupPlan[]
}

/** Sorts out what is wanted twice: whoever watches a group is told of each file once, even if he names some of them. */
export function planOf(targets: readonly WatchTarget[]): WatchPlan {
  const groups = new Map<string, { readonly key: GroupKey; readonly prefixes: string[] }>()
  const files = new Map<string, FileKey>()
  for (const { namespace, group, file, prefix = '' } of targets) {
    if (file !== undefined) {
      const key = { namespace, group, file }
      files.set(filePath(key), key)
      continue
    }
    const key = { namespace, group }
    const path = groupPath(key)
    const planned = groups.get(path)
    if (planned === undefined) groups.set(path, { key, prefixes: [prefix] })
    else planned.prefixes.push(prefix)
  }
  const plans = new Map(
    Array.from(groups, ([path, { key, prefixes }]) => [path, { key, prefixes: new PrefixSet(prefixes) }]),
  )
  return {
    files: [...files.values()].filter((key) => plans.get(groupPath(key))?.prefixes.covers(key.file) !== true),
    groups: [...plans.values()],
  }
}

/** Begins of names. */
export class PrefixSet {
  /** In order. Invariant: none begins with another. */
  readonly #prefixes: readonly string[]

  constructor(prefixes: readonly string[]) {
    const kept: string[] = []
    for (const prefix of [...prefixes].sort()) {
      const before = kept.at(-1)
      if (before === undefined || !prefix.startsWith(before)) kept.push(prefix)
    }
    this.#prefixes = kept
  }

  /** Whether a name begins with one of them. */
  covers(name: string): boolean {
    const prefixes = this.#prefixes
    // Whatever is between a begin of the name and the name in this order begins with it, too; so only the last before it can be one.
    let [low, high] = [0, prefixes.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const here = prefixes[middle]
      if (here !== undefined && here <= name) low = middle + 1
      else high = middle
    }
    const before = prefixes[low - 1]
    return before !== undefined && name.startsWith(before)
  }
}
