import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'
import { RegistryError } from '../errors.ts'
import { escapeName } from '../keys.ts'
import { withDeadline } from '../leases/deadline.ts'

/** What a member says of itself where those who check health are listed. */
export interface CheckerEntry {
  /** Where others reach it. */
  readonly address: string
  /** Differs from one process to the next, even if they have the same name. */
  readonly life: string
}

/** What stands in the place of a member. */
export interface SlotRecord {
  /** Of its last change; 0: nothing stands there. */
  readonly revision: number
  /** 0: none. */
  readonly lease: bigint
  /** Undefined: nothing stands there, or it cannot be read. */
  readonly entry: CheckerEntry | undefined
}

const text = new TextDecoder()

/** Reads a record. Undefined: it is none. */
export function decodeCheckerRecord(value: Uint8Array): CheckerEntry | undefined {
  let read: unknown
  try {
    read = JSON.parse(text.decode(value))
  } catch {
    return undefined
  }
  if (typeof read !== 'object' || read === null || !('address' in read) || !('life' in read)) return undefined
  const { address, life } = read
  return typeof address === 'string' && typeof life === 'string' ? { address, life } : undefined
}

/** The place of one member among the checkers: `<prefix>checkers/<name>`. Calls that hang are given up. */
export class CheckerSlot {
  readonly #store: Pick<Store, 'range' | 'txn' | 'watch'>
  readonly #environment: Environment
  readonly #key: string
  readonly #callMaxMs: number

  /** @param place `callMaxMs`: how long to wait for an answer of the store. */
  constructor(
    {
      store,
      environment,
    }: { readonly store: Pick<Store, 'range' | 'txn' | 'watch'>; readonly environment: Environment },
    {
      prefix,
      name,
      callMaxMs,
    }: { readonly prefix: string; readonly name: string; readonly callMaxMs: number },
  ) {
    this.#store = store
    this.#environment = environment
    this.#key = `${prefix}checkers/${escapeName(name)}`
    this.#callMaxMs = callMaxMs
  }

  /** What stands there, and the revision of the store at which that was so. */
  async read(signal: AbortSignal): Promise<{ readonly record: SlotRecord; readonly revision: number }> {
    const { revision, kvs } = await this.#call(signal, (callSignal) =>
      this.#store.range({ key: this.#key }, { signal: callSignal }),
    )
    const [kv] = kvs
    if (kv === undefined) return { revision, record: { revision: 0, lease: 0n, entry: undefined } }
    const entry = decodeCheckerRecord(kv.value)
    return { revision, record: { revision: kv.modRevision, lease: kv.lease, entry } }
  }

  /**
   * Writes what has to stand there instead of `previous`. Returns its revision.
   *
   * @throws RegistryError `REGISTRY_CONFLICT` when something else stands there by now
   */
  async write(
    record: { readonly entry: CheckerEntry; readonly lease: bigint; readonly previous: SlotRecord },
    signal: AbortSignal,
  ): Promise<number> {
    const key = this.#key
    const { lease, previous } = record
    const { address, life } = record.entry
    const { succeeded, revision } = await this.#call(signal, (callSignal) =>
      this.#store.txn(
        {
          compare: [{ key, target: 'modRevision', result: 'equal', value: previous.revision }],
          success: [{ type: 'put', key, value: JSON.stringify({ address, life }), lease }],
        },
        { signal: callSignal },
      ),
    )
    if (succeeded) return revision
    throw new RegistryError('REGISTRY_CONFLICT', 'somebody else wrote the record at the same time')
  }

  /** Resolves when what stood there at `revision` is gone or was written anew. Throws when it cannot be told. */
  async untilChanged(revision: number, signal: AbortSignal): Promise<void> {
    const present = await this.read(signal)
    if (present.record.revision !== revision) return
    const watch = this.#store.watch({ key: this.#key, startRevision: present.revision + 1 }, { signal })
    for await (const { events } of watch) {
      if (events.length > 0) return
    }
    throw new RegistryError('REGISTRY_UNAVAILABLE', 'the watch ended')
  }

  #call<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withDeadline({ clock: this.#environment.clock, maxMs: this.#callMaxMs, signal }, call)
  }
}
