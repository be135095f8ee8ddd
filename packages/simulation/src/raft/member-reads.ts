import { invariant } from '@orrery/environment'
import type { Raft, ReadState } from '@orrery/raft'
import type { MemberState } from './member-disk.ts'
import type { RaftWorld } from './raft-world.ts'

/** A read that somebody waits for. */
export interface MemberRead {
  readonly key: string
  readonly answer: (value: number) => void
  readonly refuse: () => void
}

interface WaitingRead extends MemberRead {
  /** Undefined until the core has answered. */
  index: number | undefined
  /** What was committed anywhere when the read was asked for. */
  readonly committedIndex: number
}

/** The linearizable reads of one process. */
export class MemberReads {
  readonly #world: RaftWorld
  readonly #reads = new Map<number, WaitingRead>()

  constructor(world: RaftWorld) {
    this.#world = world
  }

  get size(): number {
    return this.#reads.size
  }

  /** False: nobody to ask. */
  ask(raft: Raft, read: MemberRead): boolean {
    const context = this.#world.nextContext()
    const { committedIndex } = this.#world.invariants
    const { ok } = raft.readIndex(context)
    if (ok) this.#reads.set(context, { ...read, index: undefined, committedIndex })
    return ok
  }

  confirmed({ context, index }: ReadState): void {
    const read = this.#reads.get(context)
    invariant(read !== undefined && read.index === undefined, 'a read that was asked for is confirmed, once')
    invariant(
      index >= read.committedIndex,
      `stale read: confirmed at ${index}, but ${read.committedIndex} was committed before it was asked`,
    )
    read.index = index
  }

  dropped(context: number): void {
    const read = this.#reads.get(context)
    invariant(read !== undefined, 'a read that was asked for is dropped, once')
    this.#reads.delete(context)
    this.#world.counters.droppedReads++
    read.refuse()
  }

  /** Answers what this state is new enough for. */
  answer({ index, registers }: MemberState): void {
    for (const [context, read] of this.#reads) {
      if (read.index === undefined || read.index > index) continue
      this.#reads.delete(context)
      read.answer(registers.values[Number(read.key)] ?? 0)
    }
  }
}
