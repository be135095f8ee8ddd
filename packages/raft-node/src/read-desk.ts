import type { ReadState } from '@orrery/raft'
import { NodeError } from './errors.ts'
import { type Waiter, withoutExpired } from './waiters.ts'

/** Somebody who wants to read what is newest. */
interface Reader extends Waiter {
  readonly resolve: (index: number) => void
}

interface Round {
  readonly readers: readonly Reader[]
  readonly askedMs: number
}

/**
 * Linearizable reads that wait for the index from which on they may be answered. Those of one turn share one
 * question to the leader. A question that was not answered is asked again under a new context: a late answer
 * must confirm nothing but what was asked before it. etcd issue 20418.
 */
export class ReadDesk {
  #nextContext: number
  #waiting: Reader[] = []
  /** Whose question nobody could answer: they wait for better times. */
  #dropped: Reader[] = []
  readonly #rounds = new Map<number, Round>()

  /** @param firstContext unique in the life of the member: contexts count on from here */
  constructor(firstContext: number) {
    this.#nextContext = firstContext
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  get size(): number {
    let size = this.#waiting.length + this.#dropped.length
    for (const { readers } of this.#rounds.values()) size += readers.length
    return size
  }

  add(reader: Reader): void {
    this.#waiting.push(reader)
  }

  /** The context to ask under for all who wait. */
  ask(nowMs: number): number {
    const context = this.#nextContext++
    this.#rounds.set(context, { readers: this.#waiting, askedMs: nowMs })
    this.#waiting = []
    return context
  }

  /** The question could not be asked, or nobody will answer it. */
  dropped(context: number): void {
    const round = this.#rounds.get(context)
    if (round === undefined) return
    this.#rounds.delete(context)
    this.#dropped.push(...round.readers)
  }

  answered({ context, index }: ReadState): void {
    const round = this.#rounds.get(context)
    if (round === undefined) return
    this.#rounds.delete(context)
    for (const { resolve } of round.readers) resolve(index)
  }

  /** Questions that were dropped, or asked before `askedBeforeMs`, are to be asked again. */
  retry(askedBeforeMs: number): void {
    for (const [context, { askedMs }] of this.#rounds) if (askedMs <= askedBeforeMs) this.dropped(context)
    this.#waiting = [...this.#dropped.splice(0), ...this.#waiting]
  }

  expire(nowMs: number): void {
    const late = (): NodeError => new NodeError('NODE_TIMED_OUT', 'no leader confirmed the read in time')
    this.#waiting = withoutExpired(this.#waiting, nowMs, late)
    this.#dropped = withoutExpired(this.#dropped, nowMs, late)
    for (const [context, round] of this.#rounds) {
      const readers = withoutExpired(round.readers, nowMs, late)
      if (readers.length === 0) this.#rounds.delete(context)
      else if (readers.length < round.readers.length) this.#rounds.set(context, { ...round, readers })
    }
  }

  rejectAll(error: Error): void {
    const readers = [...this.#rounds.values()].flatMap((round) => round.readers)
    for (const { reject } of [...readers, ...this.#waiting, ...this.#dropped.splice(0)]) reject(error)
    this.#rounds.clear()
    this.#waiting = []
  }
}
