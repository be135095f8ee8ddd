import { hasCode, type Random } from '@orrery/environment'
import type { Store } from '@orrery/store'
import type { KeyChange, RevisedOperation } from '../checkers/revision-order.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import type { StoreCluster } from './store-cluster.ts'
import { type StoreHistory, textOf } from './store-history.ts'
import type { StoreMachine } from './store-machine.ts'

const keys = ['a', 'b', 'c', 'd']

/** Answers that leave open whether something took effect, or say that it did not. */
export const expectedCodes = [
  'STORE_TIMED_OUT',
  'STORE_OUTCOME_UNKNOWN',
  'STORE_CLOSED',
  'STORE_FAILED',
  'STORE_REMOVED',
  'STORE_NO_LEADER',
  'STORE_LEADER_CHANGED',
] as const

/** What an operation came to. */
type Outcome = Pick<RevisedOperation, 'revision' | 'changes' | 'reads'> & {
  readonly isSerializable?: boolean
}

/** Clients that read and write, one thing after the other, wherever they find a member. */
export class StoreClients {
  readonly #cluster: StoreCluster
  readonly #history: StoreHistory

  constructor(cluster: StoreCluster, history: StoreHistory) {
    this.#cluster = cluster
    this.#history = history
  }

  start(): void {
    const { simulation, faults } = this.#cluster
    for (let client = 0; client < faults.clients; client++) {
      const random = simulation.random.fork(`client ${client}`)
      simulation.schedule(between(random, 0, 100), () => void this.#next(random))
    }
  }

  async #next(random: Random): Promise<void> {
    const { simulation, faults, isOver } = this.#cluster
    if (isOver) return
    const machine = this.#cluster.anybody(random)
    if (machine !== undefined) await this.#operate(machine, random)
    simulation.schedule(exponential(random, faults.thinkMeanMs) + 1, () => void this.#next(random))
  }

  async #operate(machine: StoreMachine, random: Random): Promise<void> {
    const { incarnation } = machine.node
    const { counters, faults } = this.#cluster
    const calledAt = this.#history.tick()
    const operation = this.#draw(random)
    const answer = await machine.ask(faults.requestTimeoutMs + 1_000, operation)
    if (answer.type === 'silent') return
    if (answer.type === 'refused') {
      counters.refusals++
      if (!hasCode(answer.error, ...expectedCodes, 'MVCC_COMPACTED', 'MVCC_FUTURE_REVISION'))
        this.#cluster.fail(`an operation failed: ${String(answer.error)}`)
      return
    }
    if (answer.value === undefined) return
    const { isPast, ...outcome } = answer.value
    const returnedAt = this.#history.tick()
    this.#history.operations.push({ ...outcome, calledAt, returnedAt })
    if (isPast) return
    this.#history.served.push({
      memberId: machine.name,
      incarnation,
      calledAt,
      returnedAt,
      revision: outcome.revision,
    })
  }

  #draw(random: Random): (store: Store) => Promise<(Outcome & { readonly isPast: boolean }) | undefined> {
    const key = pick(random, keys) ?? 'a'
    const dice = random.below(100)
    const back = 1 + random.below(20)
    const { counters, faults } = this.#cluster
    const now = (work: (store: Store) => Promise<Outcome>) => async (store: Store) => ({
      ...(await work(store)),
      isPast: false,
    })
    if (chance(random, faults.compactRatio)) return (store) => this.#compact(store, back)
    if (dice < 20) return now((store) => this.#read(store, key))
    if (dice < 40) return now((store) => this.#readHere(store, key))
    if (dice < 45) return (store) => this.#readPast(store, key, back)
    if (dice < 80) {
      const value = this.#history.nextValue()
      return now(async (store) => {
        const { revision } = await store.put({ key, value })
        counters.writes++
        return { revision, changes: [{ key, value }], reads: [] }
      })
    }
    return dice < 88 ? now((store) => this.#delete(store, key)) : now((store) => this.#transact(store, key))
  }

  async #read(store: Store, key: string): Promise<Outcome> {
    const { revision, kvs } = await store.range({ key })
    this.#cluster.counters.linearizableReads++
    return { revision, changes: [], reads: [{ key, value: textOf(kvs[0]?.value) }] }
  }

  async #readHere(store: Store, key: string): Promise<Outcome> {
    const { revision, kvs } = await store.range({ key }, { serializable: true })
    this.#cluster.counters.serializableReads++
    const reads = [{ key, value: textOf(kvs[0]?.value) }]
    return { revision, changes: [], reads, isSerializable: true }
  }

  async #readPast(
    store: Store,
    key: string,
    back: number,
  ): Promise<(Outcome & { readonly isPast: boolean }) | undefined> {
    const revision = this.#history.nextRevision - back
    if (revision < 1) return undefined
    const { kvs } = await store.range({ key, revision })
    this.#cluster.counters.pastReads++
    const reads = [{ key, value: textOf(kvs[0]?.value) }]
    return { revision, changes: [], reads, isSerializable: true, isPast: true }
  }

  async #delete(store: Store, key: string): Promise<Outcome> {
    const { revision, deleted } = await store.deleteRange({ key })
    this.#cluster.counters.writes++
    const change: KeyChange = { key, value: undefined }
    return deleted > 0
      ? { revision, changes: [change], reads: [] }
      : { revision, changes: [], reads: [change] }
  }

  /** Two keys at once, if the first one is there. */
  async #transact(store: Store, key: string): Promise<Outcome> {
    const value = this.#history.nextValue()
    const other = keys[(keys.indexOf(key) + 1) % keys.length] ?? 'b'
    const { revision, succeeded } = await store.txn({
      compare: [{ key, target: 'version', result: 'greater', value: 0 }],
      success: [
        { type: 'put', key, value },
        { type: 'put', key: other, value: `${value}'` },
      ],
    })
    this.#cluster.counters.transactions++
    if (!succeeded) return { revision, changes: [], reads: [{ key, value: undefined }] }
    const changes = [
      { key, value },
      { key: other, value: `${value}'` },
    ]
    return { revision, changes, reads: [] }
  }

  /** Only what the reader of the log has: it must not lose anything. */
  async #compact(store: Store, back: number): Promise<undefined> {
    const revision = this.#history.nextRevision - back
    if (revision < 2) return undefined
    await store.compact({ revision })
    this.#cluster.counters.compactions++
    return undefined
  }
}
