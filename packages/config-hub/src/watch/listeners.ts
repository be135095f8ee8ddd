import type { Logger } from '@orrery/environment'
import type { ChangeBatch, PendingPoll, PollListener, PollResult, WatchListener } from '../watches.ts'
import { rejected } from './rejected.ts'

/** Who hears of listeners that throw. */
interface Hearer {
  readonly logger: Logger
}

/** Tells changes. A listener that throws harms nobody who is told after it. */
export function tellChanges({ logger }: Hearer, listener: WatchListener, batch: ChangeBatch): void {
  try {
    listener.changed(batch)
  } catch (error) {
    logger.error('a listener of a watch threw', { error })
  }
}

/** As {@link tellChanges}, what a poll answers. */
export function tellAnswer({ logger }: Hearer, listener: PollListener, result: PollResult): void {
  try {
    listener.answered(result)
  } catch (error) {
    logger.error('a listener of a poll threw', { error })
  }
}

/** As {@link tellChanges}, why nothing is told any more. @param failure of what it is, and why */
export function tellFailure(
  { logger }: Hearer,
  listener: WatchListener | PollListener,
  failure: { readonly of: 'watch' | 'poll'; readonly reason: unknown },
): void {
  try {
    listener.failed(failure.reason)
  } catch (error) {
    logger.error(`a listener of a ${failure.of} threw`, { error })
  }
}

const done = Promise.resolve()

/** What there was to tell at once. It is told when whoever asked has his handle. */
export class EarlyAnswer implements PendingPoll {
  #listener: PollListener | undefined

  constructor(hearer: Hearer, listener: PollListener, result: PollResult) {
    this.#listener = listener
    void done.then(() => {
      if (this.#listener !== undefined) tellAnswer(hearer, this.#listener, result)
    })
  }

  cancel(): void {
    this.#listener = undefined
  }
}

/** Resolves a promise. There may be a million of them: to be failed, it is given a promise that fails. */
export class PollPromise implements PollListener {
  readonly #resolve: (result: PollResult | Promise<never>) => void
  #detach: (() => void) | undefined = undefined

  constructor(resolve: (result: PollResult | Promise<never>) => void) {
    this.#resolve = resolve
  }

  answered(result: PollResult): void {
    this.#detach?.()
    this.#resolve(result)
  }

  failed(error: unknown): void {
    this.#detach?.()
    this.#resolve(rejected(error))
  }

  /** The poll ends with the signal. */
  listen(signal: AbortSignal, poll: PendingPoll): void {
    const abort = (): void => {
      poll.cancel()
      this.failed(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#detach = () => signal.removeEventListener('abort', abort)
  }
}
