import { randomBytes } from 'node:crypto'
import { type Clock, hasCode, type Timer } from '@orrery/environment'
import { ConfigError, configErrorCodes } from '../errors.ts'
import type { KeyPort, WrappedKey } from '../ports.ts'
import { HeldKey } from './held-key.ts'
import { KeyPortError } from './key-port-error.ts'
import { sealLayout } from './sealing.ts'

/** How long, and how many, data keys stand unwrapped in memory. */
export interface DataKeyCacheOptions {
  /** After so long a key is zeroed, used or not, so that whoever withdraws a key of the port is heard. Unit: ms. @defaultValue `300_000` */
  readonly maxAgeMs?: number | undefined
  /** With more, the oldest are zeroed. 0: none is kept longer than it is used. @defaultValue `1_024` */
  readonly maxItems?: number | undefined
  /** Calls of the port in flight; more are refused with `CONFIG_OVERLOADED`. @defaultValue `1_024` */
  readonly pendingMaxItems?: number | undefined
}

/** What a {@link DataKeyCache} uses when its options do not say otherwise. */
export const dataKeyCacheDefaults = {
  maxAgeMs: 300_000,
  maxItems: 1_024,
  pendingMaxItems: 1_024,
} as const satisfies Required<DataKeyCacheOptions>

/** Whose keys wrap, and by which time cached ones age. */
export interface DataKeyCacheDeps {
  /** Undefined: there are none, and every call fails with `CONFIG_KEYS_MISSING`. It is not closed by the cache. */
  readonly port: KeyPort | undefined
  readonly clock: Clock
}

/** Data keys of encrypted files: made, wrapped, and unwrapped for a while. */
export class DataKeyCache {
  readonly #port: KeyPort | undefined
  readonly #clock: Clock
  readonly #options: { readonly [Name in keyof DataKeyCacheOptions]-?: number }
  /** Invariant: those that are unwrapped are in the order of their ages, the oldest first. */
  readonly #keys = new Map<string, HeldKey>()
  #pending = 0
  #timer: Timer | undefined
  #closed = false

  constructor({ port, clock }: DataKeyCacheDeps, options: DataKeyCacheOptions = {}) {
    const { maxAgeMs, maxItems, pendingMaxItems } = dataKeyCacheDefaults
    this.#port = port
    this.#clock = clock
    this.#options = {
      maxAgeMs: options.maxAgeMs ?? maxAgeMs,
      maxItems: options.maxItems ?? maxItems,
      pendingMaxItems: options.pendingMaxItems ?? pendingMaxItems,
    }
  }

  /** Keys that stand unwrapped in the cache, or are being unwrapped for it. */
  get size(): number {
    return this.#keys.size
  }

  /**
   * A new data key, wrapped with the port's current key.
   *
   * @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_OVERLOADED`, `CONFIG_CLOSED`; what the port throws
   */
  async create(): Promise<WrappedKey> {
    const port = this.#open()
    // From the entropy of the system: the environment's stream is not for secrets.
    const bytes = randomBytes(sealLayout.keyBytes)
    try {
      const wrapped = await this.#ask(() => port.wrap(bytes))
      this.#add(nameOf(wrapped), new HeldKey(Promise.resolve(Uint8Array.from(bytes))))
      return wrapped
    } finally {
      bytes.fill(0)
    }
  }

  /**
   * Does something with a data key, at once when it has it. Concurrent calls for one key ask the port once.
   *
   * @param work gets the bytes for as long as it runs; afterwards they may be zeroed
   * @throws ConfigError `CONFIG_KEYS_MISSING`, `CONFIG_DECRYPTION_FAILED` when the port does not unwrap the key, as a
   * {@link KeyPortError} where it may do so later, `CONFIG_OVERLOADED`, `CONFIG_CLOSED`; what `work` throws
   */
  async use<Result>(wrapped: WrappedKey, work: (key: Uint8Array) => Result): Promise<Result> {
    const port = this.#open()
    const name = nameOf(wrapped)
    const key = this.#keys.get(name) ?? this.#load(port, wrapped)
    key.hold()
    try {
      return work(await key.bytes)
    } finally {
      key.release()
    }
  }

  /**
   * The same data key, wrapped with the port's current key. Undefined: it is already.
   *
   * @throws ConfigError as {@link DataKeyCache.use} does; what the port throws
   */
  async rewrap(wrapped: WrappedKey): Promise<WrappedKey | undefined> {
    const port = this.#open()
    if (wrapped.keyId === port.currentKeyId) return undefined
    // The port keeps no reference to what it is given, but may read it until it answers: so it gets a copy.
    const copy = await this.use(wrapped, (key) => Uint8Array.from(key))
    try {
      return await this.#ask(() => port.wrap(copy))
    } finally {
      copy.fill(0)
    }
  }

  /** Zeroes everything, what is in use when its use ends. Safe to call twice. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
    for (const name of [...this.#keys.keys()]) this.#evict(name)
  }

  #open(): KeyPort {
    if (this.#closed) throw new ConfigError('CONFIG_CLOSED', 'the hub is closed')
    if (this.#port === undefined) throw new ConfigError('CONFIG_KEYS_MISSING', 'the hub has no key port')
    return this.#port
  }

  #load(port: KeyPort, wrapped: WrappedKey): HeldKey {
    const name = nameOf(wrapped)
    const key = new HeldKey(this.#unwrap(port, wrapped))
    this.#keys.set(name, key)
    key.bytes.then(
      () => this.#loaded(name, key),
      () => {
        if (this.#keys.get(name) === key) this.#keys.delete(name)
      },
    )
    return key
  }

  async #unwrap(port: KeyPort, wrapped: WrappedKey): Promise<Uint8Array> {
    const { keyId } = wrapped
    const bytes = await this.#ask(async () => {
      try {
        return await port.unwrap(wrapped)
      } catch (error) {
        throw hasCode(error, ...configErrorCodes) ? error : new KeyPortError(keyId, error)
      }
    })
    if (bytes.length !== sealLayout.keyBytes) {
      const reason = `with the key ${keyId}, the key port unwrapped something that is no data key`
      throw new ConfigError('CONFIG_DECRYPTION_FAILED', reason)
    }
    return bytes
  }

  async #ask<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.#pending >= this.#options.pendingMaxItems) {
      throw new ConfigError('CONFIG_OVERLOADED', `the key port has ${this.#pending} calls in flight`)
    }
    this.#pending++
    try {
      return await call()
    } finally {
      this.#pending--
    }
  }

  #loaded(name: string, key: HeldKey): void {
    if (this.#keys.get(name) !== key) return // evicted meanwhile
    this.#keys.delete(name)
    this.#add(name, key)
  }

  #add(name: string, key: HeldKey): void {
    const { maxAgeMs, maxItems } = this.#options
    this.#evict(name)
    key.expiresAtMs = this.#clock.nowMs() + maxAgeMs
    this.#keys.set(name, key)
    if (this.#closed) this.#evict(name)
    for (const [oldest] of this.#keys) {
      if (this.#keys.size <= maxItems) break
      this.#evict(oldest)
    }
    this.#expire()
  }

  /** Zeroes what is too old, and comes back when the next one is. */
  #expire(): void {
    const nowMs = this.#clock.nowMs()
    let nextMs = Infinity
    for (const [name, { expiresAtMs }] of this.#keys) {
      if (expiresAtMs <= nowMs) this.#evict(name)
      else nextMs = Math.min(nextMs, expiresAtMs)
    }
    this.#timer?.cancel()
    this.#timer = Number.isFinite(nextMs)
      ? this.#clock.setTimer(nextMs - nowMs, () => this.#expire())
      : undefined
  }

  #evict(name: string): void {
    const key = this.#keys.get(name)
    if (key === undefined) return
    this.#keys.delete(name)
    key.discard()
  }
}

function nameOf({ keyId, bytes }: WrappedKey): string {
  return `${keyId} ${Buffer.from(bytes).toString('base64')}`
}
