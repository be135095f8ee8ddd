/** Identifies a lease: a signed 64-bit integer other than 0, chosen by the host. */
export type LeaseId = bigint

/** A lease as of one moment. */
export interface Lease {
  readonly id: LeaseId
  /** Granted time to live. Unit: ms. */
  readonly ttlMs: number
  /** Unit: ms; 0 when it is overdue or being revoked. Where the lessor is not primary: what a promotion would grant. */
  readonly remainingMs: number
}

/** What a host persists about a lease, beside the keys attached to it. Same on every member. */
export interface LeaseRecord {
  readonly id: LeaseId
  /** Granted time to live. Unit: ms. */
  readonly ttlMs: number
  /** The last checkpoint; absent: none, so a promotion grants the full time to live. Unit: ms. */
  readonly remainingMs?: number
  /** Whether its revocation has begun. @defaultValue `false` */
  readonly revoking?: boolean
}

export interface TimeToLive {
  /** Unit: ms. */
  readonly grantedMs: number
  /** As in {@link Lease}. Unit: ms. */
  readonly remainingMs: number
}

export interface Renewal {
  /** Time to live from now on. Unit: ms. */
  readonly ttlMs: number
  /**
   * The log holds a checkpoint that this renewal has outdated: propose `checkpoint(id, 0)`. Repeated by each
   * renewal until that is applied.
   */
  readonly mustClearCheckpoint: boolean
}

/** An entry for the log; applied with {@link Lessor.checkpoint}. */
export interface Checkpoint {
  readonly id: LeaseId
  /** 0: the checkpoint in the log is outdated and must go. Unit: ms, an integer. */
  readonly remainingMs: number
}

/**
 * - `demoted`: leases live forever; some other lessor decides. The initial state.
 * - `promoting`: renews and grants, but nothing expires until `promoteStep` has returned `true`.
 * - `primary`: decides who is overdue.
 */
export type LessorState = 'demoted' | 'promoting' | 'primary'

/**
 * Who may live until when.
 *
 * Three kinds of methods. *Replicated* ones are applied from the log, in the same order on every member, and
 * their outcome never depends on time. *Primary* ones act on the local clock and change nothing replicated: the
 * host proposes what they return. The others read.
 *
 * `nowMs` is the monotonic clock of the host. Unit: ms. A key is a byte string, one character per byte.
 */
export interface Lessor {
  readonly state: LessorState
  /** Unit: leases. */
  readonly size: number
  /** Leases looked at by `expired`, `checkpointsDue` and `promoteStep` so far: the work they did. */
  readonly steps: number

  /**
   * Replicated. Adds a lease. `nowMs` only arms its deadline.
   *
   * @throws LeaseError `LEASE_ID_INVALID`, `LEASE_TTL_INVALID`, `LEASE_TTL_TOO_LARGE`, `LEASE_EXISTS`
   */
  grant(lease: { readonly id: LeaseId; readonly ttlMs: number; readonly nowMs: number }): Lease
  /**
   * Replicated. Marks a lease whose keys are about to be deleted in several steps: no key can be attached to it
   * and no renewal saves it. Also blocks `expired` from reporting it for one retry time.
   *
   * @throws LeaseError `LEASE_NOT_FOUND`
   */
  beginRevoke(id: LeaseId): void
  /**
   * Replicated. Removes a lease and returns the keys that it still had, in byte order. Takes time in proportion
   * to their number: empty a huge lease with `beginRevoke`, `takeKeys` and `detach` first.
   *
   * @throws LeaseError `LEASE_NOT_FOUND`
   */
  revoke(id: LeaseId): readonly string[]
  /**
   * Replicated. Ties a key to a lease. A key of another lease moves.
   *
   * @throws LeaseError `LEASE_NOT_FOUND` when the lease is unknown or being revoked
   */
  attach(id: LeaseId, key: string): void
  /** Replicated. Unties a key and tells whether it was tied to this lease. */
  detach(id: LeaseId, key: string): boolean
  /**
   * Replicated. Notes how much time a lease had left, for the next promotion; 0 removes the note. Tells whether
   * the lease exists: it may have been revoked since the checkpoint was proposed.
   */
  checkpoint(id: LeaseId, remainingMs: number): boolean
  /**
   * Adds a lease from a snapshot, before any promotion. Its keys are attached afterwards, also when it is being
   * revoked.
   *
   * @throws LeaseError `LEASE_EXISTS`, `LEASE_ID_INVALID`
   */
  restore(record: LeaseRecord, keys?: Iterable<string>): void

  /**
   * Primary. Gives a lease its full time to live from now on. Constant time.
   *
   * @throws LeaseError `LEASE_NOT_PRIMARY`, `LEASE_NOT_FOUND`; `LEASE_EXPIRED` when it is overdue or being
   * revoked: the host waits for the revocation and then answers that it does not exist
   */
  renew(id: LeaseId, nowMs: number): Renewal
  /**
   * Primary. Leases that are overdue, oldest first: propose their revocation. One that is still there after
   * `expiredRetryMs` is returned again, and so is one whose revocation began and then made no progress. Empty
   * unless the state is `primary`.
   */
  expired(nowMs: number): readonly LeaseId[]
  /** Primary. Checkpoints to propose. Empty unless the state is `primary`. */
  checkpointsDue(nowMs: number): readonly Checkpoint[]
  /**
   * Time before which neither `expired` nor `checkpointsDue` has anything to do; `undefined` when they never will.
   * While it is not after `nowMs`, a limit of one call has left work: call again in the next turn.
   */
  nextDeadlineMs(): number | undefined
  /**
   * Starts to decide. Every lease gets its remaining time to live (the checkpointed, else the full one) and
   * `extendMs` on top, and more where too many would expire at once. Follow with `promoteStep`.
   */
  promote(promotion: { readonly nowMs: number; readonly extendMs: number }): void
  /**
   * Arms the next `maxLeases` leases of a promotion and tells whether it is finished (also when there is none).
   * About 0.3 µs per lease: 5 000 are a good step. Until it is finished, nothing expires.
   */
  promoteStep(maxLeases: number): boolean
  /** Stops to decide: all leases live forever, until the next promotion. Constant time. */
  demote(): void
  /**
   * Primary. Gives every lease `gapMs` more, since the host noticed that it was paused and nobody could renew.
   * Constant time. Call it before `expired` when time has jumped: a gap longer than the time since the last
   * `expired` makes new leases expire late by the difference.
   */
  extendAll(gapMs: number): void

  /** The lease a key is attached to. */
  leaseOf(key: string): LeaseId | undefined
  /** All keys of a lease in byte order; sorts them. Empty when the lease is unknown. */
  keys(id: LeaseId): readonly string[]
  /**
   * Some keys of a lease, without sorting: the next ones to delete. They stay attached. Which ones they are depends
   * on the order of attachment, which a restart changes: choose them on one member and put them into the log.
   */
  takeKeys(id: LeaseId, maxKeys: number): readonly string[]
  /** `undefined` when the lease is unknown. */
  timeToLive(id: LeaseId, nowMs: number): TimeToLive | undefined
  /** What to persist, in no particular order. Stays valid while leases come and go. */
  leases(): IterableIterator<LeaseRecord>
  /** All leases, the next to expire first. Takes time in proportion to `size`, and sorts. */
  list(nowMs: number): readonly Lease[]
}
