import { setTimeout as delay } from 'node:timers/promises'
import { kvDefinition, leaseDefinition } from '@orrery/adapter-etcd'
import type { Random } from '@orrery/environment'
import type { LeaseObservation } from '@orrery/simulation'
import type { EtcdClient } from './etcd-client.ts'

/** Unit: s. */
const ttlSeconds = 8
/** Unit: ms. */
const renewIntervalMs = 1_000
const callTimeoutMs = 1_500
const abandonIntervalMs = 4_000

export interface LeasesParts {
  readonly random: Random
  readonly endpoints: readonly EtcdClient[]
}

/** A lease, and the key that goes with it. */
export interface KeptLease {
  readonly id: bigint
  readonly key: string
}

/** Clients with leases: some renew for ever, others grant a lease, put a key, and are never seen again. */
export class Leases {
  /** In the order in which things were answered. */
  readonly observations: LeaseObservation[] = []
  /** Leases that nobody renews. */
  readonly abandoned: KeptLease[] = []
  /** Leases that ended although a client did what it could. */
  lost = 0
  renewals = 0
  readonly #parts: LeasesParts
  readonly #kept = new Map<number, KeptLease>()
  #isOver = false
  #granted = 0
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: LeasesParts) {
    this.#parts = parts
  }

  /** Leases that are renewed. */
  get kept(): readonly KeptLease[] {
    return [...this.#kept.values()]
  }

  start(keepers: number): void {
    const running = Array.from({ length: keepers }, (_, n) => this.#keep(n))
    this.#running = Promise.all([...running, this.#abandon()])
  }

  /** Waits until nobody calls any more. Whoever keeps a lease goes on until then. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #keep(number: number): Promise<void> {
    const caller = new Caller(this.#parts.random.fork(`keeper ${number}`), this.#parts.endpoints)
    while (!this.#isOver) {
      const lease = await this.#grant(caller)
      if (lease === undefined) continue
      this.#kept.set(number, lease)
      await this.#renewOn(caller, lease)
    }
  }

  /** Renews a lease until it is lost, or all is over. */
  async #renewOn(caller: Caller, lease: KeptLease): Promise<void> {
    while (!this.#isOver) {
      if (!(await this.#renew(caller, lease))) return
      await delay(renewIntervalMs)
    }
  }

  /** False: there is no such lease any more. */
  async #renew(caller: Caller, { id }: KeptLease): Promise<boolean> {
    const calledAtMs = performance.now()
    const ttlMs = await caller.attempt((endpoint) => endpoint.renew(id, callTimeoutMs))
    // The next attempt is at another member.
    if (ttlMs === undefined) return true
    this.renewals++
    if (ttlMs > 0) {
      this.observations.push({ type: 'renewed', leaseId: String(id), calledAtMs, ttlMs })
      return true
    }
    this.observations.push({
      type: 'revoked',
      leaseId: String(id),
      cause: 'expired',
      atMs: performance.now(),
      deletedKeys: [],
    })
    this.lost++
    return false
  }

  async #abandon(): Promise<void> {
    const caller = new Caller(this.#parts.random.fork('abandon'), this.#parts.endpoints)
    while (!this.#isOver) {
      const lease = await this.#grant(caller)
      if (lease !== undefined) this.abandoned.push(lease)
      await delay(abandonIntervalMs)
    }
  }

  /** A lease with its key; undefined: nobody knows whether there is one. */
  async #grant(caller: Caller): Promise<KeptLease | undefined> {
    const id = this.#parts.random.id63()
    const key = `lease/${++this.#granted}`
    const calledAtMs = performance.now()
    const granted = await caller.attempt((endpoint) =>
      endpoint.call(leaseDefinition.LeaseGrant, { ID: id, TTL: ttlSeconds }, callTimeoutMs),
    )
    if (granted === undefined) return undefined
    const ttlMs = Number(granted.TTL) * 1_000
    this.observations.push({ type: 'granted', leaseId: String(id), calledAtMs, ttlMs })
    const put = { key: Buffer.from(key), value: Buffer.from(String(id)), lease: id }
    await caller.attempt((endpoint) => endpoint.call(kvDefinition.Put, put, callTimeoutMs))
    return { id, key }
  }
}

/** Calls a member, and another one the next time when that fails. */
class Caller {
  readonly #endpoints: readonly EtcdClient[]
  #at: number

  constructor(random: Random, endpoints: readonly EtcdClient[]) {
    this.#endpoints = endpoints
    this.#at = random.below(endpoints.length)
  }

  async attempt<T>(call: (endpoint: EtcdClient) => Promise<T>): Promise<T | undefined> {
    const endpoint = this.#endpoints[this.#at % this.#endpoints.length]
    if (endpoint === undefined) return undefined
    try {
      return await call(endpoint)
    } catch {
      this.#at++
      // Who is refused at once does not ask all the time.
      await delay(50)
      return undefined
    }
  }
}
