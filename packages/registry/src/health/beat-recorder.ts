import type { Environment, Timer } from '@orrery/environment'
import type { HeartbeatStore } from '../ports.ts'

/** How long heartbeats gather before they are written. Unit: ms. */
const lingerMs = 50
/** A heartbeat that is not written after so long cannot be vouched for. Unit: ms. */
const vouchMaxMs = 1_000
/** Heartbeats in one write. */
const batchMaxBeats = 10_000
/** Instances whose heartbeats may wait. */
const pendingMaxBeats = 1_000_000

/** Writes heartbeats to a store that all members see. */
export class BeatRecorder {
  readonly #store: HeartbeatStore
  readonly #environment: Environment
  #pending = new Set<string>()
  /** When the oldest of those that wait came. Unit: ms. */
  #oldestMs = Infinity
  #timer: Timer | undefined
  #isWriting = false
  #hasFailed = false
  #isClosed = false

  constructor(store: HeartbeatStore, environment: Environment) {
    this.#store = store
    this.#environment = environment
  }

  /** Whether heartbeats that come now will count. */
  vouches(nowMs: number): boolean {
    if (this.#pending.size >= pendingMaxBeats || nowMs - this.#oldestMs > vouchMaxMs) return false
    // While it cannot be reached, one is tried now and then.
    return this.#store.available || this.#pending.size === 0
  }

  /** Whether heartbeats that other members take may be missing, too: what comes here cannot be written. */
  isBehind(nowMs: number): boolean {
    return this.#hasFailed || nowMs - this.#oldestMs > vouchMaxMs
  }

  add(path: string, nowMs: number): void {
    if (this.#pending.size === 0) this.#oldestMs = Math.min(this.#oldestMs, nowMs)
    this.#pending.add(path)
    this.#arm()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#write()
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#isWriting || this.#isClosed) return
    this.#timer = this.#environment.clock.setTimer(lingerMs, () => {
      this.#timer = undefined
      void this.#write()
    })
  }

  async #write(): Promise<void> {
    if (this.#isWriting || this.#pending.size === 0) return
    this.#isWriting = true
    const sentMs = this.#environment.clock.nowMs()
    const beats = [...this.#pending]
    this.#pending = new Set()
    const since = this.#oldestMs
    let written = 0
    try {
      for (; written < beats.length; written += batchMaxBeats) {
        await this.#store.record(beats.slice(written, written + batchMaxBeats))
      }
      this.#oldestMs = this.#pending.size === 0 ? Infinity : sentMs
      this.#hasFailed = false
    } catch (error) {
      // It is tried again at once and for as long as it takes: one line for all of it.
      if (!this.#hasFailed) {
        this.#environment.logger.warn('heartbeats could not be written', {
          error,
          beats: beats.length - written,
        })
      }
      for (const path of beats.slice(written)) this.#pending.add(path)
      this.#oldestMs = since
      this.#hasFailed = true
    } finally {
      this.#isWriting = false
      if (this.#pending.size > 0) this.#arm()
    }
  }
}
