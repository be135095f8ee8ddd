import { createLessor, type LeaseId, type LeaseRecord, type Lessor } from '@orrery/lease'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const tickMs = 10
const retryMs = 3_000
const intervalMs = 5_000
const ttlMinMs = 2_000

const id = fc.integer({ min: 1, max: 6 }).map(BigInt)
const key = fc.constantFrom('a', 'b', 'c', 'd')
const type = <const T extends string>(name: T) => fc.constant(name)

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: type('grant'), id, ttlMs: fc.integer({ min: -10, max: 20_000 }) }),
  },
  { weight: 6, arbitrary: fc.record({ type: type('renew'), id }) },
  { weight: 3, arbitrary: fc.record({ type: type('attach'), id, key }) },
  { weight: 2, arbitrary: fc.record({ type: type('detach'), id, key }) },
  { weight: 1, arbitrary: fc.record({ type: type('beginRevoke'), id }) },
  { weight: 2, arbitrary: fc.record({ type: type('revoke'), id }) },
  { weight: 2, arbitrary: fc.record({ type: type('checkpoint'), id, remainingMs: fc.nat(20_000) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: type('pass'),
      ms: fc.integer({ min: 1, max: 4_000 }),
      pausedRatio: fc.constantFrom(0, 0, 0, 0.5, 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: type('promote'), extendMs: fc.nat(2_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: type('promoteStep'), maxLeases: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: type('demote') }) },
)
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never

interface ModelLease {
  readonly ttlMs: number
  readonly keys: Set<string>
  checkpointMs: number
  revoking: boolean
  /** Has been reported in this reign. */
  overdue: boolean
  /** Next report; `undefined`: lives forever. Unit: ms of lease time. */
  deadlineMs: number | undefined
  /** Lease time when a checkpoint was applied that said too little. */
  outdatedAtMs: number
}

/** The lessor as one would write it with no regard to its cost. */
class Model {
  readonly lessor: Lessor = createLessor({
    tickMs,
    ttlMinMs,
    expiredRetryMs: retryMs,
    expiredMaxLeases: 2,
    sweepMaxLeases: 3,
    checkpointIntervalMs: intervalMs,
    checkpointMaxLeases: 2,
    revokeMaxPerSecond: Infinity,
  })
  readonly leases = new Map<LeaseId, ModelLease>()
  readonly reached = new Set<string>()
  state: 'demoted' | 'promoting' | 'primary' = 'demoted'
  nowMs = 1_000
  gapsMs = 0
  extendedMs = 0

  get timeMs(): number {
    return this.nowMs - this.gapsMs
  }

  isOver(lease: ModelLease): boolean {
    return lease.revoking || lease.overdue || (lease.deadlineMs ?? Infinity) <= this.timeMs
  }

  remainingMs(lease: ModelLease): number {
    if (this.isOver(lease)) return 0
    return lease.deadlineMs === undefined ? lease.checkpointMs || lease.ttlMs : lease.deadlineMs - this.timeMs
  }

  run(step: Command): void {
    const lease = 'id' in step ? this.leases.get(step.id) : undefined
    switch (step.type) {
      case 'grant': {
        this.#grant(step.id, step.ttlMs)
        return
      }
      case 'renew': {
        this.#renew(step.id)
        return
      }
      case 'attach':
        if (lease === undefined || lease.revoking) {
          expect(() => this.lessor.attach(step.id, step.key)).toThrow('LEASE_NOT_FOUND')
          return
        }
        this.lessor.attach(step.id, step.key)
        for (const other of this.leases.values()) other.keys.delete(step.key)
        lease.keys.add(step.key)
        return
      case 'detach': {
        const had = lease?.keys.delete(step.key) ?? false
        expect(this.lessor.detach(step.id, step.key)).toBe(had)
        if (lease?.revoking === true && had && this.state !== 'demoted')
          lease.deadlineMs = this.timeMs + retryMs
        return
      }
      case 'beginRevoke':
        if (lease === undefined) {
          expect(() => this.lessor.beginRevoke(step.id)).toThrow('LEASE_NOT_FOUND')
          return
        }
        this.lessor.beginRevoke(step.id)
        lease.revoking = true
        if (this.state !== 'demoted') lease.deadlineMs = this.timeMs + retryMs
        return
      case 'revoke':
        if (lease === undefined) {
          expect(() => this.lessor.revoke(step.id)).toThrow('LEASE_NOT_FOUND')
          return
        }
        expect(this.lessor.revoke(step.id)).toEqual([...lease.keys].sort())
        this.leases.delete(step.id)
        return
      case 'checkpoint':
        // What the previous primary took is applied before a promotion begins, as is its last log entry.
        if (this.state === 'promoting' && step.remainingMs > 0) return
        expect(this.lessor.checkpoint(step.id, step.remainingMs)).toBe(lease !== undefined)
        if (lease === undefined) return
        lease.checkpointMs = Math.min(step.remainingMs, lease.ttlMs)
        lease.outdatedAtMs = this.timeMs
        return
      case 'pass': {
        this.#pass(step.ms, step.ms * step.pausedRatio)
        return
      }
      case 'promote': {
        this.#promote(step.extendMs)
        return
      }
      case 'promoteStep':
        if (this.lessor.promoteStep(step.maxLeases) && this.state === 'promoting') this.state = 'primary'
        return
      case 'demote':
        this.lessor.demote()
        this.state = 'demoted'
        for (const each of this.leases.values())
          Object.assign(each, { deadlineMs: undefined, overdue: false })
    }
  }

  #grant(leaseId: LeaseId, ttlMs: number): void {
    const grant = () => this.lessor.grant({ id: leaseId, ttlMs, nowMs: this.nowMs })
    if (this.leases.has(leaseId)) {
      expect(grant).toThrow('LEASE_EXISTS')
      return
    }
    const granted = Math.max(ttlMs, ttlMinMs)
    expect(grant()).toEqual({ id: leaseId, ttlMs: granted, remainingMs: granted })
    this.leases.set(leaseId, {
      ttlMs: granted,
      keys: new Set(),
      checkpointMs: 0,
      revoking: false,
      overdue: false,
      deadlineMs: this.state === 'demoted' ? undefined : this.timeMs + granted,
      outdatedAtMs: -Infinity,
    })
  }

  #renew(leaseId: LeaseId): void {
    const renew = () => this.lessor.renew(leaseId, this.nowMs)
    const lease = this.leases.get(leaseId)
    if (this.state === 'demoted') {
      expect(renew).toThrow('LEASE_NOT_PRIMARY')
      return
    }
    if (lease === undefined) {
      expect(renew).toThrow('LEASE_NOT_FOUND')
      return
    }
    // Whether a promotion has come to a lease yet is its own matter: before that, the lease may still be saved.
    const undecided = this.state === 'promoting' && !lease.revoking
    if (
      this.isOver(lease) &&
      !(undecided && this.lessor.timeToLive(leaseId, this.nowMs)?.remainingMs !== 0)
    ) {
      expect(renew).toThrow('LEASE_EXPIRED')
      return
    }
    const clears = lease.checkpointMs > 0
    expect(renew()).toEqual({ ttlMs: lease.ttlMs, mustClearCheckpoint: clears })
    lease.deadlineMs = this.timeMs + lease.ttlMs
    if (clears) this.run({ type: 'checkpoint', id: leaseId, remainingMs: 0 })
    this.reached.add('renewed')
  }

  /** Model of `promote`: all leases that the promotion has still to visit are due as if it had. */
  #promote(extendMs: number): void {
    this.lessor.promote({ nowMs: this.nowMs, extendMs })
    this.gapsMs = 0
    this.state = 'promoting'
    this.extendedMs = extendMs
    for (const lease of this.leases.values()) {
      lease.overdue = false
      const aliveMs = lease.revoking ? 0 : (lease.checkpointMs || lease.ttlMs) + extendMs
      lease.deadlineMs = this.timeMs + aliveMs
    }
  }

  #pass(ms: number, pausedMs: number): void {
    this.nowMs += ms
    if (this.state !== 'demoted') this.gapsMs += pausedMs
    this.lessor.extendAll(pausedMs)
    const reported: LeaseId[] = []
    const due = () => (this.lessor.nextDeadlineMs() ?? Infinity) <= this.nowMs
    do {
      const before = this.lessor.steps
      reported.push(...this.lessor.expired(this.nowMs))
      for (const { id: leaseId, remainingMs } of this.lessor.checkpointsDue(this.nowMs)) {
        this.#checkpointDue(leaseId, remainingMs)
      }
      expect(this.lessor.steps - before).toBeLessThanOrEqual(6)
    } while (due())
    this.#checkReported(reported)
    this.#checkCheckpoints()
  }

  #checkpointDue(leaseId: LeaseId, remainingMs: number): void {
    const lease = this.leases.get(leaseId) ?? expect.fail('a checkpoint of an unknown lease')
    expect(lease.ttlMs > intervalMs || lease.checkpointMs > 0).toBe(true)
    expect(lease.revoking || lease.overdue).toBe(false)
    if (remainingMs > 0) expect(remainingMs).toBe(Math.ceil(this.remainingMs(lease)))
    else expect(lease.checkpointMs).toBeGreaterThan(0)
    this.reached.add(remainingMs > 0 ? 'checkpoint' : 'checkpoint cleared')
    this.lessor.checkpoint(leaseId, remainingMs)
    lease.checkpointMs = remainingMs
  }

  #checkReported(reported: readonly LeaseId[]): void {
    const tick = (ms: number) => Math.ceil(ms / tickMs)
    const due = [...this.leases].filter(
      ([, lease]) =>
        this.state === 'primary' &&
        lease.deadlineMs !== undefined &&
        tick(lease.deadlineMs) * tickMs <= this.timeMs,
    )
    expect([...reported].sort(), 'exactly those that are due').toEqual(due.map(([leaseId]) => leaseId).sort())
    let lastTick = -Infinity
    for (const leaseId of reported) {
      const lease = this.leases.get(leaseId) ?? expect.fail('reported but unknown')
      const dueTick = tick(lease.deadlineMs ?? 0)
      expect(dueTick, 'oldest first').toBeGreaterThanOrEqual(lastTick)
      lastTick = dueTick
      this.reached.add(lease.revoking ? 'stalled' : lease.overdue ? 'retried' : 'expired')
      if (!lease.revoking) lease.overdue = true
      lease.deadlineMs = this.timeMs + retryMs
    }
  }

  /** Apart from what the last promotion gave on top, a failover now would neither shorten a lease nor give it more than one interval. */
  #checkCheckpoints(): void {
    if (this.state !== 'primary') return
    for (const lease of this.leases.values()) {
      if (lease.ttlMs <= intervalMs || this.isOver(lease) || lease.outdatedAtMs > this.timeMs - tickMs)
        continue
      const carriedMs = lease.checkpointMs || lease.ttlMs
      const remainingMs = this.remainingMs(lease)
      expect(carriedMs, 'not shortened').toBeGreaterThanOrEqual(
        Math.min(remainingMs - this.extendedMs, lease.ttlMs),
      )
      if (lease.outdatedAtMs > -Infinity) continue
      expect(carriedMs, 'not reset').toBeLessThanOrEqual(remainingMs + intervalMs + tickMs)
    }
  }

  check(): void {
    expect(this.lessor.state).toBe(this.state)
    expect(this.lessor.size).toBe(this.leases.size)
    const records = new Map([...this.lessor.leases()].map((record) => [record.id, record]))
    for (const [leaseId, lease] of this.leases) {
      const record: LeaseRecord = {
        id: leaseId,
        ttlMs: lease.ttlMs,
        ...(lease.checkpointMs > 0 && { remainingMs: lease.checkpointMs }),
        ...(lease.revoking && { revoking: true }),
      }
      expect(records.get(leaseId)).toEqual(record)
      expect(this.lessor.keys(leaseId)).toEqual([...lease.keys].sort())
      expect([...this.lessor.takeKeys(leaseId, 9)].sort()).toEqual([...lease.keys].sort())
      for (const attached of lease.keys) expect(this.lessor.leaseOf(attached)).toBe(leaseId)
      // Until a promotion has come to a lease, its time is not known.
      if (this.state === 'promoting') continue
      const remainingMs = this.remainingMs(lease)
      expect(this.lessor.timeToLive(leaseId, this.nowMs)).toEqual({ grantedMs: lease.ttlMs, remainingMs })
    }
    const remaining = this.lessor.list(this.nowMs).map((lease) => lease.remainingMs)
    expect(remaining).toEqual([...remaining].sort((a, b) => a - b))
    expect(remaining).toHaveLength(this.leases.size)
  }
}

test('agrees with a naive model under a virtual clock', () => {
  const reached = new Set<string>()
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120, size: 'max' }), (commands) => {
      const model = new Model()
      for (const step of commands) {
        model.run(step)
        model.check()
      }
      for (const state of model.reached) reached.add(state)
    }),
    { numRuns: 500 },
  )
  expect([...reached].sort(), 'the generator reaches what it is for').toEqual(
    ['checkpoint', 'checkpoint cleared', 'expired', 'renewed', 'retried', 'stalled'].sort(),
  )
})
