import type { Instance, ServiceSnapshot } from '@orrery/registry'

/**
 * The JSON of lists of instances. Those who ask for the same service, and all subscribers of it, are given the same
 * list: it is written once for all of them, and forgotten with the list.
 */
export class SnapshotJson {
  readonly #lists = new WeakMap<readonly Instance[], Buffer>()

  /** A snapshot as JSON without line ends, in parts that belong together. The parts are shared: nobody changes them. */
  partsOf({ instances, ...head }: ServiceSnapshot): readonly [head: Buffer, instances: Buffer, end: Buffer] {
    return [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"instances":`), this.#listOf(instances), end]
  }

  #listOf(instances: readonly Instance[]): Buffer {
    let list = this.#lists.get(instances)
    if (list === undefined) {
      list = Buffer.from(JSON.stringify(instances))
      this.#lists.set(instances, list)
    }
    return list
  }
}

const end = Buffer.from('}')
