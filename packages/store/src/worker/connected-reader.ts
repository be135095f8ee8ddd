import type { FieldReader } from '../field-reader.ts'
import { closedStream } from '../stream-reader.ts'
import type { ReaderCommand } from './wire.ts'

/** A reader that its store ends when it ends itself. */
export interface OpenReader {
  end(error: unknown): void
}

/** What the readers of one store share. */
export interface ReaderHost {
  /** A number for a reader. */
  nextNumber(): number
  command(command: ReaderCommand): void
  pull<T>(reader: number, read: (from: FieldReader) => T): Promise<T | undefined>
  /** Where the store is seen to be. */
  revision(): number
  /** Watchers came or went. */
  watchersChanged(by: number): void
  /** A reader of the store is there until its `onEnd`. */
  opened(reader: OpenReader): void
  ended(reader: OpenReader): void
}

/**
 * The host's end of what is read part by part from a store in another thread. Each part is asked for when its
 * reader wants it; none is kept here.
 *
 * @typeParam T what one step of the iteration gives
 */
export abstract class ConnectedReader<T> implements AsyncIterator<T, undefined>, AsyncDisposable {
  protected readonly host: ReaderHost
  protected readonly number: number
  #waiting:
    | {
        readonly resolve: (result: IteratorResult<T, undefined>) => void
        readonly reject: (error: unknown) => void
      }
    | undefined
  #ended: { readonly error: unknown } | undefined

  constructor(host: ReaderHost) {
    this.host = host
    this.number = host.nextNumber()
    host.opened(this)
  }

  /** Lets go of what the reader has. */
  protected abstract release(): void

  /** Reads a part. Undefined: there is nothing in it for this reader, which needs another one. */
  protected abstract read(from: FieldReader): T | undefined

  /** @throws what the reader ended with, or StoreError `STORE_CLOSED` */
  protected requireOpen(): void {
    if (this.#ended === undefined) return
    throw this.#ended.error instanceof Error ? this.#ended.error : closedStream()
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting !== undefined) {
      return Promise.reject(new TypeError('a watch has one reader at a time'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      if (this.#ended === undefined) void this.#pull()
      else this.#answerEnd()
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.end(undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  close(): void {
    this.end(undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  /** Ends the reader. Who waits, and who comes later, gets `error`, or the end when there is none. */
  end(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.release()
    this.host.command({ type: 'close', reader: this.number })
    this.host.ended(this)
    this.#answerEnd()
  }

  async #pull(): Promise<void> {
    try {
      for (;;) {
        const part = await this.host.pull(this.number, (from) => ({ value: this.read(from) }))
        if (this.#ended !== undefined) return
        if (part === undefined) {
          this.end(undefined)
          return
        }
        if (part.value === undefined) continue
        const waiting = this.#waiting
        this.#waiting = undefined
        waiting?.resolve({ done: false, value: part.value })
        return
      }
    } catch (error) {
      this.end(error)
    }
  }

  #answerEnd(): void {
    const waiting = this.#waiting
    if (waiting === undefined || this.#ended === undefined) return
    this.#waiting = undefined
    const { error } = this.#ended
    if (error === undefined) waiting.resolve({ done: true, value: undefined })
    else waiting.reject(error)
  }
}
