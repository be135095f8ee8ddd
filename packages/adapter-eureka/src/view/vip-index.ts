import type { ShownInstance } from './shown-instance.ts'

/** The instances that have one vip address. */
export interface VipGroup {
  readonly members: Set<ShownInstance>
  /** Another one with each change of it. */
  generation: number
  /** The store revision of its last change. */
  revision: number
}

/** Instances by the elements of their vip addresses: exact, with upper and lower case. */
export class VipIndex {
  readonly #groups = new Map<string, VipGroup>()

  get(vip: string): VipGroup | undefined {
    return this.#groups.get(vip)
  }

  add(vips: readonly string[], shown: ShownInstance, mark: Mark): void {
    for (const vip of vips) {
      let group = this.#groups.get(vip)
      if (group === undefined) this.#groups.set(vip, (group = { members: new Set(), ...mark }))
      group.members.add(shown)
      Object.assign(group, mark)
    }
  }

  remove(vips: readonly string[], shown: ShownInstance, mark: Mark): void {
    for (const vip of vips) {
      const group = this.#groups.get(vip)
      if (group === undefined) continue
      group.members.delete(shown)
      Object.assign(group, mark)
      if (group.members.size === 0) this.#groups.delete(vip)
    }
  }
}

/** When something changed. */
export interface Mark {
  readonly generation: number
  readonly revision: number
}
