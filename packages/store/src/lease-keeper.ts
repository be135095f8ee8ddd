import { type Environment, hasCode } from '@orrery/environment'
import { type Checkpoint, LeaseError, type Lessor } from '@orrery/lease'
import { abortable } from './abortable.ts'
import { fromKey } from './bytes.ts'
import type { Command } from './command.ts'
import { LeaseSweeper } from './lease-sweeper.ts'
import type { ProposeOptions } from './proposer.ts'
import { toId } from './requests.ts'
import { Revocations } from './revocations.ts'
import type { CommandResult } from './state-machine.ts'
import type { CallOptions, Leases, LeaseTimeToLive } from './store.ts'

/** What a {@link LeaseKeeper} needs of its store. */
export interface LeaseKeeperParts {
  readonly environment: Environment
  readonly lessor: Lessor
  /** Keys that one entry of the log deletes. */
  readonly revokeMaxKeys: number
  readonly revision: () => number
  readonly propose: (command: Command, options?: ProposeOptions) => Promise<CommandResult>
  /** @throws StoreError `STORE_CLOSED` */
  readonly requireOpen: () => void
  /** @throws StoreError `STORE_NO_SPACE` */
  readonly requireSpace: () => void
  /** There is background work: {@link LeaseKeeper.promoteStep}. */
  readonly kick: () => void
}

/** The leases of a store: what clients may do with them, and the end of those that nobody renews. */
export class LeaseKeeper implements Leases {
  readonly #parts: LeaseKeeperParts
  readonly #revocations: Revocations
  readonly #sweeper: LeaseSweeper

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts
    this.#revocations = new Revocations({ ...parts, onEnded: () => this.#sweeper.rearm() })
    this.#sweeper = new LeaseSweeper({
      ...parts,
      isBusy: () => this.#revocations.full,
      onExpired: (ids) => this.#revocations.expire(ids),
      onCheckpointsDue: (checkpoints) => this.#checkpoint(checkpoints),
    })
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
    await abortable(this.#revocations.revoke(toId(id)), options?.signal)
    return { revision: this.#parts.revision() }
  }

  async keepAlive(lease: bigint, options: CallOptions = {}): Promise<{ ttlMs: number }> {
    options.signal?.throwIfAborted()
    this.#parts.requireOpen()
    const { lessor, environment } = this.#parts
    const id = toId(lease)
    this.#sweeper.noticePause()
    try {
      const { ttlMs, mustClearCheckpoint } = lessor.renew(id, environment.clock.nowMs())
      // A leader who comes next would go by the note: only without it can the promise be kept.
      if (mustClearCheckpoint) {
        await abortable(this.#proposeCheckpoints([{ id, remainingMs: 0 }]), options.signal)
      }
      return { ttlMs }
    } catch (error) {
      if (!hasCode(error, 'LEASE_EXPIRED')) throw error
      // It is about to go. Only once it is gone may its owner be told so.
      await abortable(this.#revocations.revoke(id), options.signal)
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

  /** See {@link LeaseSweeper.promote}. */
  promote(extendMs: number): void {
    this.#sweeper.promote(extendMs)
  }

  /** See {@link LeaseSweeper.demote}. */
  demote(): void {
    this.#sweeper.demote()
  }

  /** A slice of background work: returns whether there is more. */
  promoteStep(): boolean {
    return this.#sweeper.promoteStep()
  }

  /** A lease was granted. */
  rearm(): void {
    this.#sweeper.rearm()
  }

  stop(): void {
    this.#sweeper.stop()
  }

  /** Nobody waits for it. If it is lost, it becomes due again. */
  #checkpoint(checkpoints: readonly Checkpoint[]): void {
    this.#proposeCheckpoints(checkpoints).catch(() => {})
  }

  async #proposeCheckpoints(checkpoints: readonly Checkpoint[]): Promise<unknown> {
    return await this.#parts.propose({ type: 'leaseCheckpoint', checkpoints }, { isLeaderOnly: true })
  }

  #freeId(): bigint {
    const { lessor, environment } = this.#parts
    for (;;) {
      const id = environment.random.id63()
      if (lessor.timeToLive(id, 0) === undefined) return id
    }
  }
}
