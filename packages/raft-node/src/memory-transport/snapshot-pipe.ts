import { TransportError } from '../transport-error.ts'
import type { TurnQueue } from './turn-queue.ts'

/**
 * The content of a snapshot between its sender and its receiver. Nothing is read ahead: the source is asked
 * when the receiver asks, one chunk a turn, so that the event loop turns under a snapshot of any size.
 */
export class SnapshotPipe implements AsyncIterableIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #turns: TurnQueue
  readonly #onSourceFailure: (error: unknown) => void
  #broken: TransportError | undefined
  #isDone = false
  #rejectWaiting: ((error: TransportError) => void) | undefined

  constructor(parts: {
    readonly content: AsyncIterable<Uint8Array>
    readonly turns: TurnQueue
    readonly onSourceFailure: (error: unknown) => void
  }) {
    this.#source = parts.content[Symbol.asyncIterator]()
    this.#turns = parts.turns
    this.#onSourceFailure = parts.onSourceFailure
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken)
    if (this.#isDone) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve, reject) => {
      this.#rejectWaiting = reject
      this.#source.next().then(
        (result) => {
          this.#turns.add(() => {
            this.#rejectWaiting = undefined
            this.#isDone ||= result.done === true
            resolve(result)
          })
        },
        (error: unknown) => {
          this.#isDone = true
          this.#onSourceFailure(error)
          this.break()
        },
      )
    })
  }

  /** The receiver reads no further. */
  return(): Promise<IteratorResult<Uint8Array>> {
    this.#release()
    return Promise.resolve({ done: true, value: undefined })
  }

  /** The transfer is over: a receiver that still reads learns of it, and the source is released. */
  break(): void {
    if (!this.#isDone || this.#rejectWaiting !== undefined) {
      this.#broken ??= new TransportError('TRANSPORT_UNREACHABLE', 'the transfer of the snapshot ended early')
      this.#rejectWaiting?.(this.#broken)
      this.#rejectWaiting = undefined
    }
    this.#release()
  }

  #release(): void {
    if (this.#isDone) return
    this.#isDone = true
    // A source that fails while it is released was not needed any more.
    this.#source.return?.().catch(() => {})
  }
}
