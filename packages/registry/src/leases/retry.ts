import { type Clock, type Environment, hasCode, InvariantError, type Random } from '@orrery/environment'

/** What a store says that will not serve this process again. */
const finalCodes = [
  'STORE_CLOSED',
  'STORE_FAILED',
  'STORE_REMOVED',
  'STORE_REQUEST_TOO_LARGE',
  'LEASE_TTL_TOO_LARGE',
] as const

/** Whether it is of no use to try again what failed with this error. */
export function isFinal(error: unknown): boolean {
  return error instanceof InvariantError || hasCode(error, ...finalCodes)
}

/** Pauses between attempts: each twice as long as the one before, less up to half of it, so that nobody marches in step. */
export class Backoff {
  readonly #random: Random
  readonly #minMs: number
  readonly #maxMs: number
  #failures = 0

  /** @param bounds the first pause and the longest one. Unit: ms. */
  constructor(random: Random, { minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }) {
    this.#random = random
    this.#minMs = minMs
    this.#maxMs = maxMs
  }

  /** Failures since it last worked. */
  get failures(): number {
    return this.#failures
  }

  /** The pause after one more failure. Unit: ms. */
  nextMs(): number {
    const mostMs = Math.min(this.#maxMs, this.#minMs * 2 ** this.#failures++)
    return mostMs * (0.5 + this.#random.float() / 2)
  }

  /** It worked: the next pause is a short one. */
  reset(): void {
    this.#failures = 0
  }
}

/** Resolves after some time. @throws `signal.reason` */
export function pause(
  clock: Clock,
  { delayMs, signal }: { readonly delayMs: number; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal.reason as Error)
    }
    const timer = clock.setTimer(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** What is tried again and again. */
export interface Persistence {
  readonly environment: Environment
  /** For the log: what could not be done. */
  readonly failure: string
  readonly signal: AbortSignal
  /** Whether to give up. @defaultValue {@link isFinal} */
  readonly isFinal?: ((error: unknown) => boolean) | undefined
}

const retryMinMs = 100
const retryMaxMs = 5_000

/**
 * Tries until it works, with pauses from 0.1 to 5 s.
 *
 * @throws `signal.reason`; an error after which it is of no use to go on
 */
export async function untilDone<T>(
  { environment: { clock, random, logger }, failure, signal, ...given }: Persistence,
  attempt: () => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(random, { minMs: retryMinMs, maxMs: retryMaxMs })
  for (;;) {
    signal.throwIfAborted()
    const begunMs = clock.nowMs()
    try {
      return await attempt()
    } catch (error) {
      signal.throwIfAborted()
      if ((given.isFinal ?? isFinal)(error)) throw error
      // What went well for a while is not one of many failures in a row.
      if (clock.nowMs() - begunMs > 2 * retryMaxMs) backoff.reset()
      const delayMs = backoff.nextMs()
      logger.warn(failure, { error, delayMs })
      await pause(clock, { delayMs, signal })
    }
  }
}
