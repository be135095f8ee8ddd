import type { Clock } from '@orrery/environment'
import { RegistryError } from '../errors.ts'

/** How long somebody is willing to wait. */
export interface Patience {
  readonly clock: Clock
  /** Unit: ms, above 0; `Infinity`: as long as it takes. */
  readonly maxMs: number
  readonly signal?: AbortSignal | undefined
  /** What is thrown when that is over. @defaultValue a RegistryError `REGISTRY_UNAVAILABLE` */
  readonly lateError?: (() => Error) | undefined
}

/**
 * Waits for a call only so long, even if the call does not heed the signal that it is given. What a call does after
 * that is nobody's business any more.
 *
 * @throws RegistryError `REGISTRY_UNAVAILABLE` when time is over; `signal.reason`; what the call throws
 */
export async function withDeadline<T>(
  { clock, maxMs, signal, lateError }: Patience,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const ended = new AbortController()
  return await new Promise<T>((resolve, reject) => {
    const settle = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const stop = (reason: Error): void => {
      settle()
      reject(reason)
      ended.abort(reason)
    }
    const onAbort = (): void => stop(signal?.reason as Error)
    const onLate = (): void => stop(lateError?.() ?? lateAfter(maxMs))
    const timer = maxMs === Infinity ? undefined : clock.setTimer(maxMs, onLate)
    signal?.addEventListener('abort', onAbort, { once: true })
    call(ended.signal).then(resolve, reject).finally(settle)
  })
}

function lateAfter(maxMs: number): RegistryError {
  return new RegistryError('REGISTRY_UNAVAILABLE', `no answer within ${maxMs} ms`)
}
