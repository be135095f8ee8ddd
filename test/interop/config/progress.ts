/** Wakes those who wait until something is so. */
export class Progress {
  readonly #waiting = new Set<() => void>()

  /** Something has happened. */
  made(): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }
}
