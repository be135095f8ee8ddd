import { type Environment, hasCode, type Timer } from '@orrery/environment'
import { type Checkpoint, LeaseError, type Lessor } from '@orrery/lease'
import { abortable } from './abortable.ts'
import { fromKey } from './bytes.ts'
import type { Command } from './command.ts'
import { toId } from './requests.ts'
import type { CommandResult } from './state-machine.ts'
import type { CallOptions, Leases, LeaseTimeToLive } from './store.ts'

/** What a {@link LeaseKeeper} needs of its store. */
export interface LeaseKeeperParts {
  readonly environment: Environment
  readonly lessor: Lessor
  /** Keys that one entry of the log deletes. */
  readonly revokeMaxKeys: number
  readonly revision: () => number
  readonly propose: (command: Command, options?: CallOptions) => Promise<CommandResult>
  /** @throws StoreError `STORE_CLOSED` */
  readonly requireOpen: () => void
  /** @throws StoreError `STORE_NO_SPACE` */
  readonly requireSpace: () => void
  /** There is background work: {@link LeaseKeeper.promoteStep}. */
  readonly kick: () => void
}

/** How often overdue leases are looked for at least. Unit: ms. */
const sweepMaxMs = 500
/** A sweep that is later than this follows a pause of the process, in which nobody could renew. Unit: ms. */
const pauseMinMs = 500
/** Revocations of overdue leases that wait for the log at a time. */
const revocationsMax = 512
const promoteStepLeases = 5_000

/** The leases of a store: what clients may do with them, and the end of those that nobody renews. */
export class LeaseKeeper implements Leases {
  readonly #parts: LeaseKeeperParts
  readonly #revoking = new Map<bigint, Promise<void>>()
  #timer: Timer | undefined
  #dueMs = Infinity
  /** When the timer is to run. */
  #wakeMs = Infinity
  #stopped = false

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts
  }

  async grant(
    { id = 0n, ttlMs }: { readonly ttlMs: number; readonly id?: bigint | undefined },
    options?: CallOptions,
  ): Promise<{ id: bigint; ttlMs: number; revision: number }> {
    this.#parts.requireSpace()
    const chosen = id === 0n ? this.#freeId() : toId(id)
    const granted = await this.#parts.propose({ type: 'leaseGrant', id: chosen, ttlMs }, options)
    const answer = granted as { readonly ttlMs: number }
    return { id: chosen, ttlMs: answer.ttlMs, revision: this.#parts.revision() }
  }

  async revoke(id: bigint, options?: CallOptions): Promise<{ revision: number }> {
    options?.signal?.throwIfAborted()
    await abortable(this.#revoke(toId(id)), options?.signal)
    return { revision: this.#parts.revision() }
  }

  async keepAlive(lease: bigint, options: CallOptions = {}): Promise<{ ttlMs: number }> {
    options.signal?.throwIfAborted()
    this.#parts.requireOpen()
    const { lessor, environment } = this.#parts
    const id = toId(lease)
    this.#noticePause()
    try {
      const { ttlMs, mustClearCheckpoint } = lessor.renew(id, environment.clock.nowMs())
      if (mustClearCheckpoint) {
        // Not awaited: the renewal is valid without it. If it is lost, the next renewal asks again.
        this.#checkpoint([{ id, remainingMs: 0 }])
      }
      return { ttlMs }
    } catch (error) {
      if (!hasCode(error, 'LEASE_EXPIRED')) throw error
      // It is about to go. Only once it is gone may its owner be told so.
      await abortable(this.#revoke(id), options.signal)
      throw new LeaseError('LEASE_NOT_FOUND', `lease ${id.toString(16)} has expired`, { cause: error })
    }
  }

  async timeToLive(
    lease: bigint,
    options: CallOptions & { readonly keys?: boolean | undefined } = {},
  ): Promise<LeaseTimeToLive | undefined> {
    await Promise.resolve()
    options.signal?.throwIfAborted()
    this.#parts.requireOpen()
    const { lessor, environment } = this.#parts
    const id = toId(lease)
    const found = lessor.timeToLive(id, environment.clock.nowMs())
    if (found === undefined || options.keys !== true) return found
    return { ...found, keys: lessor.keys(id).map(fromKey) }
  }

  async list(options: CallOptions = {}): Promise<readonly bigint[]> {
    await Promise.resolve()
    options.signal?.throwIfAborted()
    this.#parts.requireOpen()
    const { lessor, environment } = this.#parts
    return lessor.list(environment.clock.nowMs()).map(({ id }) => id)
  }

  /**
   * This member leads from now on: begins to decide who is overdue.
   *
   * @param extendMs more time for every lease, since nobody could renew while there was no leader
   */
  promote(extendMs: number): void {
    const { lessor, environment } = this.#parts
    lessor.promote({ nowMs: environment.clock.nowMs(), extendMs })
    this.#parts.kick()
    this.rearm()
  }

  /** This member leads no more: another one decides, and renews. What was proposed may still take effect. */
  demote(): void {
    this.#disarm()
    this.#parts.lessor.demote()
  }

  /** A slice of background work: returns whether there is more. */
  promoteStep(): boolean {
    if (this.#parts.lessor.state !== 'promoting') return false
    const more = !this.#parts.lessor.promoteStep(promoteStepLeases)
    if (!more) this.rearm()
    return more
  }

  /** A deadline may have become earlier. */
  rearm(): void {
    if (this.#stopped) return
    const nextMs = this.#parts.lessor.nextDeadlineMs()
    if (nextMs === undefined || nextMs >= this.#dueMs) return
    const { clock } = this.#parts.environment
    const nowMs = clock.nowMs()
    this.#timer?.cancel()
    this.#dueMs = nextMs
    const delayMs = Math.min(Math.max(0, nextMs - nowMs), sweepMaxMs)
    this.#wakeMs = nowMs + delayMs
    this.#timer = clock.setTimer(delayMs, () => this.#sweep())
  }

  stop(): void {
    this.#stopped = true
    this.#disarm()
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#dueMs = Infinity
    this.#wakeMs = Infinity
  }

  /** Looks for overdue leases and for checkpoints that are due. */
  #sweep(): void {
    const { lessor, environment } = this.#parts
    this.#noticePause()
    const nowMs = environment.clock.nowMs()
    this.#dueMs = Infinity
    this.#wakeMs = Infinity
    for (const id of lessor.expired(nowMs)) this.#revoke(id).catch(() => {})
    const checkpoints = lessor.checkpointsDue(nowMs)
    if (checkpoints.length > 0) this.#checkpoint(checkpoints)
    // While many revocations wait for the log, the next ones wait for them.
    if (this.#revoking.size < revocationsMax) this.rearm()
  }

  /**
   * When the timer is late, the process stood still and clients could not renew. What they had left then, they
   * have now. Input that waited is read before timers run, so each renewal asks this, too.
   */
  #noticePause(): void {
    const nowMs = this.#parts.environment.clock.nowMs()
    const lateMs = nowMs - this.#wakeMs
    if (lateMs <= pauseMinMs) return
    this.#wakeMs = nowMs
    this.#parts.lessor.extendAll(lateMs)
  }

  /** Nobody waits for it. If it is lost, it becomes due again. */
  #checkpoint(checkpoints: readonly Checkpoint[]): void {
    const proposed = async (): Promise<unknown> =>
      this.#parts.propose({ type: 'leaseCheckpoint', checkpoints })
    proposed().catch(() => {})
  }

  /** Revokes a lease; callers of the same lease share the work. */
  #revoke(id: bigint): Promise<void> {
    const running = this.#revoking.get(id)
    if (running !== undefined) return running
    const revoked = this.#revokeInSteps(id).finally(() => {
      this.#revoking.delete(id)
      if (this.#revoking.size === revocationsMax - 1) this.rearm()
    })
    this.#revoking.set(id, revoked)
    return revoked
  }

  async #revokeInSteps(id: bigint): Promise<void> {
    const { lessor, propose, revokeMaxKeys } = this.#parts
    for (;;) {
      const keys = lessor.takeKeys(id, revokeMaxKeys + 1)
      if (keys.length <= revokeMaxKeys) break
      await propose({ type: 'leaseRevokeKeys', id, keys: keys.slice(0, revokeMaxKeys).sort() })
    }
    await propose({ type: 'leaseRevoke', id })
  }

  #freeId(): bigint {
    const { lessor, environment } = this.#parts
    for (;;) {
      const id = environment.random.id63()
      if (lessor.timeToLive(id, 0) === undefined) return id
    }
  }
}
