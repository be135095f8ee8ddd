import { WheelEntry } from './wheel-entry.ts'

/** 32, so that one integer tells which slots are occupied. */
export const slotsPerLevel = 32

/** 11 levels of 5 bits cover every safe integer of ticks. */
const levelCount = 11

/** One hand of the clock: 32 slots, each as wide as a full turn of the level below. */
export class Level {
  /** Bit `i` is set exactly when slot `i` holds an entry. */
  occupied = 0
  /** Width of one slot. Unit: ticks; a power of 32. */
  readonly spanTicks: number
  readonly slots: readonly Slot[]

  constructor(depth: number) {
    this.spanTicks = slotsPerLevel ** depth
    this.slots = Array.from({ length: slotsPerLevel }, (_, index) => new Slot(this, index))
  }

  /** Number of the slot-wide window that holds `tick`, counted from tick 0. */
  windowOf(tick: number): number {
    return Math.floor(tick / this.spanTicks)
  }

  /** First occupied window at or after `window`, which must not be more than one turn away. */
  firstOccupied(window: number): number | undefined {
    if (this.occupied === 0) return undefined
    const turn = window & (slotsPerLevel - 1)
    const rotated = (this.occupied >>> turn) | (this.occupied << (slotsPerLevel - turn))
    return window + 31 - Math.clz32(rotated & -rotated)
  }

  /** The slot of a window. Two windows share a slot when they are a full turn apart. */
  slotOf(window: number): Slot {
    // ToInt32 is arithmetic modulo 2^32, so the mask is right for windows far beyond 32 bits too.
    const slot = this.slots[window & (slotsPerLevel - 1)]
    if (slot === undefined) throw new RangeError('a masked index is inside the level')
    return slot
  }
}

/** Head of the circular list of one slot. It is not an entry that anybody scheduled. */
export class Slot extends WheelEntry {
  readonly #level: Level
  readonly #bit: number

  constructor(level: Level, index: number) {
    super()
    this.#level = level
    this.#bit = 1 << index
  }

  /** Appends an entry that is in no list. */
  append(entry: WheelEntry): void {
    const last = this.previous
    entry.next = this
    entry.previous = last
    last.next = entry
    this.previous = entry
    this.#level.occupied |= this.#bit
  }

  /** Called when the last entry has left. */
  vacated(): void {
    this.#level.occupied &= ~this.#bit
  }
}

export function createLevels(): readonly Level[] {
  return Array.from({ length: levelCount }, (_, depth) => new Level(depth))
}

/** Takes an entry out of whichever slot it is in, and tells whether it was in one. */
export function unlink(entry: WheelEntry): boolean {
  const { next, previous } = entry
  if (next === entry) return false
  previous.next = next
  next.previous = previous
  entry.next = entry
  entry.previous = entry
  // Both neighbours are the same only when the head of the list alone is left.
  if (next === previous && next instanceof Slot) next.vacated()
  return true
}
