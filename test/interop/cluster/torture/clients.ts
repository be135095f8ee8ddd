import { setTimeout as delay } from 'node:timers/promises'
import { type etcdserverpb, kvDefinition } from '@orrery/adapter-etcd'
import type { Random } from '@orrery/environment'
import type { KeyChange } from '@orrery/simulation'
import type { EtcdClient } from './etcd-client.ts'
import type { Answer, History, Wish } from './history.ts'

/** How long a client waits for an answer. Unit: ms. */
const callTimeoutMs = 4_000
/** How long a key is used. Its history stays small enough for a search through all orders. Unit: ms. */
const generationMs = 3_000
const keysPerGeneration = 4
/** Pause between two calls of a client. Unit: ms. */
const pauseMaxMs = 40
/** The same after a call that failed, which may have failed at once. Unit: ms. */
const failurePauseMs = 100
/** Some values are large: what members keep is to grow, and to be sent. Unit: bytes. */
const paddingMaxBytes = 2_000

export interface ClientsParts {
  readonly history: History
  readonly random: Random
  readonly endpoints: readonly EtcdClient[]
}

/** Clients that read and write few keys at any member, and go to another one when one fails them. */
export class Clients {
  readonly #parts: ClientsParts
  #isOver = false
  #lastValue = 0
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: ClientsParts) {
    this.#parts = parts
  }

  start(count: number): void {
    this.#running = Promise.all(Array.from({ length: count }, (_, n) => this.#run(n)))
  }

  /** Waits until every call has ended. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #run(number: number): Promise<void> {
    const { history, endpoints } = this.#parts
    const random = this.#parts.random.fork(`client ${number}`)
    /** The last value that this client saw, by key: what it expects to replace. */
    const seen = new Map<string, number>()
    let at = number
    while (!this.#isOver) {
      if (random.below(10) === 0) at = random.below(endpoints.length)
      const wish = this.#choose(random, seen)
      const attempt = history.begin(wish)
      try {
        const endpoint = endpoints[at % endpoints.length]
        if (endpoint === undefined) throw new Error('there is no endpoint')
        const answer = await perform(endpoint, wish, random.below(paddingMaxBytes))
        history.end(attempt, answer)
        for (const { key, value } of [...answer.changes, ...answer.reads]) seen.set(key, Number(value ?? 0))
        await delay(random.below(pauseMaxMs))
      } catch {
        at++
        await delay(failurePauseMs)
      }
    }
  }

  #choose(random: Random, seen: ReadonlyMap<string, number>): Wish {
    const generation = Math.floor(performance.now() / generationMs)
    const n = random.below(keysPerGeneration)
    const keyOf = (of: number): string => `key/${generation}/${of % keysPerGeneration}`
    const key = keyOf(n)
    const kind = random.below(20)
    if (kind < 6) return { type: 'get', key, isSerializable: false }
    if (kind < 8) return { type: 'get', key, isSerializable: true }
    if (kind < 10) return { type: 'delete', key }
    const value = ++this.#lastValue
    if (kind < 15) return { type: 'put', key, value }
    if (kind < 18) return { type: 'cas', key, expected: seen.get(key) ?? 0, value }
    return { type: 'pair', keys: [key, keyOf(n + 1)], value }
  }
}

async function perform(endpoint: EtcdClient, wish: Wish, paddingBytes: number): Promise<Answer> {
  switch (wish.type) {
    case 'get': {
      const request = { ...rangeOf(wish.key), serializable: wish.isSerializable }
      const response = await endpoint.call(kvDefinition.Range, request, callTimeoutMs)
      return { ...noAnswer(response), reads: readsOf(wish.key, response) }
    }
    case 'put': {
      const request = { ...putOf(wish.key, wish.value, paddingBytes), prevKv: true }
      const response = await endpoint.call(kvDefinition.Put, request, callTimeoutMs)
      const before = [{ key: wish.key, value: valueOf(response.prevKv?.value) }]
      return { ...noAnswer(response), changes: [change(wish.key, wish.value)], before }
    }
    case 'delete': {
      const request = { ...rangeOf(wish.key), prevKv: true }
      const response = await endpoint.call(kvDefinition.DeleteRange, request, callTimeoutMs)
      const gone = [{ key: wish.key, value: undefined }]
      if (Number(response.deleted ?? 0) === 0) return { ...noAnswer(response), reads: gone }
      const before = [{ key: wish.key, value: valueOf(response.prevKvs?.[0]?.value) }]
      return { ...noAnswer(response), changes: gone, before }
    }
    case 'cas': {
      const response = await endpoint.call(kvDefinition.Txn, casOf(wish, paddingBytes), callTimeoutMs)
      if (response.succeeded !== true) {
        const range = response.responses?.[0]?.responseRange ?? {}
        return { ...noAnswer(response), reads: readsOf(wish.key, range) }
      }
      const before = [{ key: wish.key, value: wish.expected === 0 ? undefined : String(wish.expected) }]
      return { ...noAnswer(response), changes: [change(wish.key, wish.value)], before }
    }
    case 'pair': {
      const success = wish.keys.map((key) => ({ requestPut: putOf(key, wish.value, paddingBytes) }))
      const response = await endpoint.call(kvDefinition.Txn, { success }, callTimeoutMs)
      return { ...noAnswer(response), changes: wish.keys.map((key) => change(key, wish.value)) }
    }
  }
}

/** Values are compared as they were written: a number, and spaces after it to be large. */
function casOf(
  { key, expected, value }: Extract<Wish, { type: 'cas' }>,
  paddingBytes: number,
): etcdserverpb.TxnRequest {
  // A value is between its number and a space, and the same and an exclamation mark: padding does not matter.
  const at = (result: 1 | 2, bound: string): etcdserverpb.Compare => ({
    result,
    target: 3,
    key: Buffer.from(key),
    value: Buffer.from(`${expected}${bound}`),
  })
  const absent: etcdserverpb.Compare = { result: 0, target: 0, key: Buffer.from(key), version: 0 }
  return {
    compare: expected === 0 ? [absent] : [at(1, ''), at(2, '!')],
    success: [{ requestPut: putOf(key, value, paddingBytes) }],
    failure: [{ requestRange: rangeOf(key) }],
  }
}

function putOf(key: string, value: number, paddingBytes: number): etcdserverpb.PutRequest {
  return { key: Buffer.from(key), value: Buffer.from(`${value} ${' '.repeat(paddingBytes)}`) }
}

function rangeOf(key: string): { readonly key: Uint8Array } {
  return { key: Buffer.from(key) }
}

function noAnswer({ header }: { readonly header?: etcdserverpb.ResponseHeader | null | undefined }): Answer {
  return { revision: Number(header?.revision), changes: [], reads: [], before: [] }
}

function change(key: string, value: number): KeyChange {
  return { key, value: String(value) }
}

function readsOf(key: string, { kvs }: etcdserverpb.RangeResponse): readonly KeyChange[] {
  return [{ key, value: valueOf(kvs?.[0]?.value) }]
}

/** A value without its padding; undefined: none. */
export function valueOf(bytes: Uint8Array | null | undefined): string | undefined {
  return bytes === null || bytes === undefined ? undefined : Buffer.from(bytes).toString().trimEnd()
}
