import { WheelEntry } from '@orrery/timer-wheel'
import type { Instance } from '../model.ts'
import type { ServiceView } from './service-view.ts'

/** An instance in the view, and its place in the wheel of who judges its health. There are millions: every field counts. */
export class InstanceEntry extends WheelEntry {
  readonly service: ServiceView
  #instance: Instance
  /** Of the instance: a heartbeat looks at nothing else of it, which is most of what it costs. */
  ttlMs: number
  /** Of the instance. */
  expired: boolean
  /**
   * - `elsewhere`: another member judges it, or it needs no heartbeats
   * - `here`: this one does, and it waits in the wheel
   * - `writing`: it is looked up whether it lives, or a change of its health is on its way to the store
   * - `beaten`: a heartbeat came meanwhile
   */
  judging: 'elsewhere' | 'here' | 'writing' | 'beaten' = 'elsewhere'
  /** Nothing was known of it when its heartbeats were last looked up; it has got its grace. */
  unseen = false

  constructor(service: ServiceView, instance: Instance) {
    super()
    this.service = service
    this.#instance = instance
    this.ttlMs = instance.ttlMs
    this.expired = instance.expired
  }

  /** What it is now. Replaced, never changed. */
  get instance(): Instance {
    return this.#instance
  }

  set instance(instance: Instance) {
    this.#instance = instance
    this.ttlMs = instance.ttlMs
    this.expired = instance.expired
  }
}
