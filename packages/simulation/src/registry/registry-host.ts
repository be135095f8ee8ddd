import type {
  HeartbeatBatch,
  HeartbeatPeers,
  HeartbeatReply,
  Registry,
  RegistryOptions,
  ResolvedRegistryOptions,
} from '@orrery/registry'
import { createRegistry, registryDefaults } from '@orrery/registry'
import type { StoreCluster } from '../store/store-cluster.ts'
import type { StoreMachine } from '../store/store-machine.ts'
import { checkJudgements } from './judgements.ts'
import { RegistryObserver } from './registry-observer.ts'
import type { RegistryLedger } from './registry-ledger.ts'
import type { RegistrySabotage } from './registry-sabotage.ts'
import type { WatchNemesis } from '../store/watch-nemesis.ts'

/** A registry of one process. It ends with it. */
export interface HostedRegistry {
  readonly registry: Registry
  readonly observer: RegistryObserver
}

/** What lets the registries of a cluster run. */
export interface RegistryHostParts {
  readonly cluster: StoreCluster
  readonly ledger: RegistryLedger
  readonly options: RegistryOptions
  readonly sabotage: RegistrySabotage
  readonly watches: WatchNemesis
}

/** How often it is looked whether a machine has a new process. Unit: ms. */
const lookMs = 20

/** Gives every process of a cluster of stores a registry, and the ways between them. */
export class RegistryHost {
  readonly #parts: RegistryHostParts
  readonly #hosted = new Map<StoreMachine, HostedRegistry & { readonly store: unknown }>()

  constructor(parts: RegistryHostParts) {
    this.#parts = parts
  }

  start(): void {
    this.#look()
  }

  /** The registry that serves on a machine. */
  at(machine: StoreMachine | undefined): Registry | undefined {
    if (machine?.isRunning !== true) return undefined
    const hosted = this.#hosted.get(machine)
    return hosted?.store === machine.store && hosted?.registry.state === 'ready' ? hosted.registry : undefined
  }

  /** Registries of processes that run. */
  get running(): readonly HostedRegistry[] {
    return this.#parts.cluster.running.flatMap((machine) => {
      const hosted = this.#hosted.get(machine)
      return hosted?.store === machine.store && hosted?.registry.state === 'ready' ? [hosted] : []
    })
  }

  #look(): void {
    const { cluster } = this.#parts
    for (const machine of cluster.running) {
      if (machine.store !== undefined && this.#hosted.get(machine)?.store !== machine.store)
        this.#begin(machine)
    }
    cluster.simulation.schedule(lookMs, () => this.#look())
  }

  #begin(machine: StoreMachine): void {
    const { cluster, ledger, options, sabotage, watches } = this.#parts
    const { store, node, name } = machine
    if (store === undefined) return
    const { incarnation, environment } = node
    const hosted = (): HostedRegistry | undefined => this.#hosted.get(machine)
    const fail = (violation: string): void => cluster.fail(violation)
    const checked = checkJudgements(store, { name, hosted, fail })
    const peers = sabotage.peers(this.#peersOf(machine))
    const created = createRegistry(
      {
        store: sabotage.store(watches.store(machine, checked), environment),
        environment: sabotage.environment(environment),
        member: { name, heartbeats: { type: 'forwarded', peers } },
      },
      sabotage.options(options),
    )
    const registry = sabotage.registry(created, environment)
    // What should be, whatever a registry makes of its options.
    const protection = {
      ...registryDefaults.protection,
      ...options.protection,
    } as ResolvedRegistryOptions['protection']
    const observer = new RegistryObserver(registry, { cluster, ledger, name, protection })
    this.#hosted.set(machine, { registry, observer, store })
    registry.start().then(
      () => observer.follow(),
      (error: unknown) => {
        // A process that has no leader to ask, or loses its store, does not get far: it tries again.
        if (node.incarnation !== incarnation || machine.store !== store) return
        cluster.simulation.schedule(500, () => {
          if (this.#hosted.get(machine)?.registry === registry) this.#hosted.delete(machine)
        })
        if (!(error instanceof Error && 'code' in error))
          cluster.fail(`a registry did not start: ${String(error)}`)
      },
    )
  }

  #peersOf(machine: StoreMachine): HeartbeatPeers {
    const { cluster } = this.#parts
    return {
      address: machine.name,
      close: () => Promise.resolve(),
      send: (address, batch, { signal }) =>
        new Promise<HeartbeatReply>((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
          const target = cluster.machines.find(({ name }) => name === address)
          if (target === undefined) return
          cluster.network.send(machine.node, target.node, () => {
            const reply = this.#receive(target, batch)
            cluster.network.send(target.node, machine.node, () => {
              if (reply === undefined) reject(new Error('refused'))
              else resolve(reply)
            })
          })
        }),
    }
  }

  #receive(target: StoreMachine, batch: HeartbeatBatch): HeartbeatReply | undefined {
    const hosted = this.#hosted.get(target)
    if (hosted === undefined || hosted.store !== target.store) return undefined
    try {
      return hosted.registry.receiveHeartbeats(batch)
    } catch {
      return undefined
    }
  }
}
