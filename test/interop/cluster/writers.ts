import { Client, credentials, type ServiceError } from '@grpc/grpc-js'
import { kvDefinition } from '@orrery/adapter-etcd'

/** A write that was answered. */
interface Acknowledged {
  readonly value: string
  readonly revision: number
}

export interface WritersOptions {
  /** Where members serve, host and port. Writers begin at different ones, and move on when one fails. */
  readonly endpoints: readonly string[]
  readonly writers: number
  /** All keys begin with it. */
  readonly prefix: string
}

/** How long one write waits before the writer asks another member. Unit: ms. */
const deadlineMs = 5_000

/** Clients that write, each key once, whatever happens to the members, and remember what they were answered. */
export class Writers {
  readonly acknowledged = new Map<string, Acknowledged>()
  readonly #options: WritersOptions
  readonly #clients: readonly Client[]
  readonly #waiting = new Set<() => void>()
  #submitted = 0
  #failures = 0
  #isOver = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(options: WritersOptions) {
    this.#options = options
    this.#clients = options.endpoints.map(
      (endpoint) =>
        new Client(endpoint, credentials.createInsecure(), {
          'grpc.enable_retries': 0,
          'grpc.initial_reconnect_backoff_ms': 100,
          'grpc.max_reconnect_backoff_ms': 500,
        }),
    )
  }

  /** Writes that got an error, whose outcome is open. */
  get failures(): number {
    return this.#failures
  }

  start(): void {
    const { writers } = this.#options
    this.#running = Promise.all(Array.from({ length: writers }, (_, writer) => this.#writeOn(writer)))
  }

  /** Waits for `count` more answers. */
  async answers(count: number): Promise<void> {
    const enough = this.acknowledged.size + count
    while (this.acknowledged.size < enough) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
    for (const client of this.#clients) client.close()
  }

  async #writeOn(writer: number): Promise<void> {
    const { prefix } = this.#options
    let at = writer
    while (!this.#isOver) {
      const key = `${prefix}${writer}/${this.#submitted++}`
      const value = `value of ${key}`
      const client = this.#clients[at % this.#clients.length]
      if (client === undefined) throw new Error('there is no endpoint')
      try {
        const revision = await put(client, key, value)
        this.acknowledged.set(key, { value, revision })
      } catch {
        this.#failures++
        at++
      }
      for (const wake of this.#waiting) wake()
      this.#waiting.clear()
    }
  }
}

async function put(client: Client, key: string, value: string): Promise<number> {
  const { path, requestSerialize, responseDeserialize } = kvDefinition.Put
  const request = { key: Buffer.from(key), value: Buffer.from(value) }
  const options = { deadline: Date.now() + deadlineMs }
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      options,
      (error: ServiceError | null, response) => {
        if (error === null) resolve(Number(response?.header?.revision))
        else reject(error)
      },
    )
  })
}

/** What one member holds under a prefix: values and revisions, by key. */
export async function held(endpoint: string, prefix: string): Promise<ReadonlyMap<string, Acknowledged>> {
  const client = new Client(endpoint, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 })
  const { path, requestSerialize, responseDeserialize } = kvDefinition.Range
  const rangeEnd = Buffer.from(prefix)
  rangeEnd[rangeEnd.length - 1] = (rangeEnd.at(-1) ?? 0) + 1
  try {
    return await new Promise((resolve, reject) => {
      const request = { key: Buffer.from(prefix), rangeEnd }
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (error !== null) {
          reject(error)
          return
        }
        const entries = (response?.kvs ?? []).map(
          ({ key, value, modRevision }) =>
            [
              Buffer.from(key ?? []).toString(),
              { value: Buffer.from(value ?? []).toString(), revision: Number(modRevision) },
            ] as const,
        )
        resolve(new Map(entries))
      })
    })
  } finally {
    client.close()
  }
}
