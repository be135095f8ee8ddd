import { hasCode, type Random } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { between, chance, exponential } from '../time/draw.ts'
import { expectedCodes } from './store-clients.ts'
import type { StoreCluster } from './store-cluster.ts'
import type { LeaseStory, StoreHistory } from './store-history.ts'

/** Longer than any lease is held for. Unit: ms. */
export const leaseTtlMaxMs = 5_000

/** The keys of a lease begin so. */
export function leasePrefix(id: string): string {
  return `lease/${id}/`
}

/** Clients that hold leases, one after the other: they attach keys, renew for a while, and then revoke or let go. */
export class LeaseHolders {
  readonly #cluster: StoreCluster
  readonly #history: StoreHistory

  constructor(cluster: StoreCluster, history: StoreHistory) {
    this.#cluster = cluster
    this.#history = history
  }

  start(): void {
    const { simulation, faults } = this.#cluster
    for (let holder = 0; holder < faults.leaseHolders; holder++) {
      const random = simulation.random.fork(`holder ${holder}`)
      simulation.schedule(between(random, 0, 1_000), () => void this.#next(random))
    }
  }

  async #next(random: Random): Promise<void> {
    if (this.#cluster.isOver) return
    await this.#hold(random)
    this.#cluster.simulation.schedule(exponential(random, 500) + 10, () => void this.#next(random))
  }

  async #hold(random: Random): Promise<void> {
    const { simulation, counters } = this.#cluster
    const grantedAtMs = simulation.nowMs
    const granted = await this.#ask(random, (store) =>
      store.leases.grant({ ttlMs: Math.round(between(random, 500, leaseTtlMaxMs)) }),
    )
    if (granted === undefined) return
    counters.grantedLeases++
    const { id, ttlMs } = granted
    const story: LeaseStory = {
      id: id.toString(),
      ttlMs,
      grantedAtMs,
      renewedAtMs: [],
      revokedAtMs: undefined,
    }
    this.#history.leases.push(story)
    for (let key = random.below(4); key > 0; key--) await this.#attach(random, id, key)
    for (let renewals = random.below(10); renewals > 0; renewals--) {
      await this.#pause(between(random, 0.1, 0.9) * ttlMs)
      if (this.#cluster.isOver) return
      if (!(await this.#renew(random, id, story))) return
    }
    if (chance(random, 0.5)) await this.#revoke(random, id, story)
  }

  async #attach(random: Random, id: bigint, key: number): Promise<void> {
    const value = this.#history.nextValue()
    await this.#ask(random, async (store) => {
      try {
        await store.put({ key: `${leasePrefix(id.toString())}${key}`, value, lease: id })
      } catch (error) {
        // Nothing was written, and never will be.
        if (hasCode(error, 'MVCC_LEASE_NOT_FOUND')) this.#history.refusedValues.add(value)
        throw error
      }
    })
  }

  /** False: it is over. */
  async #renew(random: Random, id: bigint, story: LeaseStory): Promise<boolean> {
    const { simulation, counters, faults } = this.#cluster
    const calledAtMs = simulation.nowMs
    const renewed = await this.#ask(random, (store) =>
      store.leases.keepAlive(id).then(
        () => 'renewed' as const,
        (error: unknown) => {
          if (hasCode(error, 'LEASE_NOT_FOUND')) return 'gone' as const
          throw error
        },
      ),
    )
    const isGone = renewed === 'gone'
    if (renewed === 'renewed') {
      counters.renewedLeases++
      story.renewedAtMs.push(calledAtMs)
    }
    const promisedUntilMs =
      Math.max(story.grantedAtMs, ...story.renewedAtMs) + story.ttlMs * (1 - 2 * faults.driftMax)
    if (isGone && simulation.nowMs < promisedUntilMs) {
      this.#cluster.fail(
        `lease ${story.id} was gone at ${simulation.nowMs}, but was promised until ${promisedUntilMs}`,
      )
    }
    return !isGone
  }

  async #revoke(random: Random, id: bigint, story: LeaseStory): Promise<void> {
    story.revokedAtMs = this.#cluster.simulation.nowMs
    const revoked = await this.#ask(random, (store) => store.leases.revoke(id))
    if (revoked !== undefined) this.#cluster.counters.revokedLeases++
  }

  async #ask<T>(random: Random, call: (store: Store) => Promise<T>): Promise<T | undefined> {
    const { faults, counters } = this.#cluster
    const answer = await this.#cluster.anybody(random)?.ask(faults.requestTimeoutMs + 1_000, call)
    if (answer?.type === 'answered') return answer.value
    if (answer?.type !== 'refused') return undefined
    counters.refusals++
    if (!hasCode(answer.error, ...expectedCodes, 'LEASE_NOT_FOUND', 'MVCC_LEASE_NOT_FOUND'))
      this.#cluster.fail(`a lease operation failed: ${String(answer.error)}`)
    return undefined
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#cluster.simulation.schedule(ms, resolve))
  }
}
