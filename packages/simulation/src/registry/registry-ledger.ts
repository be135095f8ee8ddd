import type { InstanceChange } from '@orrery/registry'
import type { Simulation } from '../time/simulation.ts'

/** What an instance has been told, and what was said of it. */
interface Record {
  /** When heartbeats, or registrations, were acknowledged. Unit: ms of the simulation. */
  readonly acknowledgedMs: number[]
  /** Since when it has sent no more. `Infinity`: it lives. */
  stoppedMs: number
}

/** What holds of every instance, whatever happens to the members that judge it. */
export interface RegistryLedgerOptions {
  /** Time to live of the instances. Unit: ms. */
  readonly ttlMs: number
}

/** A judgement that was seen in the store. */
type Judgement = 'expired' | 'evicted'

/**
 * Knows when each instance was heard of, and judges the judges: no instance whose heartbeats were acknowledged in time
 * is ever expired or evicted.
 */
export class RegistryLedger {
  readonly #simulation: Simulation
  readonly #options: RegistryLedgerOptions
  readonly #records = new Map<string, Record>()
  readonly #judged = new Set<string>()
  readonly #fail: (violation: string) => void
  /** How often instances were rightly judged. */
  readonly counts: { expired: number; evicted: number; revived: number } = {
    expired: 0,
    evicted: 0,
    revived: 0,
  }

  constructor(simulation: Simulation, options: RegistryLedgerOptions, fail: (violation: string) => void) {
    this.#simulation = simulation
    this.#options = options
    this.#fail = fail
  }

  acknowledged(id: string): void {
    const record = this.#recordOf(id)
    record.acknowledgedMs.push(this.#simulation.nowMs)
    record.stoppedMs = Infinity
  }

  stopped(id: string): void {
    this.#recordOf(id).stoppedMs = this.#simulation.nowMs
  }

  /** Something that a member has learned from the store. Only whoever learns it first is early. */
  changed(change: InstanceChange, revision: number): void {
    const judgement = judgementOf(change)
    const { id } = change.instance
    if (change.type === 'healthChanged' && change.previous.expired && !change.instance.expired) {
      if (this.#isFirst(`${id} revived ${revision}`)) this.counts.revived++
    }
    if (judgement === undefined || !this.#isFirst(`${id} ${judgement} ${revision}`)) return
    this.counts[judgement]++
    const violation = this.#injusticeOf(id, judgement)
    if (violation !== undefined) this.#fail(violation)
  }

  #isFirst(judgement: string): boolean {
    if (this.#judged.has(judgement)) return false
    this.#judged.add(judgement)
    return true
  }

  /**
   * An instance lives beyond doubt while no more than half of its time to live lies between two acknowledgements, nor
   * since the last one: the other half is what members may need to find out that one of them is gone.
   */
  #injusticeOf(id: string, judgement: Judgement): string | undefined {
    const { ttlMs } = this.#options
    const nowMs = this.#simulation.nowMs
    const { acknowledgedMs } = this.#recordOf(id)
    const gapMaxMs = ttlMs / 2
    let laterMs = nowMs
    for (let at = acknowledgedMs.length - 1; at >= 0; at--) {
      const acknowledged = acknowledgedMs[at] ?? 0
      if (laterMs - acknowledged > gapMaxMs) return undefined
      if (nowMs - acknowledged > 2 * ttlMs) break
      laterMs = acknowledged
    }
    if (nowMs - laterMs < ttlMs) return undefined
    const last = acknowledgedMs
      .slice(-8)
      .map((ms) => Math.round(ms))
      .join()
    return `${id} was ${judgement} at ${nowMs.toFixed(0)} ms, though it was heard at ${last}`
  }

  #recordOf(id: string): Record {
    let record = this.#records.get(id)
    if (record === undefined) this.#records.set(id, (record = { acknowledgedMs: [], stoppedMs: Infinity }))
    return record
  }
}

function judgementOf(change: InstanceChange): Judgement | undefined {
  if (change.type === 'removed') return change.reason === 'evicted' ? 'evicted' : undefined
  if (change.type !== 'healthChanged') return undefined
  return change.instance.expired && !change.previous.expired ? 'expired' : undefined
}
