import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import {
  createMemoryLogStorage,
  createMemoryNetwork,
  initialIds,
  initialStart,
  type MemoryNetwork,
  MemberTable,
  type NodeOptions,
} from '@orrery/raft-node'
import { StoreError } from '../errors.ts'
import { createStoreBackend } from '../memory-store.ts'
import { resolveOptions, type StoreOptions, toStateOptions } from '../options.ts'
import { StateMachine } from '../state-machine.ts'
import type { Store } from '../store.ts'
import { resolveCorruptionCheck, type CorruptionCheckOptions } from './corruption-options.ts'
import { type StartedMember, type StartOptions, startMember } from './create-member.ts'
import { createMemoryStates } from './memory-states.ts'

/** How many members a cluster in memory has, and how they behave. */
export interface MemoryClusterOptions {
  /** An integer of at least 1. @defaultValue `3` */
  readonly members?: number
  readonly store?: StoreOptions
  readonly node?: NodeOptions
  readonly corruptionCheck?: CorruptionCheckOptions
  /** @defaultValue Node's clock and entropy, no log */
  readonly environment?: Environment
}

/** Members of one process, each with a store of its own that shows the same. */
export interface MemoryCluster extends AsyncDisposable {
  /** In order of their names: `m1`, `m2`, … */
  readonly members: readonly MemoryClusterMember[]
  /** The wires between the members, to cut them in tests. A member's address is its name. */
  readonly network: MemoryNetwork
  /** The store of the member that leads; waits until one does. */
  leader(): Promise<Store>
  /** Closes all members. Safe to call twice. */
  close(): Promise<void>
}

export interface MemoryClusterMember {
  readonly name: string
  readonly store: Store
}

/** How often it is looked whether somebody leads. Unit: ms. */
const lookMs = 5

/**
 * Starts a cluster that lives in this process and vanishes with it, for tests: consensus, replication and failures
 * are real, disks and sockets are not there. Resolves when it has a leader.
 *
 * @throws StoreError `STORE_OPTIONS_INVALID`
 */
export async function inMemoryCluster(options: MemoryClusterOptions = {}): Promise<MemoryCluster> {
  const { members: count = 3, environment = systemEnvironment() } = options
  if (!Number.isInteger(count) || count < 1) {
    throw new StoreError('STORE_OPTIONS_INVALID', `members is an integer of at least 1, got ${count}`)
  }
  const startOptions: StartOptions = {
    store: resolveOptions(options.store ?? {}),
    node: options.node,
    corruptionCheck: resolveCorruptionCheck(options.corruptionCheck),
  }
  const network = createMemoryNetwork({ clock: environment.clock })
  const names = Array.from({ length: count }, (_, n) => `m${n + 1}`)
  const initial = { members: names.map((name) => [name]), token: environment.random.id63().toString(16) }
  const started = await Promise.all(
    names.map(async (name, n) => {
      const one = await startMemoryMember({ environment, network, initial, n, name, startOptions })
      return { name, ...one }
    }),
  )
  const cluster = new InMemoryCluster(environment, network, started)
  // Nobody else is there who could lead already: there is nothing to wait for.
  await new Promise<void>((resolve) => environment.clock.defer(resolve))
  started[0]?.campaign()
  await cluster.leader()
  for (const { name, publish } of started) publish(name, []).catch(() => {})
  return cluster
}

async function startMemoryMember({
  environment,
  network,
  initial,
  n,
  name,
  startOptions,
}: {
  readonly environment: Environment
  readonly network: MemoryNetwork
  readonly initial: Parameters<typeof initialIds>[0]
  readonly n: number
  readonly name: string
  readonly startOptions: StartOptions
}): ReturnType<typeof startMember> {
  const { clusterId, memberIds } = initialIds(initial)
  const stateOptions = toStateOptions(startOptions.store)
  const backend = createStoreBackend()
  const state = new StateMachine(backend, stateOptions)
  state.restore(0)
  state.mvcc.restoreStep(1)
  state.restored()
  const start = initialStart(initial)
  return await startMember(
    {
      environment,
      identity: { clusterId, memberId: memberIds[n] ?? 0n, directoryId: environment.random.id63() },
      transport: network.transport(name),
      storage: createMemoryLogStorage(),
      start,
      members: new MemberTable(start.membership),
      state,
      backend,
      states: createMemoryStates(environment.clock, stateOptions),
      release: () => Promise.resolve(),
    },
    startOptions,
  )
}

class InMemoryCluster implements MemoryCluster {
  readonly members: readonly MemoryClusterMember[]
  readonly network: MemoryNetwork
  readonly #environment: Environment
  readonly #started: readonly StartedMember[]
  #closed: Promise<void> | undefined

  constructor(
    environment: Environment,
    network: MemoryNetwork,
    members: readonly (MemoryClusterMember & StartedMember)[],
  ) {
    this.#environment = environment
    this.network = network
    this.members = members.map(({ name, store }) => ({ name, store }))
    this.#started = members
  }

  async leader(): Promise<Store> {
    for (;;) {
      const leading = this.members.find(({ store }) => {
        const { leaderId, memberId, state } = store.status()
        return state === 'open' && leaderId === memberId
      })
      if (leading !== undefined) return leading.store
      if (this.#closed !== undefined) throw new StoreError('STORE_CLOSED', 'the cluster is closed')
      await new Promise<void>((resolve) => this.#environment.clock.setTimer(lookMs, resolve))
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    // What is in flight at one member needs the others.
    await Promise.all(this.#started.map(({ finishWrites }) => finishWrites()))
    await Promise.all(this.members.map(({ store }) => store.close()))
    await this.network.close()
  }
}
