import { type ServiceError, status } from '@grpc/grpc-js'
import { kvDefinition } from '@orrery/adapter-etcd'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../servers/cluster.ts'
import { EtcdClient } from './torture/etcd-client.ts'

/** Longer than a member lets a request wait. Unit: ms. */
const callTimeoutMs = 10_000
/** Members that a request may be refused by before one answers it. */
const attemptsMax = 10
const requestsBetween = 300

let cluster: Cluster
let endpoints: readonly EtcdClient[] = []

beforeAll(async () => {
  cluster = await startCluster(3)
  endpoints = cluster.members.map(({ name, endpoint }) => new EtcdClient(name, endpoint))
})

afterAll(async () => {
  for (const endpoint of endpoints) endpoint.close()
  await cluster[Symbol.asyncDispose]()
})

/** Clients that do what the README of the reference server says, and nothing more. */
class Load {
  readonly failures: string[] = []
  readonly written = new Set<string>()
  retries = 0
  #answers = 0
  #isOver = false
  readonly #waiting = new Set<() => void>()
  readonly #running: Promise<unknown>

  constructor() {
    const writers = Array.from({ length: 6 }, (_, n) => this.#write(n))
    const readers = Array.from({ length: 3 }, (_, n) => this.#read(n))
    this.#running = Promise.all([...writers, ...readers])
  }

  /** Waits for `count` more answers. */
  async answers(count: number): Promise<void> {
    const enough = this.#answers + count
    while (this.#answers < enough) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  /** Each key is created once: a request that may have taken effect can be made again. */
  async #write(writer: number): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const key = Buffer.from(`key/${writer}/${n}`)
      const request = {
        compare: [{ target: 0, result: 0, key, version: 0 }],
        success: [{ requestPut: { key, value: Buffer.from('value') } }],
      }
      const isDone = await this.#insist(writer, (endpoint) =>
        endpoint.call(kvDefinition.Txn, request, callTimeoutMs),
      )
      if (isDone) this.written.add(key.toString())
    }
  }

  async #read(reader: number): Promise<void> {
    while (!this.#isOver) {
      const request = { key: Buffer.from('key/0/0') }
      await this.#insist(reader, (endpoint) => endpoint.call(kvDefinition.Range, request, callTimeoutMs))
    }
  }

  /** Asks one member after the other, as long as they say that they are not available. */
  async #insist(first: number, call: (endpoint: EtcdClient) => Promise<unknown>): Promise<boolean> {
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const endpoint = endpoints[(first + attempt) % endpoints.length]
      if (endpoint === undefined) break
      try {
        await call(endpoint)
        this.#answers++
        for (const wake of this.#waiting) wake()
        this.#waiting.clear()
        return true
      } catch (error) {
        const { code, details } = error as ServiceError
        if (code !== status.UNAVAILABLE) {
          this.failures.push(`${status[code]}: ${details}`)
          return false
        }
        this.retries++
      }
    }
    this.failures.push(`unavailable ${attemptsMax} times`)
    return false
  }
}

test('no request fails while all members are restarted under load, one after the other', async () => {
  const load = new Load()
  const leaders = new Set<string>()
  for (const member of cluster.members) {
    await load.answers(requestsBetween)
    leaders.add((await cluster.leader()).name)
    await member.stop('SIGTERM')
    await load.answers(requestsBetween)
    await member.start()
  }
  await load.answers(requestsBetween)
  leaders.add((await cluster.leader()).name)
  await load.stop()
  expect(load.failures).toEqual([])
  expect(load.retries).toBeGreaterThan(0)
  // Whoever led at first had its turn, too.
  expect(leaders.size).toBeGreaterThan(1)

  const [endpoint] = endpoints
  const range = { key: Buffer.from('key/'), rangeEnd: Buffer.from('key0'), keysOnly: true }
  const response = await endpoint?.call(kvDefinition.Range, range, callTimeoutMs)
  const found = new Set(response?.kvs?.map(({ key }) => Buffer.from(key ?? []).toString()))
  for (const key of load.written) expect(found.has(key), key).toBe(true)
  expect(response?.kvs?.every(({ version }) => Number(version) === 1)).toBe(true)
})
