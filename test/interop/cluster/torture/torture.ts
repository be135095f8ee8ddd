import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { kvDefinition, maintenanceDefinition } from '@orrery/adapter-etcd'
import { createRandom } from '@orrery/environment'
import type { KeyChange } from '@orrery/simulation'
import { Clients, valueOf } from './clients.ts'
import { EtcdClient } from './etcd-client.ts'
import { History } from './history.ts'
import { type KeptLease, Leases } from './leases.ts'
import { Machines, type Post } from './machines.ts'
import { Nemesis } from './nemesis.ts'
import { drawSchedule, type FaultKind, faultKinds } from './schedule.ts'
import { violationsOf } from './verdict.ts'
import { Watcher } from './watchers.ts'

export interface TortureOptions {
  /** Decides which faults come, when, and what clients want. */
  readonly seed: number
  /** How long faults go on at least; every kind comes once in any case. Unit: ms. */
  readonly durationMs: number
  readonly log: (line: string) => void
  /** Ends it after the present fault, without a verdict. */
  readonly signal?: AbortSignal
}

/** What came of it. */
export interface TortureReport {
  /** Nothing, if all is well. */
  readonly violations: readonly string[]
  /** A directory with what clients and watchers saw and members logged; undefined: nothing was violated. */
  readonly evidence: string | undefined
  /** Calls of clients. */
  readonly answered: number
  readonly unanswered: number
  readonly revision: number
  readonly faults: ReadonlyMap<FaultKind, number>
  /** Streams that watchers opened, one after the other. */
  readonly watchStreams: number
  readonly renewals: number
  readonly abandonedLeases: number
  /** Leases that ended because nobody could be reached to renew them in time. */
  readonly lostLeases: number
}

const clientCount = 6
const watcherCount = 3
const keeperCount = 4
const compactIntervalMs = 15_000
/** How long members may take to agree, watchers to catch up, and leases to expire at the end. Unit: ms. */
const settleMaxMs = 60_000

/**
 * Three real processes with clients, while they are killed, frozen, cut off, filled up and replaced.
 *
 * @throws the reason of the signal
 */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const startedMs = performance.now()
  const log = (line: string): void => {
    options.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(7)} s  ${line}`)
  }
  await using machines = await Machines.start()
  return await new Torture(machines, { ...options, log }).run()
}

interface Judged {
  readonly violations: readonly string[]
  readonly revision: number
}

class Torture {
  readonly #machines: Machines
  readonly #options: TortureOptions
  readonly #history = new History()
  readonly #nemesis: Nemesis
  readonly #endpoints: readonly EtcdClient[]
  readonly #clients: Clients
  readonly #leases: Leases
  readonly #watchers: readonly Watcher[]
  readonly #complaints: string[] = []

  constructor(machines: Machines, options: TortureOptions) {
    const random = createRandom(options.seed)
    this.#machines = machines
    this.#options = options
    const endpoints = machines.posts.map(({ machine }) => new EtcdClient(machine.name, machine.endpoint))
    this.#endpoints = endpoints
    this.#nemesis = new Nemesis({ machines, history: this.#history, log: options.log })
    this.#clients = new Clients({ history: this.#history, random: random.fork('clients'), endpoints })
    this.#leases = new Leases({ random: random.fork('leases'), endpoints })
    this.#watchers = Array.from(
      { length: watcherCount },
      (_, n) => new Watcher(`w${n}`, random.fork(`watcher ${n}`), endpoints),
    )
  }

  async run(): Promise<TortureReport> {
    this.#clients.start(clientCount)
    this.#leases.start(keeperCount)
    const compactions = setInterval(() => void this.#compact(), compactIntervalMs)
    let judged: Judged = { violations: [], revision: 0 }
    try {
      await this.#hurt()
      judged = await this.#settle()
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      const what = error instanceof Error ? error.message : String(error)
      judged = { violations: [...this.#complaints, what], revision: 0 }
    } finally {
      clearInterval(compactions)
      await this.#clients.stop()
      await this.#leases.stop()
      for (const watcher of this.#watchers) await watcher.stop()
      for (const endpoint of this.#endpoints) endpoint.close()
    }
    return await this.#report(judged)
  }

  async #hurt(): Promise<void> {
    const { seed, durationMs, signal } = this.#options
    const schedule = drawSchedule(createRandom(seed).fork('schedule'))
    const untilMs = performance.now() + durationMs
    const isOver = (): boolean =>
      performance.now() > untilMs && this.#nemesis.counts.size === faultKinds.length
    while (!isOver()) {
      signal?.throwIfAborted()
      await this.#nemesis.perform(schedule.next().value)
      const failed = this.#watchers.find(({ failure }) => failure !== undefined)
      if (failed !== undefined) throw new Error(`watcher ${failed.name}: ${String(failed.failure)}`)
    }
  }

  /** Lets everything come to its end, and judges what was seen. */
  async #settle(): Promise<Judged> {
    this.#machines.wires.heal()
    await this.#clients.stop()
    // Those that are renewed are still to be renewed meanwhile.
    await this.#expectExpiry([...this.#leases.abandoned])
    await this.#leases.stop()
    // Some were abandoned since.
    await this.#expectExpiry([...this.#leases.abandoned, ...this.#leases.kept])
    const { violations, revision } = await this.#judge()
    return { violations: [...this.#complaints, ...violations], revision }
  }

  /** Forgets what no watcher needs any more. */
  async #compact(): Promise<void> {
    const revision = Math.min(...this.#watchers.map((watcher) => watcher.revision)) - 100
    const [endpoint] = this.#endpoints
    if (revision < 1 || endpoint === undefined) return
    await endpoint.call(kvDefinition.Compact, { revision }, settleMaxMs).catch(() => undefined)
  }

  /** Leases that nobody renews end, and their keys go. */
  async #expectExpiry(leases: readonly KeptLease[]): Promise<void> {
    const [post] = this.#machines.posts
    let keys: ReadonlySet<string> = new Set()
    await until(async () => {
      keys = new Set((await this.#held(post)).held.map(({ key }) => key))
      return !leases.some(({ key }) => keys.has(key))
    })
    for (const { id, key } of leases) {
      if (keys.has(key)) this.#complaints.push(`nobody renews lease ${id}, and ${key} is still there`)
    }
    this.#options.log(`${leases.length} leases expired`)
  }

  async #judge(): Promise<Judged> {
    const states = []
    for (const post of this.#machines.posts) states.push(await this.#held(post))
    const [state = { held: [], revision: 0 }] = states
    const { revision } = state
    const watchers = this.#watchers
    await until(() => watchers.every((watcher) => watcher.revision >= revision))
    const hashes = await this.#hashes(revision)
    const leases = this.#leaseHistory()
    return {
      revision,
      violations: [
        ...violationsOf({ history: this.#history, watchers, leases, ...state }),
        ...(new Set(hashes).size === 1 ? [] : [`members hash differently: ${hashes.join(', ')}`]),
        ...(new Set(states.map((one) => JSON.stringify(one.held))).size === 1
          ? []
          : ['members hold different keys']),
      ],
    }
  }

  /** With the deletions that a watcher saw, which came after they had happened. */
  #leaseHistory(): Leases['observations'] {
    const deletedAtMs = this.#watchers[0]?.deletedAtMs ?? new Map<string, number>()
    const revoked = [...this.#leases.abandoned, ...this.#leases.kept].flatMap(({ id, key }) => {
      const atMs = deletedAtMs.get(key)
      if (atMs === undefined) return []
      return [{ type: 'revoked', leaseId: String(id), cause: 'expired', atMs, deletedKeys: [] } as const]
    })
    return [...this.#leases.observations, ...revoked]
  }

  async #hashes(revision: number): Promise<readonly string[]> {
    const ask = ({ client }: Post): Promise<string> =>
      client
        .call(maintenanceDefinition.HashKV, { revision }, settleMaxMs)
        .then(({ hash, compactRevision }) => `${String(hash)} since ${String(compactRevision)}`, String)
    let hashes: readonly string[] = []
    // A compaction may not have come to its end everywhere.
    await until(async () => {
      hashes = await Promise.all(this.#machines.posts.map(ask))
      return new Set(hashes).size === 1
    })
    return hashes
  }

  /** What a member holds, as a linearizable read says. */
  async #held(
    post: Post | undefined,
  ): Promise<{ readonly held: readonly KeyChange[]; readonly revision: number }> {
    const everything = { key: Buffer.from([0]), rangeEnd: Buffer.from([0]) }
    const response = await post?.client.call(kvDefinition.Range, everything, settleMaxMs)
    const held = (response?.kvs ?? []).map(({ key, value }) => {
      return { key: Buffer.from(key ?? []).toString(), value: valueOf(value ?? new Uint8Array(0)) }
    })
    return { held, revision: Number(response?.header?.revision) }
  }

  async #report({ violations, revision }: Judged): Promise<TortureReport> {
    return {
      violations,
      evidence: violations.length === 0 ? undefined : await this.#keepEvidence(violations),
      answered: this.#history.answered,
      unanswered: this.#history.unanswered,
      revision,
      faults: this.#nemesis.counts,
      watchStreams: this.#watchers.reduce((sum, { streams }) => sum + streams, 0),
      renewals: this.#leases.renewals,
      abandonedLeases: this.#leases.abandoned.length,
      lostLeases: this.#leases.lost,
    }
  }

  async #keepEvidence(violations: readonly string[]): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'orrery-torture-evidence-'))
    const write = (name: string, content: unknown): Promise<void> =>
      writeFile(join(directory, `${name}.json`), JSON.stringify(content, undefined, 1))
    await write('violations', violations)
    await write('history', this.#history.attempts)
    await write('leases', this.#leases.observations)
    for (const { name, batches } of this.#watchers) await write(`watcher-${name}`, batches)
    for (const { machine } of this.#machines.posts)
      await write(`member-${machine.name}`, machine.output().split('\n'))
    return directory
  }
}

/** Waits until something holds, or it has been long enough. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + settleMaxMs
  while (!(await condition()) && performance.now() < deadline) await delay(200)
}
