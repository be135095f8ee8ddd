import { hostname } from 'node:os'
import { pid } from 'node:process'
import type { Environment, Timer } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { CallOptions, Store } from '@orrery/store'
import { RegistryError } from './errors.ts'
import { escapeName } from './keys.ts'
import { withDeadline } from './leases/deadline.ts'
import { registryDefaults } from './options.ts'
import { StartQueuePlace } from './start-queue.ts'

/** What {@link startInOrder} needs. */
export interface StartInOrderDeps {
  /** The one that all have in common. */
  readonly store: Pick<Store, 'range' | 'txn' | 'watch' | 'leases'>
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment | undefined
}

/** How members start one after another. Those with the same `key` have to agree on `prefix` and `concurrency`. */
export interface StartInOrderOptions extends CallOptions {
  /** Under which all keys stand in the store. Ends with `/`. @defaultValue `registry/` */
  readonly prefix?: string | undefined
  /** Members with different keys do not wait for each other. @defaultValue `default` */
  readonly key?: string | undefined
  /** How this member is called in the log of those who wait for it. @defaultValue host and process id */
  readonly name?: string | undefined
  /** How many start at the same time. An integer from 1. @defaultValue `1` */
  readonly concurrency?: number | undefined
  /** How long others wait for a member that died. Unit: ms, from 1 000. @defaultValue `10_000` */
  readonly ttlMs?: number | undefined
  /** Waits no longer than this for its turn. Unit: ms, above 0; `Infinity`: as long as it takes. @defaultValue `Infinity` */
  readonly waitMaxMs?: number | undefined
}

/** What {@link startInOrder} uses when its options do not say otherwise. */
export const startInOrderDefaults = {
  prefix: registryDefaults.prefix,
  key: 'default',
  concurrency: 1,
  ttlMs: 10_000,
  waitMaxMs: Infinity,
} as const

/** How often it is logged that, and for whom, it waits. Unit: ms. */
const stillWaitingMs = 10_000

/**
 * Runs `start` when it is this member's turn, so that a fleet that restarts all at once does not fall upon what its
 * members read when they start. Turns come in the order of arrival. A turn ends with `start`, or with the process that
 * had it; one that hangs holds the others up.
 *
 * It is no mutual exclusion: who is cut off from the store learns from his own clock that he has lost his turn, and
 * `start` should then stop. What `start` returns all the same is returned. Whoever blocks the event loop for longer
 * than `ttlMs` loses his turn, too.
 *
 * @param start gets a signal that aborts when the turn is lost, or with `options.signal`
 * @throws RegistryError `REGISTRY_OVERLOADED` when it waited for longer than `waitMaxMs`, `REGISTRY_OPTION_INVALID`; StoreError when the
 * store will not serve again; `options.signal.reason` while it waits; what `start` throws
 */
export async function startInOrder<T>(
  deps: StartInOrderDeps,
  options: StartInOrderOptions,
  start: (options: { readonly signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const { environment = systemEnvironment(), store } = deps
  const { signal, waitMaxMs, prefix, key, concurrency, ttlMs, name } = resolve(options)
  const queue = `${prefix}start/${escapeName(key)}/`
  const place = new StartQueuePlace({ store, environment, queue, name, concurrency, ttlMs })
  const lateError = (): RegistryError =>
    new RegistryError(
      'REGISTRY_OVERLOADED',
      `waited ${waitMaxMs} ms for the turn to start, which has ${place.holders.join(', ')}`,
    )
  try {
    const patience = { clock: environment.clock, maxMs: waitMaxMs, signal, lateError }
    await withDeadline(patience, (waitSignal) => waitAloud({ place, environment, key }, waitSignal))
    const signals = signal === undefined ? [place.turnSignal] : [place.turnSignal, signal]
    return await start({ signal: AbortSignal.any(signals) })
  } finally {
    await place.leave()
  }
}

/** Waits for the turn, and says so from time to time. */
async function waitAloud(
  {
    place,
    environment: { clock, logger },
    key,
  }: { readonly place: StartQueuePlace; readonly environment: Environment; readonly key: string },
  signal: AbortSignal,
): Promise<void> {
  const begunMs = clock.nowMs()
  let timer: Timer | undefined
  const say = (): void => {
    const waitedMs = Math.round(clock.nowMs() - begunMs)
    place.lookAtHolders(signal).then(
      (holders) => logger.info('still waiting for the turn to start', { key, waitedMs, holders }),
      (error: unknown) => {
        if (!signal.aborted) logger.info('still waiting for the turn to start', { key, waitedMs, error })
      },
    )
    arm()
  }
  const arm = (): void => {
    timer = clock.setTimer(stillWaitingMs, say)
  }
  arm()
  try {
    await place.wait(signal)
  } finally {
    timer?.cancel()
  }
}

/** {@link StartInOrderOptions}, complete. */
interface ResolvedOptions extends CallOptions {
  readonly prefix: string
  readonly key: string
  readonly name: string
  readonly concurrency: number
  readonly ttlMs: number
  readonly waitMaxMs: number
}

/** @throws RegistryError `REGISTRY_OPTION_INVALID` */
function resolve(options: StartInOrderOptions): ResolvedOptions {
  const defaults = startInOrderDefaults
  const { signal, name = `${hostname()}:${pid}` } = options
  const { prefix = defaults.prefix, key = defaults.key, concurrency = defaults.concurrency } = options
  const { ttlMs = defaults.ttlMs, waitMaxMs = defaults.waitMaxMs } = options
  if (!/^[\x21-\x7e]+\/$/.test(prefix)) refuse('prefix is printable ASCII that ends with a slash')
  if (!(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
    refuse(`concurrency is an integer from 1 on, got ${concurrency}`)
  }
  if (!(Number.isSafeInteger(ttlMs) && ttlMs >= 1_000))
    refuse(`ttlMs is an integer from 1000 on, got ${ttlMs}`)
  if (!(waitMaxMs > 0)) refuse(`waitMaxMs is above 0, got ${waitMaxMs}`)
  return { signal, prefix, key, name, concurrency, ttlMs, waitMaxMs }
}

function refuse(reason: string): never {
  throw new RegistryError('REGISTRY_OPTION_INVALID', reason)
}
