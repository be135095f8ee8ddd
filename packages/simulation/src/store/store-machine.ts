import { type Environment, hasCode } from '@orrery/environment'
import type { ClusterOrigin, Store } from '@orrery/store'
import { openMemberOn } from '@orrery/store/testing'
import type { Disk } from '@orrery/wal'
import { createNodeDisk, type NodeDisk } from '../disk/node-disk.ts'
import { between } from '../time/draw.ts'
import type { CrashCause, SimulatedNode } from '../time/simulated-node.ts'
import { SimulatedBackends } from './simulated-backends.ts'
import type { StoreWorld } from './store-world.ts'

/** What a process said to a call. */
export type Answer<T> =
  | { readonly type: 'answered'; readonly value: T }
  | { readonly type: 'refused'; readonly error: unknown }
  /** It is gone, or took too long. */
  | { readonly type: 'silent' }

/** - `serving`: has a process, or will have one again
 *  - `damaged`: its disk is known to hold something else than was written; it never starts again
 *  - `retired`: was removed from the cluster */
export type MachineState = 'serving' | 'damaged' | 'retired'

/** Shortest time to live of a lease. Unit: ms. */
export const leaseTtlMinMs = 500
const directory = '/data'

/** A machine with a member of the cluster on it: one process after the other, on the same disk. */
export class StoreMachine {
  readonly name: string
  readonly node: SimulatedNode
  state: MachineState = 'serving'
  /** Undefined while there is no process that serves. */
  store: Store | undefined
  disk: NodeDisk
  /** A bit of its log has changed since the last start. */
  isRotten = false
  isLearner = false
  /** It was seen to belong to the cluster. */
  wasListed = false
  /** Unit: ms of the simulation's time. */
  readonly createdAtMs: number
  readonly #world: StoreWorld
  readonly #origin: ClusterOrigin
  readonly #pending = new Set<() => void>()
  #backends: SimulatedBackends
  #hasServed = false
  #isFull = false
  /** The end of its log may be lost until it has applied up to here. */
  #soundFrom = 0

  constructor(
    world: StoreWorld,
    { name, node, origin }: { name: string; node: SimulatedNode; origin: ClusterOrigin },
  ) {
    this.#world = world
    this.createdAtMs = world.simulation.nowMs
    this.name = name
    this.node = node
    this.#origin = origin
    this.disk = createNodeDisk(world.simulation, node, world.faults.disk)
    this.#backends = this.#createBackends()
    // Who joins has to catch up first.
    if (origin.type === 'join') this.#becomeUnsound()
  }

  get isRunning(): boolean {
    return this.store !== undefined && this.node.state === 'running'
  }

  get leads(): boolean {
    const status = this.store?.status()
    return status?.state === 'open' && status.leaderId === status.memberId
  }

  /** Whether it has all that it ever promised: it takes part, and nothing of its log is missing. */
  get isSound(): boolean {
    if (this.state !== 'serving' || this.isRotten || this.#isFull || !this.isRunning) return false
    return (this.store?.status().appliedIndex ?? 0) >= this.#soundFrom
  }

  /** Begins a process, unless there is one or must be none. */
  start(): void {
    if (this.state !== 'serving' || this.node.state !== 'stopped') return
    const environment = this.node.start()
    const { incarnation } = this.node
    const isAlive = (): boolean => this.node.incarnation === incarnation && this.node.state !== 'stopped'
    this.#world.counters.starts++
    this.#open(environment, isAlive).then(
      ({ store }) => {
        if (!isAlive()) return
        this.store = this.#world.sabotage.store(store)
        if (!this.#hasServed && this.#origin.type === 'join') this.#world.counters.joinedMembers++
        this.#hasServed = true
        if (!this.isRotten) return
        // What was damaged was cut off, or is not needed.
        this.isRotten = false
        this.#becomeUnsound()
      },
      (error: unknown) => {
        if (isAlive()) this.#failedToOpen(error)
      },
    )
  }

  crash(cause: CrashCause): void {
    if (this.node.state === 'stopped') return
    this.node.crash(cause)
    this.store = undefined
    if (cause === 'powerLoss') this.#becomeUnsound()
    const { counters } = this.#world
    if (cause === 'powerLoss') counters.powerLosses++
    else counters.kills++
    for (const giveUp of [...this.#pending]) giveUp()
  }

  /** It belongs to the cluster no more. */
  retire(state: Exclude<MachineState, 'serving'> = 'retired'): void {
    this.state = state
    this.crash('kill')
  }

  rot(): void {
    const file = this.disk.rot((path) => path.startsWith(`${directory}/raft/`) && path.endsWith('.wal'))
    if (file === undefined) return
    this.isRotten = true
    this.#world.counters.rottenFiles++
  }

  /** Leaves a number of bytes free; undefined: any number. What does not fit is written in part. */
  setFreeBytes(bytes: number | undefined): void {
    this.disk.setFreeBytes(bytes)
    this.#isFull = bytes !== undefined
    this.#becomeUnsound()
  }

  /** Calls the process that serves. Settles whatever becomes of it. */
  ask<T>(patienceMs: number, call: (store: Store) => Promise<T>): Promise<Answer<T>> {
    const { store } = this
    if (store === undefined || this.node.state !== 'running') return Promise.resolve({ type: 'silent' })
    return new Promise((resolve) => {
      const settle = (answer: Answer<T>): void => {
        timer.cancel()
        this.#pending.delete(giveUp)
        resolve(answer)
      }
      const giveUp = (): void => {
        this.#world.counters.silences++
        settle({ type: 'silent' })
      }
      const timer = this.#world.simulation.schedule(patienceMs, giveUp)
      this.#pending.add(giveUp)
      call(store).then(
        (value) => settle({ type: 'answered', value }),
        (error: unknown) => settle({ type: 'refused', error }),
      )
    })
  }

  #open(environment: Environment, isAlive: () => boolean): ReturnType<typeof openMemberOn> {
    const { sabotage, transports, faults } = this.#world
    const disk = sabotage.disk(this.disk.open())
    return openMemberOn(
      {
        disk,
        backends: sabotage.backends(this.#backends.directory(environment, isAlive)),
        hasLog: () => holdsLog(disk),
      },
      {
        directory,
        environment,
        transport: () => sabotage.transport(transports.transport(this.node)),
        peerAddresses: [this.name],
        origin: this.#origin,
        name: this.name,
      },
      {
        node: { catchUpEntries: faults.catchUpEntries, requestTimeoutMs: faults.requestTimeoutMs },
        store: { leaseTtlMinMs },
      },
    )
  }

  #failedToOpen(error: unknown): void {
    if (hasCode(error, 'STORE_REMOVED')) {
      this.retire()
      return
    }
    if (hasCode(error, 'STORE_DAMAGED')) {
      if (this.#hasServed || this.#origin.type === 'new') {
        if (!this.isRotten) this.#world.fail(`${this.name} could not be opened: ${String(error)}`)
        this.#world.counters.damagedMembers++
        this.retire('damaged')
        return
      }
      // It was interrupted before it had joined: its operator empties the directory.
      this.disk = createNodeDisk(this.#world.simulation, this.node, this.#world.faults.disk)
      this.#backends = this.#createBackends()
      this.isRotten = false
    } else if (!hasCode(error, 'STORE_JOIN_REFUSED', 'STORE_FAILED', 'STORE_NO_LEADER')) {
      this.#world.fail(`${this.name} could not be opened: ${String(error)}`)
    }
    this.node.crash('kill')
    const random = this.#world.simulation.random.fork(`again ${this.name} ${this.node.incarnation}`)
    this.#world.simulation.schedule(between(random, 500, 2_000), () => this.start())
  }

  #becomeUnsound(): void {
    this.#soundFrom = this.#world.highestIndex() + 1
  }

  #createBackends(): SimulatedBackends {
    return new SimulatedBackends(() => {
      this.#world.counters.receivedStates++
    })
  }
}

async function holdsLog(disk: Disk): Promise<boolean> {
  try {
    const [listed] = await disk.submit([{ type: 'list', path: `${directory}/raft` }])
    return listed?.type === 'list' && listed.entries.some(({ name }) => name.endsWith('.wal'))
  } catch {
    // There is no such directory.
    return false
  }
}
