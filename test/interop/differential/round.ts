import { type Coverage, outcomeOf } from './coverage.ts'
import type { Answer } from './endpoint.ts'
import { type KeyRange, keyPool } from './keys.ts'
import { ask, Mismatch, type Pair } from './pair.ts'
import type { Call, Knowledge, Step } from './step.ts'
import { bytes, type Fields, type FieldValue, printable } from './wire.ts'
import { createRoundWatchers, type RoundWatchers } from './round-watchers.ts'

/** Gives the steps of a round one after the other; undefined ends it. */
export type StepSource = (knowledge: Knowledge) => Step | undefined

export interface RoundOptions {
  readonly pair: Pair
  readonly next: StepSource
  readonly coverage: Coverage
}

/** What a round did. */
export interface RoundResult {
  /** Requests and operations within txns. */
  readonly operations: number
  readonly requests: number
  /** The steps in order, ready to be replayed. */
  readonly steps: readonly Step[]
  /** Present when the servers differed at the last step. */
  readonly mismatch?: Mismatch
}

/** Runs one round from an almost empty state: every step on both servers, every answer compared. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const round = new Round(options)
  try {
    await round.run()
    return round.result()
  } catch (error) {
    if (error instanceof Mismatch) return { ...round.result(), mismatch: error }
    throw error
  } finally {
    round.close()
  }
}

const everything: KeyRange = { key: bytes('\0'), range_end: bytes('\0') }

class Round {
  readonly #pair: Pair
  readonly #next: StepSource
  readonly #coverage: Coverage
  readonly #steps: Step[] = []
  readonly #leases = new Set<bigint>()
  readonly #watchers: RoundWatchers
  #base = 0
  #revision = 0
  #compacted = 0
  #operations = 0
  #requests = 0

  constructor({ pair, next, coverage }: RoundOptions) {
    this.#pair = pair
    this.#next = next
    this.#coverage = coverage
    this.#watchers = createRoundWatchers(pair, coverage)
  }

  async run(): Promise<void> {
    await this.#reset()
    for (let step = this.#next(this.#knowledge()); step !== undefined; step = this.#next(this.#knowledge())) {
      this.#steps.push(step)
      await this.#do(step)
    }
    this.#steps.push({ type: 'barrier' })
    await this.#barrier()
    await this.#compareState()
  }

  result(): RoundResult {
    return { operations: this.#operations, requests: this.#requests, steps: this.#steps }
  }

  close(): void {
    this.#watchers.close()
  }

  #knowledge(): Knowledge {
    return {
      revision: this.#revision,
      compacted: this.#compacted,
      leases: [...this.#leases],
      watchers: this.#watchers.alive(),
    }
  }

  async #do(step: Step): Promise<void> {
    switch (step.type) {
      case 'write':
        // What compaction removes while it is on its way to a watcher is a matter of luck.
        if (step.call.method === 'Compact') await this.#barrier()
        await this.#write(step.call)
        return
      case 'reads':
        await Promise.all(step.calls.map((call) => this.#ask(call)))
        return
      case 'watch':
        if (step.request['create_request'] === undefined) await this.#barrier()
        this.#requests += 1
        this.#operations += 1
        await this.#watchers.send(step, this.#place(), this.#revision)
        return
      case 'barrier':
        await this.#barrier()
    }
  }

  #place(): { readonly base: number; readonly compacted: number } {
    return { base: this.#base, compacted: this.#compacted }
  }

  async #ask(call: Call): Promise<Answer> {
    this.#requests += 1
    this.#operations += operationsOf(call)
    const answer = await ask(this.#pair, call, this.#place())
    this.#coverage.count(call.labels, outcomeOf(answer))
    return answer
  }

  async #write(call: Call): Promise<Answer> {
    const answer = await this.#ask(call)
    if (!('response' in answer)) return answer
    const header = answer.response['header'] as { readonly revision?: string }
    const revision = Number(header.revision) - this.#base
    if (revision > this.#revision) this.#watchers.outstanding()
    this.#revision = revision
    if (call.method === 'LeaseGrant') this.#leases.add(BigInt(answer.response['ID'] as string))
    if (call.method === 'LeaseRevoke') this.#leases.delete(call.fields['ID'] as bigint)
    if (call.method === 'Compact') this.#compacted = relativeOf(call.fields['revision'])
    return answer
  }

  /** Writes what every watcher must see, and waits until all of them have. */
  async #barrier(): Promise<void> {
    if (!this.#watchers.needBarrier()) return
    const stamp = bytes(`barrier ${this.#revision}`)
    const puts = keyPool.map((key) => ({ request_put: { key: bytes(key), value: stamp } }))
    await this.#write({ method: 'Txn', labels: ['barrier'], fields: { success: puts } })
    const putRevision = this.#revision
    const deleted = this.#watchers.keysToDelete()
    if (deleted.length > 0) {
      const deletes = deleted.map((key) => ({ request_delete_range: { key: bytes(key) } }))
      await this.#write({ method: 'Txn', labels: ['barrier'], fields: { success: deletes } })
    }
    await this.#watchers.compare({ putRevision, deleted, ...this.#place() })
  }

  /** Leaves one key and no history, whatever was there. */
  async #reset(): Promise<void> {
    const leases = await this.#ask({ method: 'LeaseLeases', labels: ['reset'], fields: {} })
    const ids = ('response' in leases ? (leases.response['leases'] ?? []) : []) as readonly { ID?: string }[]
    for (const { ID = '0' } of ids) {
      await this.#ask({ method: 'LeaseRevoke', labels: ['reset'], fields: { ID: BigInt(ID) } })
    }
    await this.#ask({ method: 'DeleteRange', labels: ['reset'], fields: { ...everything } })
    // The newest revision must not be a deletion: versions differ in whether compaction keeps that one.
    const put = await this.#ask({ method: 'Put', labels: ['reset'], fields: { key: bytes('base') } })
    if (!('response' in put)) throw new Mismatch('Put', `the round cannot begin: ${printable(put)}`)
    this.#base = Number((put.response['header'] as { readonly revision: string }).revision)
    await this.#ask({
      method: 'Compact',
      labels: ['reset'],
      fields: { revision: { relative: 0 }, physical: true },
    })
  }

  async #compareState(): Promise<void> {
    await this.#ask({ method: 'Range', labels: ['final state'], fields: { ...everything } })
    await this.#ask({ method: 'HashKV', labels: ['final hash'], fields: {} })
    await this.#ask({ method: 'LeaseLeases', labels: ['final leases'], fields: {} })
    for (const ID of this.#leases) {
      await this.#ask({ method: 'LeaseTimeToLive', labels: ['final lease'], fields: { ID, keys: true } })
    }
  }
}

function relativeOf(value: FieldValue): number {
  if (typeof value === 'object' && 'relative' in value && typeof value.relative === 'number')
    return value.relative
  throw new Error('a compaction succeeded at a revision that is not relative')
}

/** A txn counts as its operations, anything else as one. */
function operationsOf(call: Call): number {
  if (call.method !== 'Txn') return 1
  const count = (fields: Fields): number => {
    let total = 0
    for (const branch of [fields['compare'], fields['success'], fields['failure']]) {
      for (const op of (branch ?? []) as readonly Fields[]) {
        const nested = op['request_txn'] as Fields | undefined
        total += nested === undefined ? 1 : count(nested)
      }
    }
    return Math.max(1, total)
  }
  return count(call.fields)
}
