import { ConfigError } from '../errors.ts'
import type { KeyPort, WrappedKey } from '../ports.ts'
import { seal, sealLayout, unseal } from './sealing.ts'

/** The keys of a {@link createLocalKeyPort}. */
export interface LocalKeys {
  /** 32 bytes each, by their ids. Older ones stay until every data key is wrapped anew. At least 1, at most 1 000. */
  readonly keys: Readonly<Record<string, Uint8Array>>
  /** Which of them wraps. */
  readonly current: string
}

/** Bounds of {@link LocalKeys}. */
export const localKeyLimits = {
  keysMaxItems: 1_000,
  keyIdMaxChars: 128,
} as const

/** Ids stand in the store beside what they open, and in messages. */
const keyIdForm = /^[\x21-\x7e]+$/

/**
 * A key port on keys that this process has itself, for hosts without a key management service: AES-256-GCM, bound to the id of the
 * key. It keeps copies of the keys, and zeroes them when it is closed.
 *
 * @throws ConfigError `CONFIG_OPTION_INVALID`
 */
export function createLocalKeyPort(keys: LocalKeys): KeyPort {
  return new LocalKeyPort(keys)
}

/** @throws ConfigError `CONFIG_OPTION_INVALID` */
export function checkLocalKeys({ keys, current }: LocalKeys): void {
  const { keysMaxItems, keyIdMaxChars } = localKeyLimits
  const entries = Object.entries(keys)
  if (entries.length > keysMaxItems) refuse(`keys are at most ${keysMaxItems}, got ${entries.length}`)
  for (const [keyId, key] of entries) {
    if (!keyIdForm.test(keyId) || keyId.length > keyIdMaxChars) {
      refuse(`the id of a key is printable ASCII of at most ${keyIdMaxChars} characters`)
    }
    if (!(key instanceof Uint8Array) || key.length !== sealLayout.keyBytes) {
      refuse(`the key ${keyId} must have ${sealLayout.keyBytes} bytes`)
    }
    if (key.every((byte) => byte === 0)) refuse(`the key ${keyId} is all zeros`)
  }
  if (!Object.hasOwn(keys, current)) refuse(`current is the id of one of the keys, got ${current}`)
}

class LocalKeyPort implements KeyPort {
  readonly currentKeyId: string
  readonly #keys: ReadonlyMap<string, Uint8Array>
  #closed = false

  constructor(given: LocalKeys) {
    checkLocalKeys(given)
    this.currentKeyId = given.current
    this.#keys = new Map(Object.entries(given.keys).map(([keyId, key]) => [keyId, Uint8Array.from(key)]))
  }

  wrap(dataKey: Uint8Array): Promise<WrappedKey> {
    return soon(() => {
      const keyId = this.currentKeyId
      if (dataKey.length !== sealLayout.keyBytes) {
        throw new ConfigError('CONFIG_INVALID', `dataKey: must have 32 bytes, got ${dataKey.length}`)
      }
      return { keyId, bytes: seal(this.#keyOf(keyId), dataKey, Buffer.from(keyId)) }
    })
  }

  unwrap({ keyId, bytes }: WrappedKey): Promise<Uint8Array> {
    return soon(() => unseal(this.#keyOf(keyId), bytes, Buffer.from(keyId)))
  }

  close(): Promise<void> {
    this.#closed = true
    for (const key of this.#keys.values()) key.fill(0)
    return Promise.resolve()
  }

  #keyOf(keyId: string): Uint8Array {
    if (this.#closed) throw new ConfigError('CONFIG_CLOSED', 'the key port is closed')
    const key = this.#keys.get(keyId)
    if (key === undefined) throw new ConfigError('CONFIG_DECRYPTION_FAILED', `there is no key ${keyId}`)
    return key
  }
}

/** Works at once, so that what becomes of the arguments afterwards does not matter, and refuses by a promise, as every port does. */
function soon<Result>(work: () => Result): Promise<Result> {
  return new Promise((resolve) => {
    resolve(work())
  })
}

function refuse(reason: string): never {
  throw new ConfigError('CONFIG_OPTION_INVALID', reason)
}
