import { isPlain, type ShownInstance } from './shown-instance.ts'

/** An application: the instances of one name. It exists as long as it has one. */
export class AppView {
  /** In upper case. */
  readonly name: string
  readonly members = new Map<string, ShownInstance>()
  /** Another one with each change of it. */
  generation = 0
  /** Members whose service is not the name in lower case. */
  #others = 0

  constructor(name: string) {
    this.name = name
  }

  put(key: string, shown: ShownInstance): void {
    if (!this.members.has(key) && !isPlain(shown.instance.service)) this.#others++
    this.members.set(key, shown)
  }

  delete(key: string, shown: ShownInstance): void {
    if (this.members.delete(key) && !isPlain(shown.instance.service)) this.#others--
  }

  find(id: string): ShownInstance | undefined {
    const plain = this.members.get(id)
    if (plain !== undefined || this.#others === 0) return plain
    for (const shown of this.members.values()) if (shown.instance.id === id) return shown
    return undefined
  }
}
