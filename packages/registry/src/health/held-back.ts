import type { ResolvedRegistryOptions } from '../options.ts'
import type { InstanceEntry } from '../view/instance-entry.ts'
import type { View } from '../view/view.ts'

/** Instances whose removal is held back, since too many others are expired at the same time. */
export class HeldBack {
  readonly #view: View
  readonly #options: ResolvedRegistryOptions['protection']
  /** Since when. Unit: ms of the health clock. */
  readonly #since = new Map<InstanceEntry, number>()

  constructor(view: View, options: ResolvedRegistryOptions['protection']) {
    this.#view = view
    this.#options = options
  }

  /** Unit: instances. */
  get size(): number {
    return this.#since.size
  }

  /** Whether an instance stays for now. Who was held back for the longest time that is allowed does not. */
  holds(entry: InstanceEntry, nowMs: number): boolean {
    const options = this.#options
    if (!this.#view.gauge.isAlarming(options) && !entry.service.gauge.isAlarming(options)) return false
    const sinceMs = this.#since.get(entry) ?? nowMs
    this.#since.set(entry, sinceMs)
    return nowMs - sinceMs < options.maxMs
  }

  /** An instance is not to be removed any more, or is removed. */
  forget(entry: InstanceEntry): void {
    this.#since.delete(entry)
  }
}
