import { WheelEntry } from '@orrery/timer-wheel'
import type { Instance } from '../model.ts'
import type { ServiceView } from './service-view.ts'

/**
 * - `elsewhere`: another member judges it, or it needs no heartbeats
 * - `here`: this one does, and it waits in the wheel
 * - `writing`: it is looked up whether it lives, or a change of its health is on its way to the store
 * - `beaten`: a heartbeat came meanwhile
 */
export type Judging = 'elsewhere' | 'here' | 'writing' | 'beaten'

/** By their place, which takes two bits. */
const judgings = ['elsewhere', 'here', 'writing', 'beaten'] as const satisfies readonly Judging[]
const judgingBits = 3
const expiredBit = 4
const unseenBit = 8

/** An instance in the view, and its place in the wheel of who judges its health. There are millions: every field counts. */
export class InstanceEntry extends WheelEntry {
  readonly service: ServiceView
  #instance: Instance
  /** Of the instance: a heartbeat looks at nothing else of it, which is most of what it costs. */
  ttlMs: number
  /** `judging`, `expired` and `unseen`. */
  #bits: number

  constructor(service: ServiceView, instance: Instance) {
    super()
    this.service = service
    this.#instance = instance
    this.ttlMs = instance.ttlMs
    this.#bits = instance.expired ? expiredBit : 0
  }

  /** What it is now. Replaced, never changed. */
  get instance(): Instance {
    return this.#instance
  }

  set instance(instance: Instance) {
    this.#instance = instance
    this.ttlMs = instance.ttlMs
    this.#bits = withBit(this.#bits, expiredBit, instance.expired)
  }

  /** Of the instance. */
  get expired(): boolean {
    return (this.#bits & expiredBit) !== 0
  }

  get judging(): Judging {
    return judgings[this.#bits & judgingBits] ?? 'elsewhere'
  }

  set judging(judging: Judging) {
    this.#bits = (this.#bits & ~judgingBits) | judgings.indexOf(judging)
  }

  /** Nothing was known of it when its heartbeats were last looked up; it has got its grace. */
  get unseen(): boolean {
    return (this.#bits & unseenBit) !== 0
  }

  set unseen(unseen: boolean) {
    this.#bits = withBit(this.#bits, unseenBit, unseen)
  }
}

function withBit(bits: number, bit: number, isSet: boolean): number {
  return isSet ? bits | bit : bits & ~bit
}
