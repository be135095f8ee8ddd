/** How a list is made of what there is. */
export interface ListingParts<Item> {
  /**
   * Negative: `a` comes first. 0 only where both have the same place: one that went, and one that came after it.
   * It never changes for the same two.
   */
  readonly compare: (a: Item, b: Item) => number
  /** Whether an item is there, and is one of those that are listed. */
  readonly fits: (item: Item) => boolean
}

/** Of more changes than this part of a list, it is better made anew. */
const rebuildRatio = 8

/**
 * Some of many items, in order. What changes is only noted, and looked at when somebody reads: changes that take nothing
 * in or out cost nothing then, all others together one copy of the list, without sorting it.
 */
export class Listing<Item> {
  readonly #parts: ListingParts<Item>
  #items: readonly Item[]
  readonly #touched = new Set<Item>()

  /** @param items those that fit, in order */
  constructor(parts: ListingParts<Item>, items: readonly Item[]) {
    this.#parts = parts
    this.#items = items
  }

  /**
   * An item came, changed or went.
   *
   * @returns false: too much has changed, and a list that is made anew costs less than this one
   */
  touch(item: Item): boolean {
    this.#touched.add(item)
    return this.#touched.size * rebuildRatio <= this.#items.length
  }

  /** Those that fit now, in order. */
  items(): readonly Item[] {
    if (this.#touched.size > 0) this.#catchUp()
    return this.#items
  }

  #catchUp(): void {
    const { compare, fits } = this.#parts
    const gone = new Set<Item>()
    const come: Item[] = []
    for (const item of this.#touched) {
      const isListed = this.#items[placeOf(item, this.#items, compare)] === item
      if (isListed === fits(item)) continue
      if (isListed) gone.add(item)
      else come.push(item)
    }
    this.#touched.clear()
    if (gone.size > 0) this.#items = this.#items.filter((item) => !gone.has(item))
    if (come.length > 0) this.#items = merge(this.#items, come.sort(compare), compare)
  }
}

/** Where an item is in a list, or would be. */
function placeOf<Item>(item: Item, list: readonly Item[], compare: ListingParts<Item>['compare']): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const here = list[middle]
    if (here !== undefined && compare(here, item) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** Both in order. Most of it is copying: comparisons are few where few come. */
function merge<Item>(
  list: readonly Item[],
  come: readonly Item[],
  compare: ListingParts<Item>['compare'],
): readonly Item[] {
  const merged = new Array<Item>(list.length + come.length)
  const places = come.map((item) => placeOf(item, list, compare))
  come.forEach((item, nth) => {
    merged[(places[nth] ?? 0) + nth] = item
  })
  let before = 0
  list.forEach((item, at) => {
    while (places[before] === at) before++
    merged[at + before] = item
  })
  return merged
}
