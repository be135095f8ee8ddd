import { invariant } from '@orrery/environment'
import type { ResolvedForwarderOptions } from './forwarding-options.ts'

/** Beats of one batch. */
export interface BeatBatch {
  readonly beats: readonly string[]
  /** It is as large as it may be: more may wait. */
  readonly isFull: boolean
}

/** What {@link PendingBeats} goes by. */
export type PendingBeatsOptions = Pick<
  ResolvedForwarderOptions,
  'batchMaxBeats' | 'pendingMaxBeats' | 'beatLifeMs' | 'refusedRetryMs'
>

interface Refusal {
  /** When it was refused first. Unit: ms. */
  readonly sinceMs: number
  /** When it may be sent again; `Infinity`: it has been. Unit: ms. */
  readonly dueMs: number
}

/**
 * Beats that wait to be delivered to one member. It is told the time and sends nothing itself.
 *
 * Invariant: the oldest beats go first, but for refused ones. So a batch that is not full, once delivered, has
 * brought or been preceded by all that was added before it was taken and that the receiver did not refuse.
 */
export class PendingBeats {
  readonly #options: PendingBeatsOptions
  /** What came since the last batch was taken from it. */
  #fresh = new Set<string>()
  /** What came before, was too much for one batch, and is taken from step by step. */
  #draining: Iterator<string> | undefined
  #drainingLeft = 0
  /** Of the batch that was not acknowledged. */
  #undelivered: readonly string[] = []
  #inFlight: readonly string[] = []
  /** Of `inFlight`: what is somebody else's by now. */
  readonly #moved = new Set<string>()
  readonly #refused = new Map<string, Refusal>()
  #refusedDueMs = Infinity
  /** How many fresh ones there may be. */
  #freshMax: number

  constructor(options: PendingBeatsOptions) {
    this.#options = options
    this.#freshMax = options.pendingMaxBeats
  }

  /** Beats that wait or are in flight. One that was added again meanwhile may count twice. */
  get size(): number {
    return this.#sizeBesideFresh + this.#fresh.size
  }

  /** No more may be added. */
  get isFull(): boolean {
    return this.#fresh.size >= this.#freshMax
  }

  /** Whether there is something to send. */
  isDue(nowMs: number): boolean {
    return (
      this.#fresh.size > 0 ||
      this.#undelivered.length > 0 ||
      this.#drainingLeft > 0 ||
      nowMs >= this.#refusedDueMs
    )
  }

  /** Adds a beat and tells whether there was a place for it. */
  add(path: string): boolean {
    if (this.#fresh.size >= this.#freshMax && !this.#fresh.has(path)) return false
    this.#fresh.add(path)
    return true
  }

  /** The next beats. They are in flight until `acknowledged` or `failed` says what has become of them. */
  takeBatch(nowMs: number): BeatBatch {
    invariant(this.#inFlight.length === 0, 'one batch is in flight')
    const { batchMaxBeats } = this.#options
    const beats = this.#takeOldest(batchMaxBeats)
    const isFull = beats.length === batchMaxBeats
    if (nowMs >= this.#refusedDueMs) this.#addRefused(beats, nowMs)
    this.#inFlight = beats
    this.#recount()
    return { beats, isFull }
  }

  /**
   * The batch in flight was delivered. Returns how many of its beats are given up, because they were refused for too long.
   *
   * @param refused positions in the batch
   */
  acknowledged(refused: readonly number[], nowMs: number): number {
    const again = new Map<string, number>()
    for (const position of refused) {
      const path = this.#inFlight[position]
      if (path === undefined || this.#moved.has(path)) continue
      again.set(path, this.#refused.get(path)?.sinceMs ?? nowMs)
    }
    if (this.#refused.size > 0) for (const path of this.#inFlight) this.#refused.delete(path)
    let droppedBeats = 0
    const dueMs = nowMs + this.#options.refusedRetryMs
    for (const [path, sinceMs] of again) {
      if (nowMs - sinceMs < this.#options.beatLifeMs) this.#refused.set(path, { sinceMs, dueMs })
      else droppedBeats++
    }
    this.#refusedDueMs = this.#earliestDueMs()
    this.#land()
    return droppedBeats
  }

  /** It is not known whether the batch in flight was delivered: its beats go first into the next one. */
  failed(): void {
    this.#undelivered =
      this.#moved.size === 0 ? this.#inFlight : this.#inFlight.filter((path) => !this.#moved.has(path))
    this.#land()
  }

  /** Takes out what is not for this member, also of what is in flight. */
  takeMoved(stays: (path: string) => boolean): string[] {
    const moved = new Set<string>()
    const keep = (paths: Iterable<string>): string[] => {
      const kept: string[] = []
      for (const path of paths) {
        if (stays(path)) kept.push(path)
        else moved.add(path)
      }
      return kept
    }
    this.#undelivered = keep(this.#undelivered)
    const rest = keep(this.#takeDraining(this.#drainingLeft))
    this.#draining = rest[Symbol.iterator]()
    this.#drainingLeft = rest.length
    this.#fresh = new Set(keep(this.#fresh))
    for (const path of this.#inFlight) {
      if (stays(path) || this.#moved.has(path)) continue
      moved.add(path)
      this.#moved.add(path)
    }
    for (const path of this.#refused.keys()) {
      if (stays(path)) continue
      moved.add(path)
      this.#refused.delete(path)
    }
    this.#refusedDueMs = this.#earliestDueMs()
    this.#recount()
    return [...moved]
  }

  get #sizeBesideFresh(): number {
    return this.#inFlight.length + this.#undelivered.length + this.#drainingLeft + this.#refused.size
  }

  #takeOldest(max: number): string[] {
    if (this.#undelivered.length === 0 && this.#drainingLeft === 0 && this.#fresh.size <= max) {
      const all = [...this.#fresh]
      if (all.length > 0) this.#fresh = new Set()
      return all
    }
    const oldest = new Set(this.#undelivered)
    this.#undelivered = []
    while (oldest.size < max && this.#drainingLeft + this.#fresh.size > 0) {
      if (this.#drainingLeft === 0) this.#drainFresh()
      for (const path of this.#takeDraining(max - oldest.size)) oldest.add(path)
    }
    return [...oldest]
  }

  /** Deleting from the front of a large set is slow: it is put aside and read through once instead. */
  #drainFresh(): void {
    this.#draining = this.#fresh.values()
    this.#drainingLeft = this.#fresh.size
    this.#fresh = new Set()
  }

  #takeDraining(max: number): string[] {
    const taken: string[] = []
    while (taken.length < max && this.#drainingLeft > 0) {
      const next = this.#draining?.next()
      invariant(next?.done === false, 'what is left is there')
      taken.push(next.value)
      this.#drainingLeft--
    }
    return taken
  }

  /** Fills a batch up with refused beats, but never so far that it would count as full because of them. */
  #addRefused(beats: string[], nowMs: number): void {
    const max = this.#options.batchMaxBeats - 1
    if (beats.length >= max) return
    const present = new Set(beats)
    for (const [path, { sinceMs, dueMs }] of this.#refused) {
      if (beats.length >= max) break
      if (dueMs > nowMs) continue
      if (!present.has(path)) beats.push(path)
      this.#refused.set(path, { sinceMs, dueMs: Infinity })
    }
    this.#refusedDueMs = this.#earliestDueMs()
  }

  #earliestDueMs(): number {
    let earliestMs = Infinity
    for (const { dueMs } of this.#refused.values()) earliestMs = Math.min(earliestMs, dueMs)
    return earliestMs
  }

  #land(): void {
    this.#inFlight = []
    this.#moved.clear()
    this.#recount()
  }

  #recount(): void {
    this.#freshMax = this.#options.pendingMaxBeats - this.#sizeBesideFresh
  }
}
