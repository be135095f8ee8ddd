import { invariant } from '@orrery/environment'

/** A member that takes part in checking health. */
export interface RingMember {
  /** Unique in a ring. It alone decides where on the ring the member is. */
  readonly name: string
  /** Where others reach it. */
  readonly address: string
  /** The store revision at which its record was made. */
  readonly createRevision: number
}

/**
 * Who judges which instance. It depends on the names of the members alone, so that all who know the same members
 * agree. Who leaves gives up its own paths and moves no others; who comes takes paths over and moves no others.
 */
export interface Ring {
  /** Of this list of members: who has a greater one knows of a member that this list lacks. */
  readonly revision: number
  /** In order of name, by UTF-16 code units. */
  readonly members: readonly RingMember[]
  /** Who judges the instance of a path. Undefined: there are no members. */
  owner(path: string): RingMember | undefined
}

/** Places on the ring for each member: the more, the more even are the shares. */
const placesPerMember = 160

/**
 * FNV-1a over UTF-16 code units. Each bit of the result then depends on each bit of it (the finaliser of
 * MurmurHash3), without which names that differ in the last character would be neighbours.
 */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

class HashRing implements Ring {
  readonly revision: number
  readonly members: readonly RingMember[]
  /** Ends of the arcs, ascending: a path belongs to the first end at or after its hash. */
  readonly #ends: Uint32Array
  /** Position in `members` of who has the arc. */
  readonly #owners: Uint32Array

  constructor(members: readonly RingMember[], revision: number) {
    this.revision = revision
    this.members = members
    const places = members.flatMap(({ name }, owner) =>
      Array.from({ length: placesPerMember }, (_, n) => ({ end: hash(`${name}#${n}`), owner })),
    )
    // Two may share a place: the order of names decides then, as everywhere.
    places.sort((a, b) => a.end - b.end || a.owner - b.owner)
    this.#ends = Uint32Array.from(places, ({ end }) => end)
    this.#owners = Uint32Array.from(places, ({ owner }) => owner)
  }

  owner(path: string): RingMember | undefined {
    if (this.members.length <= 1) return this.members[0]
    return this.members[this.#owners[this.#placeOf(hash(path))] ?? 0]
  }

  #placeOf(point: number): number {
    let low = 0
    let high = this.#ends.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ends[middle] ?? 0) < point) low = middle + 1
      else high = middle
    }
    // Behind the last end the ring begins anew.
    return low === this.#ends.length ? 0 : low
  }
}

/**
 * Creates a ring. The order of `members` does not matter; their names have to be unique, or it is a bug.
 *
 * @param revision of the list, see {@link Ring.revision}
 */
export function createRing(members: readonly RingMember[], revision: number): Ring {
  const sorted = [...members].sort((a, b) => (a.name < b.name ? -1 : 1))
  sorted.forEach(({ name }, i) => {
    invariant(
      i === 0 || sorted[i - 1]?.name !== name,
      `the members of a ring have different names, got ${name} twice`,
    )
  })
  return new HashRing(sorted, revision)
}
