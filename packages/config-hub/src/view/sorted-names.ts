/** Names in order, for lists: they are sorted when somebody asks first, and from then on kept in order. */
export class SortedNames {
  readonly #all: () => Iterable<string>
  #sorted: string[] | undefined
  /** Unit: names. */
  size = 0

  /** @param all every name that was added, once, in whatever order */
  constructor(all: () => Iterable<string>) {
    this.#all = all
    this.#sorted = undefined
  }

  /** A name came that was not there. */
  add(name: string): void {
    this.size++
    const sorted = this.#sorted
    if (sorted !== undefined) sorted.splice(placeOf(sorted, name), 0, name)
  }

  /** A name went that was there. */
  remove(name: string): void {
    this.size--
    const sorted = this.#sorted
    if (sorted !== undefined) sorted.splice(placeOf(sorted, name), 1)
  }

  /** All of them. Not to be kept: it changes. */
  get sorted(): readonly string[] {
    return (this.#sorted ??= [...this.#all()].sort())
  }

  /** Where those are that begin so, in {@link sorted}: from the first to before the second. */
  range(prefix: string): readonly [begin: number, end: number] {
    const { sorted } = this
    const begin = placeOf(sorted, prefix)
    let [low, high] = [begin, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sorted[middle]?.startsWith(prefix) === true) low = middle + 1
      else high = middle
    }
    return [begin, low]
  }
}

/** Where a name is in a list, or would be. */
function placeOf(list: readonly string[], name: string): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const here = list[middle]
    if (here !== undefined && here < name) low = middle + 1
    else high = middle
  }
  return low
}
