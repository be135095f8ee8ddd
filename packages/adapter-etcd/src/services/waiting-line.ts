import type { KeyValue, TxnResult } from '@orrery/mvcc'
import type { CallOptions, RangeRequest, Store } from '@orrery/store'
import { EtcdError } from '../errors.ts'

/** Time to live of the lease that a caller without one gets. Nobody renews it. Unit: ms. */
const sessionTtlMs = 60_000

/** A key in a {@link WaitingLine}. */
export interface Place {
  readonly key: Uint8Array
  readonly lease: bigint
  /** Orders the line, and tells this place from a later one with the same key. */
  readonly createRevision: number
  /** The store's revision when it was taken. */
  readonly revision: number
  /** What the key held already when it was taken again, else undefined. */
  readonly found: KeyValue | undefined
}

/**
 * Keys under one prefix, in order of their creation: the first one holds the lock, or leads. Each is named
 * after the lease it disappears with (etcd, `client/v3/concurrency`).
 */
export class WaitingLine {
  readonly #store: Store
  readonly #prefix: Buffer

  constructor(store: Store, name: Uint8Array) {
    this.#store = store
    this.#prefix = Buffer.concat([name, Buffer.from('/')])
  }

  /**
   * Takes the place at the end, or the place that this lease has already. It takes no signal: to give up half
   * way could leave a key behind.
   *
   * @param lease 0: a new one
   */
  async enter(lease: bigint, value: Uint8Array): Promise<Place> {
    const session = lease === 0n ? (await this.#store.leases.grant({ ttlMs: sessionTtlMs })).id : lease
    const key = Buffer.concat([this.#prefix, Buffer.from(session.toString(16))])
    const result = await this.#store.txn({
      compare: [{ key, target: 'createRevision', result: 'equal', value: 0 }],
      success: [{ type: 'put', key, value, lease: session }],
      failure: [{ type: 'range', key }],
    })
    const { revision, succeeded } = result
    const found = succeeded ? undefined : firstKeyValue(result)
    return { key, lease: session, createRevision: found?.createRevision ?? revision, revision, found }
  }

  /** Waits until every earlier place is gone. Returns whether there was one. */
  async reachFront({ createRevision }: Place, options: CallOptions): Promise<boolean> {
    for (let waited = false; ; waited = true) {
      const { kvs, revision } = await this.#store.range(
        {
          ...this.#range(),
          limit: 1,
          sortTarget: 'createRevision',
          sortOrder: 'descend',
          maxCreateRevision: createRevision - 1,
        },
        options,
      )
      const [earlier] = kvs
      if (earlier === undefined) return waited
      await this.#gone(earlier.key, revision, options)
    }
  }

  /** Who is at the front, and the store's revision at that time. */
  async front(
    options: CallOptions,
  ): Promise<{ readonly revision: number; readonly front: KeyValue | undefined }> {
    const { kvs, revision } = await this.#store.range(
      { ...this.#range(), limit: 1, sortTarget: 'createRevision', sortOrder: 'ascend' },
      options,
    )
    return { revision, front: kvs[0] }
  }

  /** Gives what each new front holds, and each change of that, for as long as it is iterated. */
  async *fronts(options: CallOptions): AsyncGenerator<{ revision: number; front: KeyValue }, void> {
    for (;;) {
      const current = await this.#nextFront(options)
      yield current
      yield* this.#changesUntilGone(current, options)
    }
  }

  async #nextFront(options: CallOptions): Promise<{ revision: number; front: KeyValue }> {
    const { revision, front } = await this.front(options)
    if (front !== undefined) return { revision, front }
    const request = { ...this.#range(), startRevision: revision + 1, filters: ['delete' as const] }
    for await (const { events } of this.#store.watch(request, options)) {
      const kv = events[0]?.kv
      if (kv !== undefined) return { revision: kv.modRevision, front: kv }
    }
    throw watchEnd(options)
  }

  async *#changesUntilGone(
    from: { readonly revision: number; readonly front: KeyValue },
    options: CallOptions,
  ): AsyncGenerator<{ revision: number; front: KeyValue }, void> {
    const request = { key: from.front.key, startRevision: from.revision + 1 }
    for await (const { revision, events } of this.#store.watch(request, options)) {
      for (const { type, kv } of events) {
        if (type === 'delete') return
        yield { revision, front: kv }
      }
    }
    throw watchEnd(options)
  }

  async #gone(key: Uint8Array, revision: number, options: CallOptions): Promise<void> {
    const request = { key, startRevision: revision + 1, filters: ['put' as const] }
    for await (const { events } of this.#store.watch(request, options)) {
      if (events.length > 0) return
    }
    throw watchEnd(options)
  }

  /** The prefix ends with a slash, and `0` is the byte that follows the slash. */
  #range(): Pick<RangeRequest, 'key' | 'rangeEnd'> {
    const rangeEnd = Buffer.from(this.#prefix)
    rangeEnd[rangeEnd.length - 1] = 0x30
    return { key: this.#prefix, rangeEnd }
  }
}

/** Why a watch ended that nobody left. */
function watchEnd({ signal }: CallOptions): unknown {
  return signal?.aborted ? signal.reason : new EtcdError('ETCD_STOPPED')
}

function firstKeyValue({ responses: [first] }: TxnResult): KeyValue | undefined {
  return first?.type === 'range' ? first.kvs[0] : undefined
}
