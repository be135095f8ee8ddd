import type { ShownInstance } from './view/shown-instance.ts'

/** How much a {@link DeltaLog} remembers. */
export interface DeltaLimits {
  /** Unit: ms. */
  readonly expireMs: number
  /** Unit: instances. */
  readonly maxItems: number
}

/** What changed in an application. */
export interface AppChanges {
  readonly app: string
  /**
   * Those that are there still, then those that are gone: a client that does not know the application takes it as a
   * whole, and goes by the last that it reads of an instance.
   */
  readonly shown: readonly ShownInstance[]
}

interface Entry {
  readonly shown: ShownInstance
  readonly atMs: number
}

/** The last change of each instance that changed lately. Times are of the monotonic clock, in ms. */
export class DeltaLog {
  readonly #limits: DeltaLimits
  readonly #released: (shown: ShownInstance) => void
  /** The oldest first. */
  readonly #entries = new Map<string, Entry>()
  /** Until when changes are missing because there were too many. */
  #incompleteUntilMs = -Infinity
  /** Another one with each difference. */
  generation = 0

  /** @param released told of what nobody will read any more, of instances that are gone */
  constructor(limits: DeltaLimits, released: (shown: ShownInstance) => void) {
    this.#limits = limits
    this.#released = released
  }

  get size(): number {
    return this.#entries.size
  }

  add(shown: ShownInstance, atMs: number): void {
    const key = `${shown.app}\n${shown.memberKey}`
    const previous = this.#entries.get(key)
    if (previous !== undefined) this.#forget(key, previous)
    this.#entries.set(key, { shown, atMs })
    this.generation++
    this.trim(atMs)
    while (this.#entries.size > this.#limits.maxItems) {
      const oldest = this.#forgetOldest()
      if (oldest !== undefined) this.#incompleteUntilMs = oldest.atMs + this.#limits.expireMs
    }
  }

  /** Forgets what is too old. */
  trim(nowMs: number): void {
    const sinceMs = nowMs - this.#limits.expireMs
    for (const [key, entry] of this.#entries) {
      if (entry.atMs > sinceMs) return
      this.#forget(key, entry)
      this.generation++
    }
  }

  /** Whether everything is known that happened lately. */
  isComplete(nowMs: number): boolean {
    return nowMs >= this.#incompleteUntilMs
  }

  /** In order of their changes. */
  *instances(): Iterable<ShownInstance> {
    for (const { shown } of this.#entries.values()) yield shown
  }

  /** In order of the names of applications. */
  changes(): readonly AppChanges[] {
    const apps = new Map<string, { live: ShownInstance[]; gone: ShownInstance[] }>()
    for (const { shown } of this.#entries.values()) {
      let app = apps.get(shown.app)
      if (app === undefined) apps.set(shown.app, (app = { live: [], gone: [] }))
      const list = shown.actionType === 'DELETED' ? app.gone : app.live
      list.push(shown)
    }
    return [...apps]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([app, { live, gone }]) => ({ app, shown: [...live, ...gone] }))
  }

  #forgetOldest(): Entry | undefined {
    for (const [key, entry] of this.#entries) {
      this.#forget(key, entry)
      return entry
    }
    return undefined
  }

  #forget(key: string, { shown }: Entry): void {
    this.#entries.delete(key)
    if (shown.actionType === 'DELETED') this.#released(shown)
  }
}
