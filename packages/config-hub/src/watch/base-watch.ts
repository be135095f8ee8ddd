import type { ChangeBatch, ConfigWatch, WatchListener } from '../watches.ts'
import type { Release } from '../model.ts'
import type { ReleaseLine } from '../view/release-line.ts'
import type { LaggingWatcher } from './lagging.ts'
import type { ContentWaiter } from './loads.ts'
import { tellChanges, tellFailure } from './listeners.ts'
import { rejected } from './rejected.ts'
import type { BatchResult } from './results.ts'
import type { WatchHost } from './watch-host.ts'

type Result = IteratorResult<ChangeBatch, undefined>

const over: Result = Object.freeze({ done: true, value: undefined })

/**
 * One reader who waits for batches, or does not. Whatever there is to tell is found out when he asks: while he does not, nothing is
 * gathered for him. A listener in his place always waits.
 */
export abstract class BaseWatch
  implements ConfigWatch, AsyncIterator<ChangeBatch, undefined>, ContentWaiter, LaggingWatcher
{
  protected readonly host: WatchHost
  isLagging = false
  skipped = 0
  /** Undefined: nobody waits. There may be a million of them: who is to be failed is given a promise that fails. */
  #resolve: ((result: Result | Promise<Result>) => void) | undefined = undefined
  #listener: WatchListener | undefined = undefined
  #ended: { readonly error: unknown } | undefined = undefined
  #detach: (() => void) | undefined = undefined

  constructor(host: WatchHost) {
    this.host = host
    host.counters.watchers++
  }

  /** Gives what there is to whoever waits, if it may be told. */
  abstract wake(): void
  abstract loaded(line: ReleaseLine, release: Release): void
  abstract retry(line: ReleaseLine): void
  abstract unreadable(line: ReleaseLine, error: unknown): void
  /** Takes it out of whatever it is in. */
  protected abstract leave(): void

  /** Somebody waits, and may be told something. */
  protected mayTell(): boolean {
    return (this.#resolve !== undefined || this.#listener !== undefined) && !this.isLagging
  }

  next(): Promise<Result> {
    if (this.#resolve !== undefined) {
      return Promise.reject(new TypeError('a watch has one reader at a time'))
    }
    if (this.#ended !== undefined) return this.#end(this.#ended.error)
    return new Promise((resolve) => {
      this.#resolve = resolve
      this.wake()
    })
  }

  /** From now on whatever there is to tell is told to a listener. Nobody else reads. */
  tellTo(listener: WatchListener): void {
    this.#listener = listener
  }

  return(): Promise<Result> {
    this.close()
    return Promise.resolve(over)
  }

  close(): void {
    this.fail(undefined)
  }

  /** @param error for whoever waits, or asks next; undefined: it simply ends */
  fail(error: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { error }
    this.#detach?.()
    this.#detach = undefined
    this.host.lagging.leave(this)
    this.host.counters.watchers--
    this.leave()
    const listener = this.#listener
    this.#listener = undefined
    if (listener !== undefined && error !== undefined)
      tellFailure(this.host, listener, { of: 'watch', reason: error })
    const resolve = this.#resolve
    this.#resolve = undefined
    if (resolve !== undefined) resolve(error === undefined ? over : this.#end(error))
  }

  /** It ends with the signal. */
  listen(signal: AbortSignal): void {
    const abort = (): void => this.fail(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    // A signal may outlive many watches.
    this.#detach = () => signal.removeEventListener('abort', abort)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close()
    return Promise.resolve()
  }

  protected give(result: BatchResult, skipped: number): void {
    const resolve = this.#resolve
    this.#resolve = undefined
    this.skipped += skipped
    this.host.counters.skipped += skipped
    this.host.counters.delivered += result.value.changes.length
    resolve?.(result)
    if (this.#listener !== undefined) tellChanges(this.host, this.#listener, result.value)
  }

  /** Whoever asks learns how it ended, the error only once. */
  #end(error: unknown): Promise<Result> {
    this.#ended = { error: undefined }
    return error === undefined ? Promise.resolve(over) : rejected(error)
  }
}
