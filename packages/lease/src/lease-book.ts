import { invariant } from '@orrery/environment'
import { createTimerWheel, type TimerWheel } from '@orrery/timer-wheel'
import { CheckpointSchedule } from './checkpoint-schedule.ts'
import { LeaseError } from './errors.ts'
import { KeyIndex } from './key-index.ts'
import { LeaseEntry } from './lease-entry.ts'
import type {
  Checkpoint,
  Lease,
  LeaseId,
  LeaseRecord,
  Lessor,
  LessorState,
  Renewal,
  TimeToLive,
} from './lessor.ts'
import { type LessorOptions, resolveOptions } from './options.ts'
import { Promotion } from './promotion.ts'
import { hashId, ShardedMap } from './sharded-map.ts'

/** @throws LeaseError `LEASE_OPTIONS_INVALID` */
export function createLessor(options: LessorOptions = {}): Lessor {
  return new LeaseBook(resolveOptions(options))
}

/**
 * Deadlines are kept in *lease time*: the host's clock less all gaps that were granted, so that granting one
 * more moves every deadline at once. The wheels know lease time only.
 */
class LeaseBook implements Lessor {
  readonly #options: Required<LessorOptions>
  readonly #leases = new ShardedMap<LeaseId, LeaseEntry>(hashId)
  readonly #keys = new KeyIndex()
  /** Counts promotions. A lease whose epoch is older has not been armed by the current one. */
  #epoch = 0
  #primary = false
  /** Invariant: there is none unless the lessor is primary. */
  #promotion: Promotion | undefined
  #wheel: TimerWheel<LeaseEntry>
  #checkpoints: CheckpointSchedule
  #gapsMs = 0
  /** Latest lease time that was seen, for replicated methods that restart a retry. */
  #latestMs = 0
  #promotionSteps = 0
  /** Work of the wheels of earlier reigns. */
  #formerSteps = 0

  constructor(options: Required<LessorOptions>) {
    this.#options = options
    this.#wheel = createTimerWheel({ tickMs: options.tickMs })
    this.#checkpoints = new CheckpointSchedule({ ...options, nowMs: 0 })
  }

  get state(): LessorState {
    if (!this.#primary) return 'demoted'
    return this.#promotion === undefined ? 'primary' : 'promoting'
  }

  get size(): number {
    return this.#leases.size
  }

  get steps(): number {
    return this.#formerSteps + this.#promotionSteps + this.#wheel.steps + this.#checkpoints.steps
  }

  grant({
    id,
    ttlMs,
    nowMs,
  }: {
    readonly id: LeaseId
    readonly ttlMs: number
    readonly nowMs: number
  }): Lease {
    const { ttlMinMs, ttlMaxMs } = this.#options
    if (ttlMs > ttlMaxMs) {
      throw new LeaseError('LEASE_TTL_TOO_LARGE', `${ttlMs} ms is more than the maximum of ${ttlMaxMs} ms`)
    }
    if (!Number.isSafeInteger(ttlMs)) {
      throw new LeaseError('LEASE_TTL_INVALID', `${ttlMs} is not a whole number of milliseconds`)
    }
    const lease = this.#add(id, Math.max(ttlMs, ttlMinMs))
    const timeMs = this.#leaseTime(nowMs)
    if (this.#primary) this.#arm(lease, timeMs, timeMs + lease.ttlMs)
    return { id, ttlMs: lease.ttlMs, remainingMs: lease.ttlMs }
  }

  beginRevoke(id: LeaseId): void {
    const lease = this.#require(id)
    lease.phase = 'revoking'
    if (this.#primary) this.#retryLater(lease)
  }

  revoke(id: LeaseId): readonly string[] {
    const lease = this.#require(id)
    this.#wheel.cancel(lease)
    this.#checkpoints.stop(lease)
    this.#leases.delete(id)
    return this.#keys.release(lease).sort()
  }

  attach(id: LeaseId, key: string): void {
    const lease = this.#require(id)
    if (lease.phase === 'revoking')
      throw new LeaseError('LEASE_NOT_FOUND', `lease ${id.toString()} is being revoked`)
    this.#keys.attach(lease, key)
  }

  detach(id: LeaseId, key: string): boolean {
    const lease = this.#leases.get(id)
    if (lease === undefined || !this.#keys.detach(lease, key)) return false
    // Its revocation makes progress, so nobody needs to start another one.
    if (this.#primary && lease.phase === 'revoking') this.#retryLater(lease)
    return true
  }

  checkpoint(id: LeaseId, remainingMs: number): boolean {
    const lease = this.#leases.get(id)
    if (lease === undefined) return false
    invariant(remainingMs >= 0, 'a checkpoint is not negative')
    lease.checkpointMs = Math.min(remainingMs, lease.ttlMs)
    const outdated = remainingMs > 0 && lease.phase === 'live' && this.#isArmed(lease)
    if (outdated && lease.deadlineMs - this.#latestMs > remainingMs) {
      this.#checkpoints.correct(lease, this.#latestMs)
    }
    return true
  }

  restore(record: LeaseRecord, keys: Iterable<string> = []): void {
    invariant(!this.#primary, 'leases are restored before a promotion')
    const lease = this.#add(record.id, record.ttlMs)
    lease.checkpointMs = record.remainingMs ?? 0
    if (record.revoking === true) lease.phase = 'revoking'
    for (const key of keys) this.#keys.attach(lease, key)
  }

  renew(id: LeaseId, nowMs: number): Renewal {
    if (!this.#primary) throw new LeaseError('LEASE_NOT_PRIMARY', 'only the primary lessor renews')
    const lease = this.#require(id)
    const timeMs = this.#leaseTime(nowMs)
    if (this.#isOver(lease, timeMs))
      throw new LeaseError('LEASE_EXPIRED', `lease ${id.toString()} has expired`)
    this.#arm(lease, timeMs, timeMs + lease.ttlMs)
    return { ttlMs: lease.ttlMs, mustClearCheckpoint: lease.checkpointMs > 0 }
  }

  expired(nowMs: number): readonly LeaseId[] {
    const timeMs = this.#leaseTime(nowMs)
    if (this.state !== 'primary') return []
    const overdue = this.#wheel.advance(timeMs, {
      maxExpired: this.#options.expiredMaxLeases,
      maxSteps: this.#options.sweepMaxLeases,
    })
    return overdue.map((lease) => {
      if (lease.phase === 'live') {
        lease.phase = 'overdue'
        this.#checkpoints.stop(lease)
      }
      this.#retryLater(lease)
      return lease.id
    })
  }

  checkpointsDue(nowMs: number): readonly Checkpoint[] {
    const timeMs = this.#leaseTime(nowMs)
    return this.state === 'primary' ? this.#checkpoints.due(timeMs) : []
  }

  nextDeadlineMs(): number | undefined {
    if (this.state !== 'primary') return undefined
    const expiry = this.#wheel.nextDeadlineMs() ?? Infinity
    const checkpoint = this.#checkpoints.nextDeadlineMs() ?? Infinity
    const next = Math.min(expiry, checkpoint)
    return next === Infinity ? undefined : next + this.#gapsMs
  }

  promote({ nowMs, extendMs }: { readonly nowMs: number; readonly extendMs: number }): void {
    invariant(extendMs >= 0, 'a promotion never shortens a lease')
    this.#formerSteps += this.#wheel.steps + this.#checkpoints.steps
    this.#epoch += 1
    this.#primary = true
    this.#gapsMs = 0
    this.#latestMs = nowMs
    // Leases leave the old wheel one by one, as they are armed: emptying it now would stop the host.
    this.#wheel = createTimerWheel({ tickMs: this.#options.tickMs, nowMs })
    this.#checkpoints = new CheckpointSchedule({ ...this.#options, nowMs })
    this.#promotion = new Promotion({ ...this.#options, leases: this.#leases.values(), nowMs, extendMs })
  }

  promoteStep(maxLeases: number): boolean {
    invariant(maxLeases >= 1, 'a step arms at least one lease')
    for (let count = 0; count < maxLeases && this.#promotion !== undefined; count += 1) {
      const lease = this.#promotion.next()
      if (lease === undefined) {
        this.#promotion = undefined
        break
      }
      this.#promotionSteps += 1
      if (lease.epoch === this.#epoch) continue
      const deadlineMs = this.#promotion.deadlineOf(lease)
      this.#arm(lease, this.#latestMs, deadlineMs)
    }
    return this.#promotion === undefined
  }

  demote(): void {
    this.#primary = false
    this.#promotion = undefined
  }

  extendAll(gapMs: number): void {
    invariant(gapMs >= 0, 'a gap is not negative')
    this.#gapsMs += gapMs
  }

  leaseOf(key: string): LeaseId | undefined {
    return this.#keys.leaseOf(key)?.id
  }

  keys(id: LeaseId): readonly string[] {
    return this.#take(id, Infinity).sort()
  }

  takeKeys(id: LeaseId, maxKeys: number): readonly string[] {
    return this.#take(id, maxKeys)
  }

  timeToLive(id: LeaseId, nowMs: number): TimeToLive | undefined {
    const lease = this.#leases.get(id)
    if (lease === undefined) return undefined
    return { grantedMs: lease.ttlMs, remainingMs: this.#remainingMs(lease, nowMs - this.#gapsMs) }
  }

  *leases(): IterableIterator<LeaseRecord> {
    for (const { id, ttlMs, checkpointMs, phase } of this.#leases.values()) {
      yield {
        id,
        ttlMs,
        ...(checkpointMs > 0 && { remainingMs: checkpointMs }),
        ...(phase === 'revoking' && { revoking: true }),
      }
    }
  }

  list(nowMs: number): readonly Lease[] {
    const timeMs = nowMs - this.#gapsMs
    const leases: Lease[] = []
    for (const lease of this.#leases.values()) {
      leases.push({ id: lease.id, ttlMs: lease.ttlMs, remainingMs: this.#remainingMs(lease, timeMs) })
    }
    return leases.sort((a, b) => a.remainingMs - b.remainingMs || (a.id < b.id ? -1 : 1))
  }

  #add(id: LeaseId, ttlMs: number): LeaseEntry {
    if (id === 0n || BigInt.asIntN(64, id) !== id) {
      throw new LeaseError('LEASE_ID_INVALID', `${id.toString()} is not a signed 64-bit integer other than 0`)
    }
    if (this.#leases.get(id) !== undefined) {
      throw new LeaseError('LEASE_EXISTS', `lease ${id.toString()} exists already`)
    }
    const lease = new LeaseEntry(id, ttlMs)
    this.#leases.set(id, lease)
    return lease
  }

  #require(id: LeaseId): LeaseEntry {
    const lease = this.#leases.get(id)
    if (lease === undefined) throw new LeaseError('LEASE_NOT_FOUND', `lease ${id.toString()} does not exist`)
    return lease
  }

  #take(id: LeaseId, maxKeys: number): string[] {
    const lease = this.#leases.get(id)
    return lease === undefined ? [] : this.#keys.take(lease, maxKeys)
  }

  /** Gives a lease a deadline in this reign. */
  #arm(lease: LeaseEntry, timeMs: number, deadlineMs: number): void {
    const first = lease.epoch !== this.#epoch
    lease.epoch = this.#epoch
    this.#wheel.schedule(lease, deadlineMs)
    if (lease.phase === 'revoking') return
    lease.phase = 'live'
    if (first) this.#checkpoints.start(lease, timeMs)
    else this.#checkpoints.renewed(lease, timeMs)
  }

  /** Reports a lease that is overdue or being revoked again, unless it is gone by then. */
  #retryLater(lease: LeaseEntry): void {
    lease.epoch = this.#epoch
    this.#checkpoints.stop(lease)
    this.#wheel.schedule(lease, this.#latestMs + this.#options.expiredRetryMs)
  }

  /** Whether the deadline of a lease counts: only in the reign that has set it. */
  #isArmed(lease: LeaseEntry): boolean {
    return this.#primary && lease.epoch === this.#epoch
  }

  #isOver(lease: LeaseEntry, timeMs: number): boolean {
    if (lease.phase === 'revoking') return true
    return this.#isArmed(lease) && (lease.phase === 'overdue' || lease.deadlineMs <= timeMs)
  }

  #remainingMs(lease: LeaseEntry, timeMs: number): number {
    if (this.#isOver(lease, timeMs)) return 0
    return this.#isArmed(lease) ? lease.deadlineMs - timeMs : lease.carriedMs
  }

  #leaseTime(nowMs: number): number {
    const timeMs = nowMs - this.#gapsMs
    if (timeMs > this.#latestMs) this.#latestMs = timeMs
    return timeMs
  }
}
