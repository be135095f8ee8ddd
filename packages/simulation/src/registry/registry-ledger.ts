import type { InstanceChange } from '@orrery/registry'
import type { Simulation } from '../time/simulation.ts'
import { RegistrationRecord } from './registration-record.ts'

/** What holds of every instance, whatever happens to the members that judge it. Unit: ms. */
export interface RegistryLedgerOptions {
  /** Time to live of the instances. */
  readonly ttlMs: number
  /** How long they may be expired until they are evicted. */
  readonly evictAfterMs: number
}

/** A judgement that was seen in the store. */
type Judgement = 'expired' | 'evicted'

/** What an instance has done and been told, as points of time. Unit: ms of the simulation. */
interface Signs {
  /** When heartbeats, or registrations, were acknowledged. */
  readonly acknowledged: number[]
  /** When it sent a heartbeat to a member that served, whatever came of it. */
  readonly tried: number[]
}

/** Clocks of members differ by less than this, per unit of time. */
const driftMax = 0.01

/**
 * Knows when each instance was heard of, and judges the judges: no instance whose heartbeats were acknowledged in time,
 * nor one that has tried all the time, is ever expired or evicted; and what members tell of instances agrees with
 * what these were answered, and with what other members tell.
 */
export class RegistryLedger {
  readonly #simulation: Simulation
  readonly #options: RegistryLedgerOptions
  readonly #signs = new Map<string, Signs>()
  readonly #registrations = new Map<string, RegistrationRecord>()
  readonly #judged = new Set<string>()
  /** When an instance was first seen expired, by id and revision. Unit: ms. */
  readonly #expiredMs = new Map<string, number>()
  /** Revisions that any member told of, ascending. */
  readonly #told: number[] = []
  readonly #fail: (violation: string) => void
  /** What was seen: instances that were rightly judged or took themselves away, and what members told. */
  readonly counts = { expired: 0, evicted: 0, revived: 0, left: 0, batches: 0, resyncs: 0 }

  constructor(simulation: Simulation, options: RegistryLedgerOptions, fail: (violation: string) => void) {
    this.#simulation = simulation
    this.#options = options
    this.#fail = fail
  }

  acknowledged(id: string): void {
    this.#signsOf(id).acknowledged.push(this.#simulation.nowMs)
  }

  /** A heartbeat goes to a member that serves. */
  tried(id: string): void {
    this.#signsOf(id).tried.push(this.#simulation.nowMs)
  }

  /** What an instance has asked for, and what came of it. */
  registration(id: string): RegistrationRecord {
    return entryOf(this.#registrations, id, () => new RegistrationRecord(id))
  }

  /** A member has this instance, expired, since now at the latest. */
  seenExpired(id: string, revision: number): void {
    entryOf(this.#expiredMs, `${id} ${revision}`, () => this.#simulation.nowMs)
  }

  /** A member told of a revision. */
  told(revision: number): void {
    let at = this.#told.length
    while (at > 0 && (this.#told[at - 1] ?? 0) > revision) at--
    if (this.#told[at - 1] !== revision) this.#told.splice(at, 0, revision)
  }

  /** A revision that others told of, after the one and before the other. */
  toldBetween(after: number, before: number): number | undefined {
    for (let at = this.#told.length - 1; at >= 0; at--) {
      const revision = this.#told[at] ?? 0
      if (revision <= after) return undefined
      if (revision < before) return revision
    }
    return undefined
  }

  /** Something that a member has learned from the store. Only whoever learns it first is early. */
  changed(change: InstanceChange, revision: number): void {
    const { instance } = change
    const { id } = instance
    const contradiction = this.#registrations.get(id)?.contradictionOf(change, revision)
    if (contradiction !== undefined) this.#fail(contradiction)
    if (change.type === 'healthChanged' && change.previous.expired && !instance.expired) {
      if (this.#isFirst(`${id} revived ${instance.revision}`)) this.counts.revived++
    }
    const judgement = judgementOf(change)
    if (judgement === undefined || !this.#isFirst(`${id} ${judgement} ${instance.revision}`)) return
    this.counts[judgement]++
    const violation = this.#injusticeOf(id, judgement) ?? this.#hasteOf(change)
    if (violation !== undefined) this.#fail(violation)
  }

  #isFirst(judgement: string): boolean {
    if (this.#judged.has(judgement)) return false
    this.#judged.add(judgement)
    return true
  }

  /**
   * An instance lives beyond doubt while no more than half of its time to live lies between two acknowledgements, nor
   * since the last one: the other half is what members may need to find out that one of them is gone. And one that
   * tries so often is refused by faults of ours only.
   */
  #injusticeOf(id: string, judgement: Judgement): string | undefined {
    const { ttlMs } = this.#options
    const { acknowledged, tried } = this.#signsOf(id)
    const at = `${id} was ${judgement} at ${this.#simulation.nowMs.toFixed(0)} ms`
    if (this.#spanMs(acknowledged) >= ttlMs) return `${at}, though it was heard at ${lastOf(acknowledged)}`
    if (this.#spanMs(tried) >= 2 * ttlMs) return `${at}, though it tried at ${lastOf(tried)}`
    return undefined
  }

  /** For how long there has been a sign at least every half of a time to live, until now. Unit: ms. */
  #spanMs(signsMs: readonly number[]): number {
    const { ttlMs } = this.#options
    const nowMs = this.#simulation.nowMs
    let firstMs = nowMs
    for (let at = signsMs.length - 1; at >= 0 && nowMs - firstMs < 2 * ttlMs; at--) {
      const signMs = signsMs[at] ?? 0
      if (firstMs - signMs > ttlMs / 2) break
      firstMs = signMs
    }
    return nowMs - firstMs
  }

  /** Only what is expired is evicted, and not before its time. */
  #hasteOf(change: InstanceChange): string | undefined {
    if (change.type !== 'removed') return undefined
    const { id, expired, revision } = change.instance
    if (!expired) return `${id} was evicted, though it was not expired`
    const sinceMs = this.#expiredMs.get(`${id} ${revision}`)
    if (sinceMs === undefined) return undefined
    const forMs = this.#simulation.nowMs - sinceMs
    const isHasty = forMs < this.#options.evictAfterMs * (1 - driftMax)
    return isHasty ? `${id} was evicted when it had been expired for ${forMs.toFixed(0)} ms` : undefined
  }

  #signsOf(id: string): Signs {
    return entryOf(this.#signs, id, () => ({ acknowledged: [], tried: [] }))
  }
}

function judgementOf(change: InstanceChange): Judgement | undefined {
  if (change.type === 'removed') return change.reason === 'evicted' ? 'evicted' : undefined
  if (change.type !== 'healthChanged') return undefined
  return change.instance.expired && !change.previous.expired ? 'expired' : undefined
}

function lastOf(signsMs: readonly number[]): string {
  return signsMs
    .slice(-8)
    .map((ms) => Math.round(ms))
    .join()
}

function entryOf<V>(map: Map<string, V>, key: string, create: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = create()))
  return value
}
