import type { Environment, Timer } from '@orrery/environment'
import { hasCode } from '@orrery/environment'
import { KeyPortError } from '../encryption/key-port-error.ts'
import type { ConfigErrorCode } from '../errors.ts'
import type { Release } from '../model.ts'
import type { ContentCache } from '../reads/content-cache.ts'
import type { ReleaseLine } from '../view/release-line.ts'
import { type FanOut, Round } from './fan-out.ts'

/** Who waits for a content. */
export interface ContentWaiter {
  /** It is there. */
  loaded(line: ReleaseLine, release: Release): void
  /** It could not be read, now. Whoever still needs it asks again. */
  retry(line: ReleaseLine): void
  /** It can never be read. */
  unreadable(line: ReleaseLine, error: unknown): void
}

/** What loads work with. */
export interface LoadsParts {
  readonly environment: Environment
  readonly cache: ContentCache
  readonly fanOut: FanOut
}

/** How long to wait until a content is asked for again that could not be read. Unit: ms. */
const retryMs = 200

/** Reading them again changes nothing, unless it was the key port that did not answer. */
const permanent: readonly ConfigErrorCode[] = ['CONFIG_KEYS_MISSING', 'CONFIG_DECRYPTION_FAILED']

/** Contents that watchers wait for. Each is loaded once, for all of them, and they are told in turns. */
export class Loads {
  readonly #parts: LoadsParts
  readonly #waiting = new Map<ReleaseLine, Set<ContentWaiter>>()
  readonly #timers = new Set<Timer>()
  #isClosed = false

  constructor(parts: LoadsParts) {
    this.#parts = parts
  }

  /** Somebody needs a content that is not in memory. */
  want(line: ReleaseLine, waiter: ContentWaiter): void {
    const waiters = this.#waiting.get(line)
    if (waiters !== undefined) {
      waiters.add(waiter)
      return
    }
    this.#waiting.set(line, new Set([waiter]))
    void this.#load(line)
  }

  /** Somebody does not need it any more. */
  leave(line: ReleaseLine, waiter: ContentWaiter): void {
    // The load itself goes on: it takes others out who wait for it.
    this.#waiting.get(line)?.delete(waiter)
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  async #load(line: ReleaseLine): Promise<void> {
    let release: Release | undefined
    try {
      release = await this.#parts.cache.load(line)
    } catch (error) {
      if (this.#isClosed) return
      if (isPermanent(error)) this.#each(line, (waiter) => waiter.unreadable(line, error))
      else this.#retryLater(line, error)
      return
    }
    if (this.#isClosed) return
    // Where it is not there any more, something newer is on its way.
    if (release === undefined) this.#retryLater(line, undefined)
    else {
      const loaded = release
      this.#each(line, (waiter) => waiter.loaded(line, loaded))
    }
  }

  #retryLater(line: ReleaseLine, error: unknown): void {
    const { clock, logger } = this.#parts.environment
    const { path, info } = line
    logger.warn('a content that is watched could not be read', {
      path,
      version: info?.version,
      error,
      retryMs,
    })
    const timer = clock.setTimer(retryMs, () => {
      this.#timers.delete(timer)
      this.#each(line, (waiter) => waiter.retry(line))
    })
    this.#timers.add(timer)
  }

  #each(line: ReleaseLine, tell: (waiter: ContentWaiter) => void): void {
    const waiters = [...(this.#waiting.get(line) ?? [])]
    this.#waiting.delete(line)
    if (waiters.length > 0) this.#parts.fanOut.add(new Round(waiters, tell))
  }
}

function isPermanent(error: unknown): boolean {
  return hasCode(error, ...permanent) && !(error instanceof KeyPortError)
}
