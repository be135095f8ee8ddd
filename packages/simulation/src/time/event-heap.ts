import type { Timer } from '@orrery/environment'

/** Something that happens at a point of virtual time. */
export class ScheduledEvent implements Timer {
  /** Unit: whole µs. */
  atUs: number
  /** Breaks ties: what was scheduled first happens first. */
  sequence: number
  /** Which node it happens to; -1: the harness. */
  readonly owner: number
  /** The incarnation of the node it was meant for. */
  readonly incarnation: number
  /** Undefined: cancelled, or done. */
  run: (() => void) | undefined

  constructor(
    when: { readonly atUs: number; readonly sequence: number },
    owner: number,
    incarnation: number,
    run: () => void,
  ) {
    this.atUs = when.atUs
    this.sequence = when.sequence
    this.owner = owner
    this.incarnation = incarnation
    this.run = run
  }

  cancel(): void {
    this.run = undefined
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && a.sequence < b.sequence)
}

/** A binary heap of events, earliest first. */
export class EventHeap {
  readonly #events: ScheduledEvent[] = []

  get size(): number {
    return this.#events.length
  }

  peek(): ScheduledEvent | undefined {
    return this.#events[0]
  }

  push(event: ScheduledEvent): void {
    const events = this.#events
    let at = events.length
    events.push(event)
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = events[parentAt]
      if (parent === undefined || !isBefore(event, parent)) break
      events[at] = parent
      at = parentAt
    }
    events[at] = event
  }

  pop(): ScheduledEvent | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (last === undefined || last === first) return first
    const size = events.length
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      let child = events[childAt]
      if (childAt >= size || child === undefined) break
      const right = events[childAt + 1]
      if (right !== undefined && isBefore(right, child)) {
        childAt++
        child = right
      }
      if (!isBefore(child, last)) break
      events[at] = child
      at = childAt
    }
    events[at] = last
    return first
  }
}
