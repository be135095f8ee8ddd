import { type Environment, hasCode, type Timer } from '@orrery/environment'
import { StoreError } from './errors.ts'
import type { Store } from './store.ts'

/** How much of the history is kept. */
export type AutoCompactionMode =
  /** What is older than `retentionMs` is compacted. */
  | { readonly type: 'periodic'; readonly retentionMs: number }
  /** The last `retainedRevisions` are kept. */
  | { readonly type: 'revision'; readonly retainedRevisions: number }

/** A running compaction of what is old. Does not close the store. */
export interface AutoCompaction {
  /** Compacts nothing more. Safe to call twice. */
  stop(): void
}

/** At most so long between two compactions, however long revisions are kept. Unit: ms. */
const periodicMaxMs = 3_600_000
/** Looks at the revision so often between two compactions. */
const samplesPerCompaction = 10
/** Unit: ms. */
const revisionIntervalMs = 300_000

/**
 * Compacts a store's history again and again, so that it does not grow for ever. Only the member that leads does
 * it; the others look on, and take over.
 *
 * Source: etcd, `v3compactor`: `periodic` looks at the revision every tenth of the retention (of an hour, if that is
 * less), compacts for the first time when the retention has passed, and then once per retention or hour; `revision`
 * looks every five minutes.
 *
 * @throws StoreError `STORE_OPTIONS_INVALID`
 */
export function startAutoCompaction(
  { store, environment }: { readonly store: Store; readonly environment: Environment },
  mode: AutoCompactionMode,
): AutoCompaction {
  const kept = mode.type === 'periodic' ? mode.retentionMs : mode.retainedRevisions
  if (!Number.isSafeInteger(kept) || kept < 1) {
    throw new StoreError(
      'STORE_OPTIONS_INVALID',
      `what is kept of the history is an integer of at least 1, got ${kept}`,
    )
  }
  const compaction = new RunningAutoCompaction(store, environment, mode)
  compaction.arm()
  return compaction
}

class RunningAutoCompaction implements AutoCompaction {
  readonly #store: Store
  readonly #environment: Environment
  readonly #mode: AutoCompactionMode
  readonly #intervalMs: number
  /** Revisions as they were at the last looks, oldest first. */
  #samples: number[] = []
  /** Looks since the last compaction. */
  #looks = 0
  #timer: Timer | undefined
  #isStopped = false

  constructor(store: Store, environment: Environment, mode: AutoCompactionMode) {
    this.#store = store
    this.#environment = environment
    this.#mode = mode
    this.#intervalMs =
      mode.type === 'periodic'
        ? Math.min(mode.retentionMs, periodicMaxMs) / samplesPerCompaction
        : revisionIntervalMs
  }

  arm(): void {
    if (this.#isStopped) return
    this.#timer = this.#environment.clock.setTimer(this.#intervalMs, () => {
      void this.#look().finally(() => this.arm())
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { state, leaderId, memberId, revision } = this.#store.status()
    if (state !== 'open') return
    const target = this.#targetAt(revision)
    if (target === undefined || leaderId !== memberId || this.#isStopped) return
    try {
      await this.#store.compact({ revision: target })
      this.#looks = 0
      this.#environment.logger.info('what is old was compacted', { revision: target })
    } catch (error) {
      // Somebody else has compacted as far: that will do.
      if (hasCode(error, 'MVCC_COMPACTED')) this.#looks = 0
      else this.#environment.logger.warn('what is old could not be compacted', { revision: target, error })
    }
  }

  /** Up to which revision to compact now. */
  #targetAt(revision: number): number | undefined {
    if (this.#mode.type === 'revision') {
      const target = revision - this.#mode.retainedRevisions
      return target > Math.max(0, this.#store.status().compactRevision) ? target : undefined
    }
    this.#looks++
    this.#samples.push(revision)
    const kept = Math.round(this.#mode.retentionMs / this.#intervalMs)
    if (this.#samples.length > kept + 1) this.#samples.shift()
    const [oldest = 0] = this.#samples
    const isDue = this.#samples.length > kept && this.#looks >= samplesPerCompaction
    return isDue && oldest > this.#store.status().compactRevision ? oldest : undefined
  }
}
