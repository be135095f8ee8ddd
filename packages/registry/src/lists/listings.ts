import type { Clock, Timer } from '@orrery/environment'
import { pageOf } from '../filters.ts'
import type { Page, PageRequest } from '../registry.ts'
import { Listing } from './listing.ts'

/** What lists are made of. */
export interface ListingsParts<Item, Query> {
  readonly clock: Clock
  /** The same for queries for parts of the same list. */
  readonly nameOf: (query: Query) => string
  /** All that fit, in order. */
  readonly all: (query: Query) => readonly Item[]
  /** Whether an item is there, and fits. */
  readonly fits: (item: Item, query: Query) => boolean
  /** The order of all lists. See {@link ListingParts}. */
  readonly compare: (a: Item, b: Item) => number
}

/** Lists that are kept at a time; that which was not read for longest goes first. */
const keptMaxListings = 4
/** How long a list is kept from its last page on; until it is noticed, at most twice that. Unit: ms. */
const keptForMs = 5_000

interface Kept<Item> {
  readonly listing: Listing<Item>
  readonly readMs: number
}

/**
 * Long lists, page by page. The first page of a list finds and sorts all that it has. As long as pages of it are read,
 * the list is kept, which is a reference to each item, and the next ones only cut out theirs. What fits into one page is
 * never kept.
 */
export class Listings<Item, Query extends PageRequest> {
  readonly #parts: ListingsParts<Item, Query>
  /** By name; the one that was read last comes last. */
  readonly #kept = new Map<string, Kept<Item>>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(parts: ListingsParts<Item, Query>) {
    this.#parts = parts
  }

  /** Lists that are kept now. */
  get kept(): number {
    return this.#kept.size
  }

  /**
   * @param query not changed any more by whoever made it
   * @throws RegistryError `REGISTRY_INVALID`: offset or limit is out of its range
   */
  page(query: Query): Page<Item> {
    // What is wrong with it is said before anything is sorted.
    pageOf([], query)
    const name = this.#parts.nameOf(query)
    const listing = this.#kept.get(name)?.listing ?? this.#make(query)
    const page = pageOf(listing.items(), query)
    if (page.items.length < page.total) this.#keep(name, listing)
    return page
  }

  /** An item came, changed or went. */
  touch(item: Item): void {
    if (this.#kept.size === 0) return
    for (const [name, { listing }] of this.#kept) if (!listing.touch(item)) this.#kept.delete(name)
  }

  /** From now on nothing is kept. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#kept.clear()
  }

  #make(query: Query): Listing<Item> {
    const { compare, fits, all } = this.#parts
    return new Listing({ compare, fits: (item) => fits(item, query) }, all(query))
  }

  #keep(name: string, listing: Listing<Item>): void {
    if (this.#isClosed) return
    const { clock } = this.#parts
    this.#kept.delete(name)
    this.#kept.set(name, { listing, readMs: clock.nowMs() })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > keptMaxListings && oldest !== undefined) this.#kept.delete(oldest)
    this.#timer ??= clock.setTimer(keptForMs, this.#forget)
  }

  readonly #forget = (): void => {
    const { clock } = this.#parts
    const nowMs = clock.nowMs()
    for (const [name, { readMs }] of this.#kept) if (nowMs - readMs >= keptForMs) this.#kept.delete(name)
    this.#timer = this.#kept.size === 0 ? undefined : clock.setTimer(keptForMs, this.#forget)
  }
}
