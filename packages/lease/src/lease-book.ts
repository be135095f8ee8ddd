import { invariant } from '@orrery/environment'
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
import { Reign } from './reign.ts'
import { hashId, ShardedMap } from './sharded-map.ts'

/** @throws LeaseError `LEASE_OPTIONS_INVALID` */
export function createLessor(options: LessorOptions = {}): Lessor {
  return new LeaseBook(resolveOptions(options))
}

/** The replicated part: which leases and attachments there are. Deadlines are the matter of its {@link Reign}. */
class LeaseBook implements Lessor {
  readonly #options: Required<LessorOptions>
  readonly #leases = new ShardedMap<LeaseId, LeaseEntry>(hashId)
  readonly #keys = new KeyIndex()
  /** `undefined` unless this lessor is primary. */
  #reign: Reign | undefined
  #formerSteps = 0

  constructor(options: Required<LessorOptions>) {
    this.#options = options
  }

  get state(): LessorState {
    if (this.#reign === undefined) return 'demoted'
    return this.#reign.promoting ? 'promoting' : 'primary'
  }

  get size(): number {
    return this.#leases.size
  }

  get steps(): number {
    return this.#formerSteps + (this.#reign?.steps ?? 0)
  }

  grant(request: { readonly id: LeaseId; readonly ttlMs: number; readonly nowMs: number }): Lease {
    const { ttlMinMs, ttlMaxMs } = this.#options
    if (request.ttlMs > ttlMaxMs) {
      throw new LeaseError(
        'LEASE_TTL_TOO_LARGE',
        `${request.ttlMs} ms is more than the maximum of ${ttlMaxMs} ms`,
      )
    }
    if (!Number.isSafeInteger(request.ttlMs)) {
      throw new LeaseError('LEASE_TTL_INVALID', `${request.ttlMs} is not a whole number of milliseconds`)
    }
    const lease = this.#add(request.id, Math.max(request.ttlMs, ttlMinMs))
    this.#reign?.renew(lease, request.nowMs)
    return { id: lease.id, ttlMs: lease.ttlMs, remainingMs: lease.ttlMs }
  }

  beginRevoke(id: LeaseId): void {
    const lease = this.#require(id)
    lease.phase = 'revoking'
    this.#reign?.revocationProgressed(lease)
  }

  revoke(id: LeaseId): readonly string[] {
    const lease = this.#require(id)
    // The reign that armed it, which may be over: its wheel would otherwise keep the lease in memory.
    lease.reign?.forget(lease)
    this.#leases.delete(id)
    return this.#keys.release(lease).sort()
  }

  attach(id: LeaseId, key: string): void {
    const lease = this.#require(id)
    if (lease.phase === 'revoking') {
      throw new LeaseError('LEASE_NOT_FOUND', `lease ${id.toString()} is being revoked`)
    }
    this.#keys.attach(lease, key)
  }

  detach(id: LeaseId, key: string): boolean {
    const lease = this.#leases.get(id)
    if (lease === undefined || !this.#keys.detach(lease, key)) return false
    if (lease.phase === 'revoking') this.#reign?.revocationProgressed(lease)
    return true
  }

  checkpoint(id: LeaseId, remainingMs: number): boolean {
    invariant(remainingMs >= 0, 'a checkpoint is not negative')
    const lease = this.#leases.get(id)
    if (lease === undefined) return false
    lease.checkpointMs = Math.min(remainingMs, lease.ttlMs)
    this.#reign?.checkpointed(lease)
    return true
  }

  restore(record: LeaseRecord, keys: Iterable<string> = []): void {
    invariant(this.#reign === undefined, 'leases are restored before a promotion')
    const lease = this.#add(record.id, record.ttlMs)
    lease.checkpointMs = record.remainingMs ?? 0
    if (record.revoking === true) lease.phase = 'revoking'
    for (const key of keys) this.#keys.attach(lease, key)
  }

  renew(id: LeaseId, nowMs: number): Renewal {
    if (this.#reign === undefined) {
      throw new LeaseError('LEASE_NOT_PRIMARY', 'only the primary lessor renews leases')
    }
    const lease = this.#require(id)
    if (this.#reign.isOver(lease, nowMs)) {
      throw new LeaseError('LEASE_EXPIRED', `lease ${id.toString()} is overdue or being revoked`)
    }
    this.#reign.renew(lease, nowMs)
    return { ttlMs: lease.ttlMs, mustClearCheckpoint: lease.checkpointMs > 0 }
  }

  expired(nowMs: number): readonly LeaseId[] {
    return this.#reign?.expired(nowMs) ?? []
  }

  checkpointsDue(nowMs: number): readonly Checkpoint[] {
    return this.#reign?.checkpointsDue(nowMs) ?? []
  }

  nextDeadlineMs(): number | undefined {
    return this.#reign?.nextDeadlineMs()
  }

  promote({ nowMs, extendMs }: { readonly nowMs: number; readonly extendMs: number }): void {
    invariant(extendMs >= 0, 'a promotion never shortens a lease')
    this.demote()
    this.#reign = new Reign(this.#options, { leases: this.#leases.values(), nowMs, extendMs })
  }

  promoteStep(maxLeases: number): boolean {
    return this.#reign?.promoteStep(maxLeases) ?? true
  }

  demote(): void {
    this.#formerSteps = this.steps
    // Its leases stay in the wheel of the former reign until they are armed again: emptying it would take long.
    this.#reign = undefined
  }

  extendAll(gapMs: number): void {
    this.#reign?.extendAll(gapMs)
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
    return lease && { grantedMs: lease.ttlMs, remainingMs: this.#remainingMs(lease, nowMs) }
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
    const leases: Lease[] = []
    for (const lease of this.#leases.values()) {
      leases.push({ id: lease.id, ttlMs: lease.ttlMs, remainingMs: this.#remainingMs(lease, nowMs) })
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

  #remainingMs(lease: LeaseEntry, nowMs: number): number {
    if (lease.phase === 'revoking') return 0
    return this.#reign?.remainingMs(lease, nowMs) ?? lease.carriedMs
  }
}
