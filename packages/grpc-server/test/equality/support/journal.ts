/** One thing that was seen: its name, or its name and what came with it. */
export type Entry = string | readonly [event: string, value: unknown]

/** What somebody saw, in the order in which it was seen. Others may wait for it. */
export class Journal {
  readonly entries: Entry[] = []
  readonly #counts = new Map<string, number>()
  readonly #waiting = new Set<() => void>()

  note(event: string, value?: unknown): void {
    this.entries.push(value === undefined ? event : [event, value])
    this.#counts.set(event, this.count(event) + 1)
    for (const check of this.#waiting) check()
  }

  count(event: string): number {
    return this.#counts.get(event) ?? 0
  }

  /** Resolves once the event was seen, or seen so many times. */
  heard(event: string, times = 1): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.count(event) < times) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
      check()
    })
  }
}
