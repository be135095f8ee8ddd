import { type Environment, hasCode, invariant, type Timer } from '@orrery/environment'
import type { CallOptions, Store } from '@orrery/store'
import { withDeadline } from './deadline.ts'
import { Backoff } from './retry.ts'

/** Where a lease is held. */
export interface HeldLeaseDeps {
  readonly store: { readonly leases: Pick<Store['leases'], 'grant' | 'keepAlive' | 'revoke'> }
  readonly environment: Environment
}

/** How a lease is held. */
export interface HeldLeaseOptions {
  /** Asked of the store, which may give a longer one. Unit: ms, from 1 000. */
  readonly ttlMs: number
  /** The store has the lease no more, nor its keys. Not called after `release`. */
  readonly onLost: () => void
  /** It is no longer certain that the store has the lease. Called anew each time when certainty ends. */
  readonly onDoubt?: (() => void) | undefined
}

/** A lease that is kept alive until it is released or lost. */
export interface HeldLease {
  readonly id: bigint
  /** What the store granted. Unit: ms. */
  readonly ttlMs: number
  /**
   * Whether the store certainly has the lease: a call that was sent less than its time to live ago, but for a margin,
   * has granted or renewed it. By this process' monotonic clock alone.
   */
  isValid(nowMs: number): boolean
  /** Renews it now, besides the renewals that go on anyway. @throws LeaseError `LEASE_NOT_FOUND`; StoreError; RegistryError `REGISTRY_UNAVAILABLE` */
  renew(options?: CallOptions): Promise<void>
  /** Renews it no more, and revokes it, which deletes its keys. Never rejects, and takes 2 s at most. Safe to call twice. */
  release(): Promise<void>
}

/** Three renewals fit into the time to live: two may be lost. */
const renewalsPerTtl = 3
const retryMinMs = 100
/** A store that does not answer ends the lease by itself in time. Unit: ms. */
const releaseMaxMs = 2_000

/** By how much clocks may run apart during a time to live, with some reserve. Unit: ms. */
function marginOf(ttlMs: number): number {
  return Math.max(ttlMs * 0.1, 200)
}

/**
 * Grants a lease and keeps it alive.
 *
 * @throws LeaseError `LEASE_TTL_TOO_LARGE`; StoreError; RegistryError `REGISTRY_UNAVAILABLE` when the store does not answer within `ttlMs`
 */
export async function holdLease(
  deps: HeldLeaseDeps,
  options: HeldLeaseOptions,
  { signal }: CallOptions = {},
): Promise<HeldLease> {
  const { clock } = deps.environment
  const { ttlMs } = options
  const sentMs = clock.nowMs()
  const granted = await withDeadline({ clock, maxMs: ttlMs, signal }, (callSignal) =>
    deps.store.leases.grant({ ttlMs }, { signal: callSignal }),
  )
  const lease = new RenewedLease({ deps, options, granted, sentMs })
  lease.begin()
  return lease
}

class RenewedLease implements HeldLease {
  readonly id: bigint
  readonly ttlMs: number
  readonly #deps: HeldLeaseDeps
  readonly #options: HeldLeaseOptions
  readonly #backoff: Backoff
  /** How long after it was sent a renewal counts. Unit: ms. */
  readonly #validMs: number
  readonly #intervalMs: number
  #validUntilMs: number
  /** Aborts when the lease is released or lost. */
  readonly #ended = new AbortController()
  #renewal: Timer | undefined
  #renewalDueMs = Infinity
  #doubt: Timer | undefined
  #released: Promise<void> | undefined

  constructor({
    deps,
    options,
    granted,
    sentMs,
  }: {
    readonly deps: HeldLeaseDeps
    readonly options: HeldLeaseOptions
    readonly granted: { readonly id: bigint; readonly ttlMs: number }
    readonly sentMs: number
  }) {
    this.#deps = deps
    this.#options = options
    this.id = granted.id
    this.ttlMs = granted.ttlMs
    this.#validMs = this.ttlMs - marginOf(this.ttlMs)
    invariant(this.#validMs > 0, 'a lease is held for longer than its margin')
    this.#intervalMs = this.ttlMs / renewalsPerTtl
    this.#validUntilMs = sentMs + this.#validMs
    this.#backoff = new Backoff(deps.environment.random, { minMs: retryMinMs, maxMs: this.#intervalMs })
  }

  begin(): void {
    this.#arm(this.#intervalMs)
    this.#watchDoubt()
  }

  get #isHeld(): boolean {
    return !this.#ended.signal.aborted
  }

  isValid(nowMs: number): boolean {
    return this.#isHeld && nowMs < this.#validUntilMs
  }

  async renew({ signal }: CallOptions = {}): Promise<void> {
    const { store, environment } = this.#deps
    const sentMs = environment.clock.nowMs()
    // An answer that comes later would say nothing any more: so no more than a few calls are ever in flight.
    await withDeadline({ clock: environment.clock, maxMs: this.#validMs, signal }, (callSignal) =>
      store.leases.keepAlive(this.id, { signal: callSignal }),
    )
    this.#validUntilMs = Math.max(this.#validUntilMs, sentMs + this.#validMs)
    if (this.#doubt === undefined) this.#watchDoubt()
  }

  release(): Promise<void> {
    return (this.#released ??= this.#release())
  }

  /** Each renewal has its own time: one that hangs does not stop the next. */
  #tick(): void {
    this.#renewalDueMs = Infinity
    this.#arm(this.#intervalMs)
    this.renew({ signal: this.#ended.signal }).then(
      () => this.#backoff.reset(),
      (error: unknown) => this.#failed(error),
    )
  }

  #failed(error: unknown): void {
    if (!this.#isHeld) return
    const { logger } = this.#deps.environment
    const lease = this.id.toString(16)
    if (hasCode(error, 'LEASE_NOT_FOUND')) {
      logger.warn('a lease ended although it should have been kept alive', { lease })
      this.#end()
      this.#options.onLost()
      return
    }
    const level = this.#backoff.failures === 0 ? 'warn' : 'debug'
    const delayMs = this.#backoff.nextMs()
    logger[level]('a lease could not be renewed', { lease, error, delayMs })
    this.#arm(delayMs)
  }

  /** The next renewal is then, if it is not sooner already. */
  #arm(delayMs: number): void {
    if (!this.#isHeld) return
    const { clock } = this.#deps.environment
    const dueMs = clock.nowMs() + delayMs
    if (dueMs >= this.#renewalDueMs) return
    this.#renewal?.cancel()
    this.#renewalDueMs = dueMs
    this.#renewal = clock.setTimer(delayMs, () => this.#tick())
  }

  #watchDoubt(): void {
    this.#doubt = undefined
    const { onDoubt } = this.#options
    if (onDoubt === undefined || !this.#isHeld) return
    const { clock } = this.#deps.environment
    const leftMs = this.#validUntilMs - clock.nowMs()
    if (leftMs > 0) this.#doubt = clock.setTimer(leftMs, () => this.#watchDoubt())
    else onDoubt()
  }

  #end(): void {
    this.#ended.abort()
    this.#renewal?.cancel()
    this.#doubt?.cancel()
  }

  async #release(): Promise<void> {
    if (!this.#isHeld) return
    this.#end()
    const { store, environment } = this.#deps
    try {
      await withDeadline({ clock: environment.clock, maxMs: releaseMaxMs }, (signal) =>
        store.leases.revoke(this.id, { signal }),
      )
    } catch (error) {
      if (hasCode(error, 'LEASE_NOT_FOUND')) return
      environment.logger.warn('a lease could not be revoked, it ends by itself', {
        lease: this.id.toString(16),
        ttlMs: this.ttlMs,
        error,
      })
    }
  }
}
