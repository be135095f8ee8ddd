import { type Environment, hasCode } from '@orrery/environment'
import type { CallOptions, Store } from '@orrery/store'
import { RegistryError } from '../errors.ts'
import { type HeldLease, holdLease } from '../leases/held-lease.ts'
import { untilDone } from '../leases/retry.ts'
import { type CheckerEntry, CheckerSlot } from './checker-slot.ts'

export { decodeCheckerRecord } from './checker-slot.ts'
export type { CheckerEntry } from './checker-slot.ts'

/** What a {@link CheckerRecord} is made of. */
export interface CheckerRecordDeps {
  readonly store: Pick<Store, 'range' | 'txn' | 'watch' | 'leases'>
  readonly environment: Environment
  /** Under which the registry's keys stand. Ends with a slash. */
  readonly prefix: string
  /** Unique among the members. */
  readonly name: string
  /** Where others reach this member. */
  readonly address: string
  /**
   * Another process took the name. Called once for each of them; undefined: what it wrote cannot be read. Must be quick and
   * must not throw.
   */
  readonly onReplaced?: ((other: CheckerEntry | undefined) => void) | undefined
}

/** How a {@link CheckerRecord} behaves. */
export interface CheckerRecordOptions {
  /** How long it stands when nobody renews it. The store may give a longer time. Unit: ms, from 1 000. */
  readonly ttlMs: number
}

/**
 * That this member is among those who check health: `<prefix>checkers/<name>`, for as long as its lease is kept alive.
 *
 * Who starts with a name takes it: what stands there is most likely left over from before a restart. Who sees
 * his name taken yields, and comes back when the other one is gone. So two members that were given one name do not
 * take turns, and at most one of them judges.
 */
export interface CheckerRecord {
  /** Of this process, as others read it in the record. */
  readonly life: string
  /**
   * Resolves when the record stands. Failures of the store are retried until it does.
   *
   * @throws RegistryError `REGISTRY_CLOSED`; StoreError when the store will not serve again; `signal.reason`
   */
  start(options?: CallOptions): Promise<void>
  /**
   * Whether this member is certainly still among the checkers: a call that was sent less than the time to live ago, but
   * for a margin of a tenth of it and at least 200 ms, has renewed the record. By the monotonic clock of this process
   * alone.
   */
  isValid(nowMs: number): boolean
  /**
   * The revision of the record as this life wrote it; undefined: none stands. Whoever judges compares it in the same
   * txn, so that nobody does who has lost his place without knowing.
   */
  readonly revision: number | undefined
  /** Takes the record away. Never rejects, and takes about 2 s at most. Safe to call twice. */
  close(): Promise<void>
}

/** Creates the record of this member. Nothing happens until it is started. */
export function createCheckerRecord(deps: CheckerRecordDeps, options: CheckerRecordOptions): CheckerRecord {
  return new KeptCheckerRecord(deps, options)
}

/** Who has the name, at which revision of the record. */
interface Holder {
  readonly isSelf: boolean
  readonly revision: number
  readonly entry: CheckerEntry | undefined
}

class KeptCheckerRecord implements CheckerRecord {
  readonly life: string
  readonly #deps: CheckerRecordDeps
  readonly #ttlMs: number
  readonly #slot: CheckerSlot
  readonly #closing = new AbortController()
  #lease: HeldLease | undefined
  #revision: number | undefined
  /** Of the other one that was last told of. */
  #otherLife: string | undefined
  /** Ends the present wait: the lease is lost, or the record is closed. */
  #woken = new AbortController()
  #started: Promise<void> | undefined
  #keeping: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(deps: CheckerRecordDeps, { ttlMs }: CheckerRecordOptions) {
    this.#deps = deps
    this.#ttlMs = ttlMs
    this.#slot = new CheckerSlot(deps, { prefix: deps.prefix, name: deps.name, callMaxMs: ttlMs })
    this.life = deps.environment.random.id63().toString(36)
  }

  get revision(): number | undefined {
    return this.#revision
  }

  isValid(nowMs: number): boolean {
    return this.#revision !== undefined && this.#lease?.isValid(nowMs) === true
  }

  start(options: CallOptions = {}): Promise<void> {
    return (this.#started ??= this.#start(options).catch((error: unknown) => {
      this.#started = undefined
      throw error
    }))
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #start({ signal }: CallOptions): Promise<void> {
    const closing = this.#closing.signal
    try {
      const holder = await this.#claim({
        mayReplace: true,
        signal: signal === undefined ? closing : AbortSignal.any([signal, closing]),
      })
      this.#note(holder)
      this.#keeping = this.#keep(holder)
    } catch (error) {
      await this.#dropLease()
      throw error
    }
  }

  /** Holds the name, or waits for it, until it is closed. */
  async #keep(first: Holder): Promise<void> {
    const { signal } = this.#closing
    try {
      for (let holder = first; ; ) {
        await this.#untilChanged(holder)
        this.#revision = undefined
        holder = await this.#claim({ mayReplace: false, signal })
        this.#note(holder)
      }
    } catch (error) {
      this.#revision = undefined
      if (signal.aborted) return
      this.#deps.environment.logger.error('this member takes no more part in checking health', { error })
      await this.#dropLease()
    }
  }

  /** Writes the record, unless it is there or somebody else's. Returns who has the name then. */
  async #claim({
    mayReplace,
    signal,
  }: {
    readonly mayReplace: boolean
    readonly signal: AbortSignal
  }): Promise<Holder> {
    const { environment, name, address } = this.#deps
    const failure = 'the record of a member that checks health could not be written'
    const entry = { address, life: this.life }
    return await untilDone({ environment, failure, signal }, async () => {
      const { record: previous } = await this.#slot.read(signal)
      const isSelf = previous.entry?.life === this.life
      if (previous.revision > 0 && !isSelf) {
        if (!mayReplace) return { isSelf, revision: previous.revision, entry: previous.entry }
        environment.logger.info('takes a name that another life of this member had', {
          name,
          other: previous.entry,
        })
      }
      const lease = (this.#lease ??= await this.#grant(signal))
      // Nobody knew whether the last attempt worked: it did.
      if (isSelf && previous.lease === lease.id) return { isSelf, revision: previous.revision, entry }
      try {
        const revision = await this.#slot.write({ entry, lease: lease.id, previous }, signal)
        return { isSelf: true, revision, entry }
      } catch (error) {
        if (hasCode(error, 'MVCC_LEASE_NOT_FOUND')) await this.#dropLease()
        throw error
      }
    })
  }

  /** Resolves when the record is not any more what it was, or no longer kept. */
  async #untilChanged({ isSelf, revision }: Holder): Promise<void> {
    const { environment } = this.#deps
    const closing = this.#closing.signal
    closing.throwIfAborted()
    this.#woken = new AbortController()
    if (isSelf && this.#lease === undefined) return
    // Not a signal that depends on others: Node keeps those, with all that listens to them, until they abort.
    const { signal } = this.#woken
    const failure = 'the record of a member that checks health could not be watched'
    try {
      await untilDone({ environment, failure, signal }, () => this.#slot.untilChanged(revision, signal))
    } catch (error) {
      if (!signal.aborted || closing.aborted) throw error
    }
  }

  /** Acts on who has the name now. */
  #note({ isSelf, revision, entry }: Holder): void {
    const { environment, name, onReplaced } = this.#deps
    if (isSelf) {
      // A lease that was lost meanwhile has taken the record with it.
      if (this.#lease !== undefined && !this.#closing.signal.aborted) this.#revision = revision
      this.#otherLife = undefined
      return
    }
    void this.#dropLease()
    const otherLife = entry?.life ?? ''
    if (otherLife === this.#otherLife) return
    this.#otherLife = otherLife
    environment.logger.error(
      'another process took the name of this member, which judges nothing until that one is gone',
      {
        name,
        other: entry,
      },
    )
    onReplaced?.(entry)
  }

  async #grant(signal: AbortSignal): Promise<HeldLease> {
    const onLost = (): void => {
      this.#lease = undefined
      this.#revision = undefined
      this.#woken.abort()
    }
    return await holdLease(this.#deps, { ttlMs: this.#ttlMs, onLost }, { signal })
  }

  async #dropLease(): Promise<void> {
    const lease = this.#lease
    this.#lease = undefined
    await lease?.release()
  }

  async #close(): Promise<void> {
    this.#revision = undefined
    const closed = new RegistryError('REGISTRY_CLOSED', 'the record of this member is closed')
    this.#closing.abort(closed)
    this.#woken.abort(closed)
    await this.#started?.catch(() => {})
    await this.#keeping
    await this.#dropLease()
  }
}
