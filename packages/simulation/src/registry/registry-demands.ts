import type { Registry } from '@orrery/registry'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { StoreMachine } from '../store/store-machine.ts'
import type { HostedRegistry, RegistryHost } from './registry-host.ts'
import { observedService } from './registry-observer.ts'

/** Of whom something is demanded. */
export interface RegistryDemandsParts {
  readonly cluster: StoreCluster
  readonly host: RegistryHost
  /** Members that have to serve. */
  readonly members: number
}

const area = { key: 'registry/instances/', rangeEnd: 'registry/instances0' }
/** How long a member may take to read what it has. Unit: ms. */
const patienceMs = 1_000

/** What must hold when everything works again: who does nothing is always safe. */
export class RegistryDemands {
  readonly #parts: RegistryDemandsParts

  constructor(parts: RegistryDemandsParts) {
    this.#parts = parts
  }

  /** All members show that these are healthy. */
  requireHealthy(ids: readonly string[]): void {
    for (const registry of this.#registries()) {
      for (const id of ids) {
        const instance = registry.instance({ ...observedService, id })
        if (instance?.healthy !== true)
          this.#parts.cluster.fail(`${id} lives and is ${instance ? 'unhealthy' : 'unknown'}`)
      }
    }
  }

  /** No member shows that one of these is healthy. */
  requireExpired(ids: readonly string[]): void {
    for (const registry of this.#registries()) {
      for (const id of ids) {
        const instance = registry.instance({ ...observedService, id })
        if (instance?.healthy === true) this.#parts.cluster.fail(`${id} is dead, and was not found in time`)
      }
    }
  }

  /** What members told of is what they show. */
  requireTold(): void {
    for (const { observer } of this.#parts.host.running) {
      const violation = observer.violation()
      if (violation !== undefined) this.#parts.cluster.fail(violation)
    }
  }

  /** What members show is what their stores hold. Takes effect within a second. */
  requireStored(): void {
    const { cluster, host } = this.#parts
    for (const machine of cluster.running) {
      const registry = host.at(machine)
      if (registry !== undefined) void this.#compare(machine, registry)
    }
  }

  async #compare(machine: StoreMachine, registry: Registry): Promise<void> {
    const answer = await machine.ask(patienceMs, async (store) => {
      const { kvs, revision } = await store.range(area, { serializable: true })
      await registry.reached(revision)
      return { revision, stored: kvs.map(({ keyString, modRevision }) => `${keyString} ${modRevision}`) }
    })
    const { cluster } = this.#parts
    if (answer.type !== 'answered') {
      cluster.fail(`${machine.name} does not show what its store holds`)
      return
    }
    const { revision, stored } = answer.value
    const shown = registry
      .instances({ limit: 10_000 })
      .items.map(
        ({ namespace, service, id, revision: at }) =>
          `registry/instances/${namespace}/${service}/${id} ${at}`,
      )
    const differing = [...stored, ...shown].find((one) => !stored.includes(one) || !shown.includes(one))
    if (differing === undefined || registry.revision !== revision) return
    cluster.fail(`${machine.name} and its store do not agree about ${differing}`)
  }

  #registries(): readonly Registry[] {
    const { cluster, host, members } = this.#parts
    const running: readonly HostedRegistry[] = host.running
    if (running.length < members) cluster.fail(`only ${running.length} registries run again`)
    return running.map(({ registry }) => registry)
  }
}
