import { hasCode, type Random, type Timer } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { openMemberOn } from '@orrery/store/testing'
import {
  checkRevisionOrder,
  type RevisedOperation,
  type RevisionChanges,
} from '../checkers/revision-order.ts'
import { checkWatch, type WatchObservation } from '../checkers/watch.ts'
import { createNodeDisk, type NodeDisk } from '../disk/node-disk.ts'
import { drawLinkFaults, reliableLink } from '../network/link-faults.ts'
import { disturbNetwork, drawNetworkDisturbances } from '../network/network-nemesis.ts'
import { createSimulatedNetwork, type SimulatedNetwork } from '../network/simulated-network.ts'
import { createSimulatedTransports, type SimulatedTransports } from '../network/simulated-transports.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import { recurring } from '../time/recurring.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import { createSimulation, type Simulation } from '../time/simulation.ts'
import { SimulatedBackends } from './simulated-backends.ts'

/** How a cluster of stores is simulated. */
export interface StoreSimulationOptions {
  /** Decides everything. */
  readonly seed: number
  /** @defaultValue `3` */
  readonly members?: number
  /** How long faults and clients go on. Unit: ms. @defaultValue `20_000` */
  readonly durationMs?: number
  /** Lines of the trace that are kept. @defaultValue `0` */
  readonly traceMaxLines?: number
}

/** What came of a simulation. */
export interface StoreSimulationReport {
  readonly seed: number
  /** What was violated; undefined: nothing. */
  readonly violation: string | undefined
  /** Operations that were answered, and that were not. */
  readonly answered: number
  readonly unanswered: number
  readonly revision: number
  /** Processes that began. */
  readonly starts: number
  readonly hash: string
  readonly lines: readonly string[]
}

/** A machine with a member on it. */
interface Machine {
  readonly node: SimulatedNode
  readonly disk: NodeDisk
  readonly backends: SimulatedBackends
  readonly name: string
  store: Store | undefined
  hasLog: boolean
}

const keys = ['a', 'b', 'c', 'd']
/** How long an operation takes at most. Unit: ms. */
const operationMs = 8_000
/** How long the cluster has to recover once the faults are over. Unit: ms. */
const recoveryMs = 60_000

/**
 * Runs the production code of members (store, consensus, log) on simulated disks and wires, with clients that read,
 * write, compare and watch, while members crash, pause and lose each other. Then the faults end, and the cluster
 * has to agree, and everything that was answered has to fit.
 */
export async function simulateStore(options: StoreSimulationOptions): Promise<StoreSimulationReport> {
  return await new StoreSimulation(options).run()
}

class StoreSimulation {
  readonly #options: Required<StoreSimulationOptions>
  readonly #simulation: Simulation
  readonly #network: SimulatedNetwork
  readonly #transports: SimulatedTransports
  readonly #machines: Machine[] = []
  readonly #random: Random
  readonly #history: RevisedOperation[] = []
  readonly #watches: {
    name: string
    startRevision: number
    batches: WatchObservation['batches'][number][]
  }[] = []
  #clock = 0
  #unanswered = 0
  #starts = 0
  #values = 0
  #isOver = false
  #failure: string | undefined

  constructor({ seed, members = 3, durationMs = 20_000, traceMaxLines = 0 }: StoreSimulationOptions) {
    this.#options = { seed, members, durationMs, traceMaxLines }
    this.#simulation = createSimulation({ seed, traceMaxLines })
    this.#random = this.#simulation.random
    this.#network = createSimulatedNetwork(this.#simulation)
    this.#transports = createSimulatedTransports(this.#simulation, this.#network)
    for (let n = 0; n < members; n++) {
      const name = `m${n + 1}`
      const node = this.#simulation.createNode(name, {
        drift: between(this.#random.fork(`drift ${name}`), -0.001, 0.001),
      })
      const disk = createNodeDisk(this.#simulation, node)
      this.#machines.push({
        node,
        disk,
        backends: new SimulatedBackends(),
        name,
        store: undefined,
        hasLog: false,
      })
    }
  }

  async run(): Promise<StoreSimulationReport> {
    const { seed, durationMs } = this.#options
    for (const machine of this.#machines) this.#start(machine)
    const timers = this.#disturb()
    for (let client = 0; client < 4; client++) this.#client(client)
    for (let watcher = 0; watcher < 2; watcher++) this.#watcher(watcher)
    await this.#simulation.run(durationMs)
    for (const timer of timers) timer.cancel()
    this.#isOver = true
    this.#heal()
    // Whatever clients have begun is over, one way or the other.
    await this.#simulation.run(durationMs + operationMs)
    const log = await this.#recover()
    const violation = this.#failure ?? (log === undefined ? 'the cluster did not recover' : this.#judge(log))
    return {
      seed,
      violation,
      answered: this.#history.length,
      unanswered: this.#unanswered,
      revision: log?.at(-1)?.revision ?? 0,
      starts: this.#starts,
      hash: this.#simulation.trace.hash,
      lines: this.#simulation.trace.lines,
    }
  }

  #start(machine: Machine): void {
    const environment = machine.node.start()
    const { incarnation } = machine.node
    const isAlive = (): boolean =>
      machine.node.incarnation === incarnation && machine.node.state !== 'stopped'
    this.#starts++
    const opening = openMemberOn(
      {
        disk: machine.disk.open(),
        backends: machine.backends.directory(environment, isAlive),
        hasLog: () => Promise.resolve(machine.disk.files().size > 2),
      },
      {
        directory: '/data',
        environment,
        transport: () => this.#transports.transport(machine.node),
        peerAddresses: [machine.name],
        origin: { type: 'new', members: this.#machines.map(({ name }) => [name]) },
        name: machine.name,
      },
      { node: { catchUpEntries: 50 } },
    )
    opening.then(
      ({ store }) => {
        if (isAlive()) machine.store = store
      },
      (error: unknown) => {
        if (!isAlive()) return
        this.#failure ??= `${machine.name} could not be opened: ${String(error)}`
      },
    )
  }

  #disturb(): Timer[] {
    const random = this.#random.fork('faults')
    const nodes = this.#machines.map(({ node }) => node)
    const timers: Timer[] = []
    if (chance(random, 0.6))
      this.#network.setFaults({ ...drawLinkFaults(random.fork('links')), duplicateRatio: 0, reorders: false })
    if (chance(random, 0.7)) {
      timers.push(
        disturbNetwork(
          this.#simulation,
          this.#network,
          nodes,
          drawNetworkDisturbances(random.fork('network')),
          () => this.#leader()?.node,
        ),
      )
    }
    if (chance(random, 0.7)) {
      const crashes = random.fork('crashes')
      timers.push(
        recurring(this.#simulation, crashes, { pauseMeanMs: between(random, 1_000, 8_000) }, () => {
          const victim = (chance(crashes, 0.4) ? this.#leader() : undefined) ?? pick(crashes, this.#machines)
          if (victim !== undefined) this.#crash(victim, crashes)
        }),
      )
    }
    if (chance(random, 0.5)) {
      const pauses = random.fork('pauses')
      timers.push(
        recurring(this.#simulation, pauses, { pauseMeanMs: between(random, 1_000, 8_000) }, () => {
          const victim = (chance(pauses, 0.5) ? this.#leader() : undefined) ?? pick(pauses, this.#machines)
          if (victim?.node.state !== 'running') return
          victim.node.pause()
          this.#simulation.schedule(exponential(pauses, 2_000), () => victim.node.resume())
        }),
      )
    }
    return timers
  }

  #crash(machine: Machine, random: Random): void {
    if (machine.node.state === 'stopped') return
    machine.node.crash(chance(random, 0.5) ? 'kill' : 'powerLoss')
    machine.store = undefined
    this.#simulation.schedule(exponential(random, 1_500), () => {
      if (machine.node.state === 'stopped') this.#start(machine)
    })
  }

  #leader(): Machine | undefined {
    return this.#machines.find(({ store }) => {
      const status = store?.status()
      return status !== undefined && status.leaderId === status.memberId
    })
  }

  /** Reads and writes, one after the other, wherever it finds a member. */
  #client(number: number): void {
    const random = this.#random.fork(`client ${number}`)
    const next = (): void => {
      if (this.#isOver) return
      const machine = pick(
        random,
        this.#machines.filter(({ store, node }) => store !== undefined && node.state === 'running'),
      )
      if (machine?.store === undefined) {
        this.#simulation.schedule(50, next)
        return
      }
      let isAnswered = false
      const over = (): void => {
        if (isAnswered) return
        isAnswered = true
        this.#simulation.schedule(exponential(random, 20), next)
      }
      this.#operate(machine.store, random).then(over, over)
      // A process that crashes answers nobody.
      this.#simulation.schedule(operationMs, over)
    }
    this.#simulation.schedule(between(random, 0, 100), next)
  }

  async #operate(store: Store, random: Random): Promise<void> {
    const key = pick(random, keys) ?? 'a'
    const calledAt = ++this.#clock
    const kind = random.below(10)
    const value = `${++this.#values}`
    try {
      if (kind < 4) {
        const { revision, kvs } = await store.range({ key })
        const [found] = kvs
        this.#answered(calledAt, revision, [], [{ key, value: textOf(found?.value) }])
      } else if (kind < 8) {
        const { revision } = await store.put({ key, value })
        this.#answered(calledAt, revision, [{ key, value }], [])
      } else if (kind < 9) {
        const { revision, deleted } = await store.deleteRange({ key })
        if (deleted > 0) this.#answered(calledAt, revision, [{ key, value: undefined }], [])
      } else {
        const other = keys[(keys.indexOf(key) + 1) % keys.length] ?? 'b'
        const { revision, succeeded } = await store.txn({
          compare: [{ key, target: 'version', result: 'greater', value: 0 }],
          success: [
            { type: 'put', key, value },
            { type: 'put', key: other, value: `${value}'` },
          ],
        })
        const changes = [
          { key, value },
          { key: other, value: `${value}'` },
        ]
        if (succeeded) this.#answered(calledAt, revision, changes, [])
      }
    } catch (error) {
      this.#unanswered++
      if (
        hasCode(
          error,
          'STORE_TIMED_OUT',
          'STORE_OUTCOME_UNKNOWN',
          'STORE_CLOSED',
          'STORE_NO_LEADER',
          'STORE_LEADER_CHANGED',
        )
      )
        return
      this.#failure ??= `an operation failed: ${String(error)}`
    }
  }

  #answered(
    calledAt: number,
    revision: number,
    changes: RevisedOperation['changes'],
    reads: RevisedOperation['reads'],
  ): void {
    this.#history.push({ calledAt, returnedAt: ++this.#clock, revision, changes, reads })
  }

  /** Watches everything from the beginning, and goes on at another member when one is gone. */
  #watcher(number: number): void {
    const random = this.#random.fork(`watcher ${number}`)
    const seen = {
      name: `w${number}`,
      startRevision: 2,
      batches: [] as WatchObservation['batches'][number][],
    }
    this.#watches.push(seen)
    let next = 2
    const begin = (): void => {
      if (this.#isOver) return
      const machine = pick(
        random,
        this.#machines.filter(({ store, node }) => store !== undefined && node.state === 'running'),
      )
      if (machine?.store === undefined) {
        this.#simulation.schedule(50, begin)
        return
      }
      const { incarnation } = machine.node
      const watch = machine.store.watch({ key: '\0', rangeEnd: '\0', startRevision: next })
      const read = async (): Promise<void> => {
        for await (const { events } of watch) {
          if (machine.node.incarnation !== incarnation) return
          seen.batches.push({
            changes: events.map(({ type, kv }) => ({
              key: textOf(kv.key) ?? '',
              value: type === 'put' ? textOf(kv.value) : undefined,
              revision: kv.modRevision,
            })),
          })
          next = (events.at(-1)?.kv.modRevision ?? next - 1) + 1
        }
      }
      read().catch((error: unknown) => {
        if (!hasCode(error, 'STORE_CLOSED')) this.#failure ??= `a watch failed: ${String(error)}`
      })
      const again = (): void => {
        if (
          machine.node.incarnation === incarnation &&
          machine.node.state !== 'stopped' &&
          !chance(random, 0.1)
        ) {
          this.#simulation.schedule(500, again)
          return
        }
        watch.close()
        begin()
      }
      this.#simulation.schedule(500, again)
    }
    this.#simulation.schedule(500, begin)
  }

  #heal(): void {
    this.#network.heal()
    this.#network.setFaults(reliableLink)
    for (const machine of this.#machines) {
      machine.node.resume()
      if (machine.node.state === 'stopped') this.#start(machine)
    }
  }

  /** All members have to show the same history, and a write has to be answered. Undefined: they do not in time. */
  async #recover(): Promise<RevisionChanges[] | undefined> {
    const untilMs = this.#simulation.nowMs + recoveryMs
    const hashes: string[] = []
    let log: RevisionChanges[] | undefined
    const check = async (machine: Machine): Promise<void> => {
      for (;;) {
        try {
          const { store } = machine
          if (store !== undefined) {
            await store.put({ key: `last ${machine.name}`, value: machine.name })
            break
          }
        } catch {
          // Again.
        }
        await this.#pause(100)
      }
    }
    let done = 0
    for (const machine of this.#machines) {
      void check(machine).then(() => {
        done++
      })
    }
    await this.#simulation.run(untilMs, () => done === this.#machines.length)
    if (done < this.#machines.length) return undefined
    let compared = 0
    const compare = async (machine: Machine): Promise<void> => {
      const { store } = machine
      if (store === undefined) return
      await store.get('last')
      const { revision } = store.status()
      const { hash } = await store.hashKv({ revision })
      hashes.push(`${revision} ${hash}`)
      log ??= await historyOf(store, revision)
      compared++
    }
    for (const machine of this.#machines)
      compare(machine).catch((error: unknown) => (this.#failure ??= String(error)))
    await this.#simulation.run(this.#simulation.nowMs + recoveryMs, () => compared === this.#machines.length)
    if (new Set(hashes).size > 1) this.#failure ??= `members disagree: ${hashes.join(', ')}`
    return log
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#simulation.schedule(ms, resolve))
  }

  #judge(log: readonly RevisionChanges[]): string | undefined {
    const written = new Set<string>()
    for (const { changes } of log) {
      for (const { key, value } of changes) {
        if (value === undefined || key.startsWith('last')) continue
        if (written.has(value)) return `the write of ${value} took effect twice`
        written.add(value)
      }
    }
    const order = checkRevisionOrder(log, this.#history)
    if (order.type !== 'legal') return reasonOf(order)
    for (const watch of this.#watches) {
      const verdict = checkWatch(log, { ...watch, matches: () => true })
      if (verdict.type !== 'legal') return reasonOf(verdict)
    }
    return undefined
  }
}

function reasonOf(verdict: object): string {
  return JSON.stringify(verdict)
}

/** Every revision up to one, as a member has it. */
async function historyOf(store: Store, lastRevision: number): Promise<RevisionChanges[]> {
  const byRevision = new Map<number, { key: string; value: string | undefined }[]>()
  const watch = store.watch({ key: '\0', rangeEnd: '\0', startRevision: 2 })
  for await (const { revision, events } of watch) {
    for (const { type, kv } of events) {
      const changes = byRevision.get(kv.modRevision) ?? []
      changes.push({ key: textOf(kv.key) ?? '', value: type === 'put' ? textOf(kv.value) : undefined })
      byRevision.set(kv.modRevision, changes)
    }
    if (revision >= lastRevision) break
  }
  return [...byRevision].map(([revision, changes]) => ({ revision, changes }))
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}
