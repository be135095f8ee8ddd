import type { ClusterMember, Store } from '@orrery/store'
import type { StoreCluster } from './store-cluster.ts'
import type { StoreHistory } from './store-history.ts'
import type { StoreMachine } from './store-machine.ts'
import type { StoreOperator } from './store-operator.ts'

/** How long each step of the recovery may take. Unit: ms. */
const recoveryMaxMs = 60_000
const patienceMs = 5_000
const retryMs = 100

/** Faults are over: a cluster that never does anything is safe, too, so it has to come to rest now. */
export class StoreRecovery {
  readonly #cluster: StoreCluster
  readonly #history: StoreHistory
  readonly #operator: StoreOperator

  constructor(cluster: StoreCluster, history: StoreHistory, operator: StoreOperator) {
    this.#cluster = cluster
    this.#history = history
    this.#operator = operator
  }

  /** Fails the run unless every member serves, all leases end, and all members and readers agree. */
  async run(): Promise<void> {
    const { simulation } = this.#cluster
    let members: readonly ClusterMember[] | undefined
    await this.#until('nobody tells who the members are', async () => {
      members = await this.#operator.tidy()
      return members !== undefined
    })
    const machines = (members ?? []).flatMap((member) => this.#cluster.machineOf(member) ?? [])
    await this.#until('not every member serves', ...machines.map((machine) => () => this.#serves(machine)))
    await this.#until('leases never end', () => this.#allLeasesHaveEnded())
    const hashes = new Set<string>()
    await this.#until(
      'not every member tells its hash',
      ...machines.map((machine) => async () => {
        const hash = await this.#hashOf(machine)
        if (hash !== undefined) hashes.add(hash)
        return hash !== undefined
      }),
    )
    if (hashes.size > 1) this.#cluster.fail(`members disagree: ${[...hashes].join(', ')}`)
    const last = Math.max(...machines.map(({ store }) => store?.status().revision ?? 0))
    await this.#until('nobody reads the end of the log', () =>
      Promise.resolve(this.#history.nextRevision > last),
    )
    // Watchers look for another member from time to time.
    if (this.#cluster.failure === undefined) await simulation.run(simulation.nowMs + 2_000)
  }

  /** Works at several things at the same time, each again and again until it succeeds. */
  async #until(complaint: string, ...attempts: readonly (() => Promise<boolean>)[]): Promise<void> {
    const { simulation } = this.#cluster
    if (this.#cluster.failure !== undefined) return
    let left = attempts.length
    const work = async (attempt: () => Promise<boolean>): Promise<void> => {
      if (await attempt()) left--
      else simulation.schedule(retryMs, () => void work(attempt))
    }
    for (const attempt of attempts) simulation.schedule(0, () => void work(attempt))
    await simulation.run(
      simulation.nowMs + recoveryMaxMs,
      () => left === 0 || this.#cluster.failure !== undefined,
    )
    if (left > 0) this.#cluster.fail(`no rest after the faults: ${complaint}`)
  }

  async #serves(machine: StoreMachine): Promise<boolean> {
    const { name } = machine
    return await this.#succeeds(machine, (store) => store.put({ key: `last ${name}`, value: name }))
  }

  async #allLeasesHaveEnded(): Promise<boolean> {
    const { leader } = this.#cluster
    if (leader === undefined) return false
    return await this.#succeeds(leader, async (store) => {
      if ((await store.leases.list()).length > 0) throw new Error('not yet')
    })
  }

  async #hashOf(machine: StoreMachine): Promise<string | undefined> {
    const answer = await machine.ask(patienceMs, async (store) => {
      await store.get('last')
      const { revision } = store.status()
      const { hash } = await store.hashKv({ revision })
      return `${revision} ${hash}`
    })
    return answer.type === 'answered' ? answer.value : undefined
  }

  async #succeeds(machine: StoreMachine, call: (store: Store) => Promise<unknown>): Promise<boolean> {
    return (await machine.ask(patienceMs, call)).type === 'answered'
  }
}
