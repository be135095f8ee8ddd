/** The reads that a follower handed to its leader, oldest first. */
export class ForwardedReads {
  #askedTick = new Map<number, number>()

  add(context: number, tick: number): void {
    this.#askedTick.set(context, tick)
  }

  /** Whether the answer is still waited for. */
  answer(context: number): boolean {
    return this.#askedTick.delete(context)
  }

  /** Gives up what was asked for at `tick` or before: question or answer got lost. */
  expire(tick: number): number[] {
    const contexts: number[] = []
    for (const [context, askedTick] of this.#askedTick) {
      if (askedTick > tick) break
      contexts.push(context)
    }
    for (const context of contexts) this.#askedTick.delete(context)
    return contexts
  }

  /** Gives up all. */
  clear(): number[] {
    const contexts = [...this.#askedTick.keys()]
    if (contexts.length > 0) this.#askedTick = new Map()
    return contexts
  }
}
