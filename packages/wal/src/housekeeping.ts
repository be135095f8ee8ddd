import { type Logger, invariant } from '@orrery/environment'
import { WalError } from './errors.ts'
import type { Disk, DiskOperation } from './ports.ts'
import type { SegmentList } from './segment.ts'
import type { SegmentWriter } from './segment-writer.ts'
import { Waiters } from './waiters.ts'

/** What housekeeping works on. */
export interface HousekeepingParts {
  readonly disk: Disk
  readonly directory: string
  readonly logger: Logger
  readonly segments: SegmentList
  readonly writer: SegmentWriter
  readonly onFailure: (cause: unknown) => void
}

/**
 * What is not urgent: zeros ahead of the records, and the removal of segments that are not needed any more, or
 * their use for records to come.
 * One small step at a time is with the disk, behind the record that is there, so that a record never waits
 * for more than that.
 */
export class Housekeeping {
  readonly #parts: HousekeepingParts
  readonly #waiters = new Waiters()
  #state: 'running' | 'finishing' | 'stopped' = 'running'
  #step: Promise<void> | undefined
  #mayFill = true
  #compactIndex = 0
  #requests = 0

  constructor(parts: HousekeepingParts) {
    this.#parts = parts
  }

  /** Starts a step, if there is one to do. To be called whenever something has changed. */
  start(): void {
    if (this.#step !== undefined || this.#state === 'stopped') return
    const { segments, writer } = this.#parts
    if (segments.removable(this.#compactIndex) !== undefined) {
      this.#step = this.#run(this.#removeOldestSegment())
      return
    }
    this.#waiters.release(this.#requests)
    const zeros = this.#mayFill && this.#state === 'running' ? writer.fill() : undefined
    if (zeros !== undefined) this.#step = this.#run(this.#writeZeros(zeros))
  }

  /** Removes the segments that are not needed above `index`. */
  compact(index: number): Promise<void> {
    this.#compactIndex = Math.max(this.#compactIndex, index)
    const done = this.#waiters.wait(++this.#requests)
    this.start()
    return done
  }

  /** Writes no more zeros, and resolves when nothing is left to do. */
  async finish(): Promise<void> {
    if (this.#state === 'running') this.#state = 'finishing'
    while (this.#step !== undefined) await this.#step
  }

  /** Begins nothing any more. */
  stop(reason: WalError): void {
    this.#state = 'stopped'
    this.#waiters.rejectAbove(-1, reason)
  }

  async #run(step: Promise<void>): Promise<void> {
    try {
      await step
    } catch (error) {
      this.#parts.onFailure(error)
    }
    this.#step = undefined
    this.start()
  }

  async #writeZeros(operations: readonly DiskOperation[]): Promise<void> {
    try {
      await this.#parts.disk.submit(operations)
    } catch (error) {
      // Zeros that do not fit are no loss: a record may still do. A sync that fails always is.
      const details = error instanceof WalError ? error.details : {}
      const failed = operations[details.operation ?? -1]
      if (details.errno !== 'ENOSPC' || failed === undefined || failed.type === 'sync') throw error
      this.#mayFill = false
      this.#parts.logger.warn('no space to prepare the log for further records', { error })
    }
  }

  /** One at a time: a removal that becomes durable before an older one would leave a gap. */
  async #removeOldestSegment(): Promise<void> {
    const { disk, directory, segments, writer } = this.#parts
    const oldest = segments.removable(this.#compactIndex)
    invariant(oldest !== undefined, 'there is a segment to remove')
    segments.removeOldest()
    const { path } = oldest
    const canRecycle = writer.canRecycle(oldest)
    await disk.submit([
      canRecycle ? { type: 'rename', from: path, to: writer.sparePath } : { type: 'unlink', path },
      { type: 'syncDirectory', path: directory },
    ])
    // Not before: the disk does later batches even if this one fails, and they might change a file that still has
    // the name of a segment.
    if (canRecycle) await disk.submit([writer.recycle(oldest)])
  }
}
