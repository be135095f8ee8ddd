import { type Batcher, type BatchingOptions, createBatcher } from '@orrery/batching'
import { type Environment, hasCode } from '@orrery/environment'
import type { Compare, Store } from '@orrery/store'
import { RegistryError } from '../errors.ts'
import type { CallOptions } from '../registry.ts'
import { InstanceBatch, type InstanceWrite, type WriteResult } from './instance-batch.ts'

/** Kinds of writes, each with a queue of its own: a flood of one does not hold up the others. */
export const writeKinds = ['register', 'deregister', 'health'] as const

/** One of {@link writeKinds}. */
export type WriteKind = (typeof writeKinds)[number]

/** What a write queue needs. */
export interface WriteQueueParts {
  readonly store: Store
  readonly environment: Environment
  readonly prefix: string
  /** What has to hold for a change of health to be written. Undefined: this member may write none now. */
  readonly fence: () => readonly Compare[] | undefined
}

/** Of a change of health: the writer lost its place, or something came in between. */
export type HealthWriteResult = WriteResult | { readonly type: 'fenced' }

/**
 * Writes instances in batches, one txn of the store each. Writes of the same instance follow one another in the order
 * of their calls, whatever their kind; all others may overtake.
 */
export class WriteQueue {
  readonly #parts: WriteQueueParts
  readonly #batchers: Readonly<Record<WriteKind, Batcher<InstanceWrite, HealthWriteResult>>>
  /** The last call for each instance that has one in flight. */
  readonly #tails = new Map<string, Promise<unknown>>()
  /** Calls that wait for an earlier one of the same instance. */
  #chained = 0

  constructor(parts: WriteQueueParts, options: Readonly<Record<WriteKind, BatchingOptions>>) {
    this.#parts = parts
    const batcher = (kind: WriteKind): Batcher<InstanceWrite, HealthWriteResult> =>
      createBatcher(
        {
          clock: parts.environment.clock,
          run: (writes) => this.#run(writes),
          sizeOf: ({ idPath, outcome }) =>
            idPath.length + (outcome?.type === 'put' ? outcome.value.length : 0) + bytesPerWrite,
        },
        { batchMaxBytes, ...options[kind] },
      )
    this.#batchers = {
      register: batcher('register'),
      deregister: batcher('deregister'),
      health: batcher('health'),
    }
  }

  /** Items that wait, by kind. */
  get queued(): Readonly<Record<WriteKind, number>> {
    const { register, deregister, health } = this.#batchers
    return {
      register: register.stats().queued,
      deregister: deregister.stats().queued,
      health: health.stats().queued,
    }
  }

  /**
   * Runs something for an instance when everything before it for the same one has ended.
   *
   * @throws RegistryError `REGISTRY_OVERLOADED`: too many wait for others already
   */
  inOrder<T>(path: string, run: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(path)
    if (before !== undefined) {
      if (this.#chained >= chainedMaxCalls) {
        return Promise.reject(new RegistryError('REGISTRY_OVERLOADED', 'too much waits for others already'))
      }
      this.#chained++
      const leave = (): void => {
        this.#chained--
      }
      before.then(leave, leave)
    }
    const result = before === undefined ? run() : before.then(run, run)
    const forget = (): void => {
      if (this.#tails.get(path) === result) this.#tails.delete(path)
    }
    this.#tails.set(path, result)
    result.then(forget, forget)
    return result
  }

  /** Whether a write of this instance is on its way. */
  isBusy(path: string): boolean {
    return this.#tails.has(path)
  }

  /**
   * Writes. Call it from within {@link WriteQueue.inOrder}.
   *
   * @throws RegistryError `REGISTRY_OVERLOADED`, `REGISTRY_CLOSED`; what the store throws
   */
  async submit(
    kind: Exclude<WriteKind, 'health'>,
    write: InstanceWrite,
    { signal }: CallOptions = {},
  ): Promise<WriteResult> {
    const result = await this.#submit(kind, write, signal)
    if (result.type === 'fenced') throw new RegistryError('REGISTRY_UNAVAILABLE', 'the member lost its place')
    return result
  }

  /** Writes a change of health, if this member is still the one who judges. */
  submitHealth(write: InstanceWrite): Promise<HealthWriteResult> {
    return this.#submit('health', write, undefined)
  }

  async close(): Promise<void> {
    await Promise.all(writeKinds.map((kind) => this.#batchers[kind].close()))
  }

  async #submit(
    kind: WriteKind,
    write: InstanceWrite,
    signal: AbortSignal | undefined,
  ): Promise<HealthWriteResult> {
    try {
      return await this.#batchers[kind].submit(write, signal === undefined ? undefined : { signal })
    } catch (error) {
      throw toRegistryError(error)
    }
  }

  /** Judgements need the fence, all else does not: they go into txns of their own. */
  async #run(writes: readonly InstanceWrite[]): Promise<readonly HealthWriteResult[]> {
    const judgements = writes.filter(({ fenced }) => fenced)
    if (judgements.length === 0) return await this.#write(writes, [])
    const others = writes.filter(({ fenced }) => !fenced)
    const conditions = this.#parts.fence()
    const judged =
      conditions === undefined ? judgements.map(() => refused) : this.#write(judgements, conditions)
    const written = others.length === 0 ? [] : this.#write(others, [])
    const results = await Promise.all([judged, written])
    const [first, second] = [results[0].values(), results[1].values()]
    return writes.map(({ fenced }) => (fenced ? first : second).next().value ?? refused)
  }

  async #write(
    writes: readonly InstanceWrite[],
    conditions: readonly Compare[],
  ): Promise<readonly HealthWriteResult[]> {
    const { store, prefix } = this.#parts
    const batch = new InstanceBatch(prefix, writes)
    try {
      return batch.results(await store.txn(batch.request(conditions))) ?? writes.map(() => refused)
    } catch (error) {
      // Each namespace that is to be created takes an operation of its own.
      if (writes.length === 1 || !hasCode(error, 'STORE_REQUEST_TOO_LARGE', 'MVCC_TOO_MANY_OPS')) throw error
      const half = writes.length >> 1
      const first = await this.#write(writes.slice(0, half), conditions)
      return [...first, ...(await this.#write(writes.slice(half), conditions))]
    }
  }
}

/** What a write takes in a txn besides its value and id. Unit: bytes. */
const bytesPerWrite = 300

/** Well below what a store takes in one request. Unit: bytes. */
const batchMaxBytes = 1_000_000

/** Calls that may wait for earlier ones of the same instance. */
const chainedMaxCalls = 65_536

const refused = { type: 'fenced' } as const

function toRegistryError(error: unknown): unknown {
  if (hasCode(error, 'BATCHING_QUEUE_FULL', 'BATCHING_ITEM_TOO_LARGE')) {
    return new RegistryError('REGISTRY_OVERLOADED', 'too much waits to be written already', { cause: error })
  }
  if (hasCode(error, 'BATCHING_EXPIRED')) {
    return new RegistryError('REGISTRY_OVERLOADED', 'it waited too long to be written', { cause: error })
  }
  if (hasCode(error, 'BATCHING_CLOSED')) {
    return new RegistryError('REGISTRY_CLOSED', 'the registry is closed', { cause: error })
  }
  return error
}
