import { setTimeout as delay } from 'node:timers/promises'
import type { etcdserverpb } from '@orrery/adapter-etcd'
import type { Random } from '@orrery/environment'
import type { RevisionChanges, WatchObservation } from '@orrery/simulation'
import { valueOf } from './clients.ts'
import type { EtcdClient } from './etcd-client.ts'

type Batch = WatchObservation['batches'][number]

/** How often a watcher asks how far it is, and looks whether it was answered. Unit: ms. */
const progressIntervalMs = 500
/** A watcher that hears nothing for so long goes to another member. Unit: ms. */
const silenceMaxMs = 3_000

/** A watcher of everything from the beginning, which goes on at another member when one fails it. */
export class Watcher {
  readonly name: string
  readonly batches: Batch[] = []
  /** When deletions of keys came that belong to leases. Unit: ms. */
  readonly deletedAtMs = new Map<string, number>()
  /** Why the watch is of no use any more. */
  failure: string | undefined
  streams = 0
  #revision = 1
  #isOver = false
  readonly #random: Random
  readonly #endpoints: readonly EtcdClient[]
  readonly #running: Promise<void>

  constructor(name: string, random: Random, endpoints: readonly EtcdClient[]) {
    this.name = name
    this.#random = random
    this.#endpoints = endpoints
    this.#running = this.#run()
  }

  /** Everything up to here has come. */
  get revision(): number {
    return this.#revision
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isOver && this.failure === undefined) {
      const endpoint = this.#endpoints[this.#random.below(this.#endpoints.length)]
      if (endpoint !== undefined) await this.#follow(endpoint)
      await delay(50)
    }
  }

  /** Watches at one member until that fails, is silent, or has been long enough. */
  async #follow(endpoint: EtcdClient): Promise<void> {
    const stream = endpoint.watch()
    const gone = new AbortController()
    const end = (): void => gone.abort()
    let heardMs = performance.now()
    const untilMs = heardMs + 1_000 + this.#random.below(15_000)
    this.streams++
    stream.on('data', (response: etcdserverpb.WatchResponse) => {
      // What arrives after this watcher has gone on elsewhere is not for it.
      if (gone.signal.aborted) return
      heardMs = performance.now()
      if (response.canceled === true) {
        end()
        if (Number(response.compactRevision ?? 0) > 0)
          this.failure = `compacted: ${this.#revision} was not seen`
      } else this.#take(response)
    })
    stream.on('error', end)
    stream.on('end', end)
    const everything = { key: Buffer.from([0]), rangeEnd: Buffer.from([0]) }
    stream.write({ createRequest: { ...everything, startRevision: this.#revision + 1 } })
    for (;;) {
      await delay(progressIntervalMs)
      const nowMs = performance.now()
      if (gone.signal.aborted || this.#isOver || nowMs > untilMs || nowMs - heardMs > silenceMaxMs) break
      stream.write({ progressRequest: {} })
    }
    end()
    stream.cancel()
  }

  #take({ events, header, created }: etcdserverpb.WatchResponse): void {
    const changes = (events ?? []).map(({ type, kv }) => {
      const key = Buffer.from(kv?.key ?? []).toString()
      const revision = Number(kv?.modRevision)
      if (type !== 1) return { key, value: valueOf(kv?.value ?? new Uint8Array(0)), revision }
      if (!this.deletedAtMs.has(key)) this.deletedAtMs.set(key, performance.now())
      return { key, value: undefined, revision }
    })
    if (changes.length > 0) this.batches.push({ changes })
    // An answer to the question how far it is.
    else if (created !== true) this.batches.push({ changes, progress: Number(header?.revision) })
    this.#revision = Math.max(this.#revision, changes.at(-1)?.revision ?? 0)
  }
}

/** What came to a watcher of everything, by revision. */
export function logOf(batches: readonly Batch[]): RevisionChanges[] {
  const byRevision = new Map<number, Batch['changes'][number][]>()
  for (const change of batches.flatMap(({ changes }) => changes)) {
    const changes = byRevision.get(change.revision)
    if (changes === undefined) byRevision.set(change.revision, [change])
    else changes.push(change)
  }
  return [...byRevision].map(([revision, changes]) => ({ revision, changes }))
}
