import type { KeyValue } from '@orrery/mvcc'
import { decodeCheckerRecord } from '../health/checker-record.ts'
import { createRing, type Ring, type RingMember } from '../health/ring.ts'

/** The members that check health, and the ring that they share the work by. */
export class CheckerMembers {
  readonly #members = new Map<string, RingMember>()
  #ring: Ring = createRing([], 0)

  /** At the revision of the youngest: the same on all that see the same members. */
  get ring(): Ring {
    return this.#ring
  }

  names(): Iterable<string> {
    return this.#members.keys()
  }

  /** Takes the record of a member. What is none is left out. */
  put(name: string, { value, createRevision }: KeyValue): void {
    const record = decodeCheckerRecord(value)
    if (record === undefined) return
    this.#members.set(name, { name, address: record.address, createRevision })
    this.#changed()
  }

  delete(name: string): void {
    if (this.#members.delete(name)) this.#changed()
  }

  #changed(): void {
    const members = [...this.#members.values()]
    this.#ring = createRing(members, Math.max(0, ...members.map(({ createRevision }) => createRevision)))
  }
}
