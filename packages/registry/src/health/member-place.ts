import type { Environment } from '@orrery/environment'
import type { Compare, Store } from '@orrery/store'
import { endOf, escapeName } from '../keys.ts'
import type { CallOptions } from '../registry.ts'
import { type CheckerRecord, createCheckerRecord } from './checker-record.ts'
import { createRing, type Ring } from './ring.ts'

/** What a member's place is made of. */
export interface MemberPlaceParts {
  readonly store: Store
  readonly environment: Environment
  readonly prefix: string
  readonly name: string
  readonly address: string
  readonly ttlMs: number
}

/** The place of one member among those that check, and who the others are. */
export class MemberPlace {
  readonly name: string
  readonly #prefix: string
  readonly #record: CheckerRecord
  ring: Ring = createRing([], 0)

  constructor({ store, environment, prefix, name, address, ttlMs }: MemberPlaceParts) {
    this.name = name
    this.#prefix = prefix
    // The record says in the log whoever takes the name: nobody else has to know.
    this.#record = createCheckerRecord({ store, environment, prefix, name, address }, { ttlMs })
  }

  /** Of this process. */
  get life(): string {
    return this.#record.life
  }

  start(options: CallOptions): Promise<void> {
    return this.#record.start(options)
  }

  /** Whether others certainly still count on this member. */
  isValid(nowMs: number): boolean {
    return this.#record.isValid(nowMs)
  }

  /**
   * What makes a judgement safe: this member still has the place that it wrote, and nobody has come since the ring
   * that it goes by. Members that left meanwhile do no harm: what it judged before, it still judges.
   */
  fence(nowMs: number): readonly Compare[] | undefined {
    const { revision } = this.#record
    if (revision === undefined || !this.isValid(nowMs)) return undefined
    const key = `${this.#prefix}checkers/`
    return [
      { key: `${key}${escapeName(this.name)}`, target: 'modRevision', result: 'equal', value: revision },
      {
        key,
        rangeEnd: endOf(key),
        target: 'createRevision',
        result: 'less',
        value: this.ring.revision + 1,
      },
    ]
  }

  close(): Promise<void> {
    return this.#record.close()
  }
}
