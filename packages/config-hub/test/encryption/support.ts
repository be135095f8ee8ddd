import type { KeyPort, WrappedKey } from '../../src/ports.ts'

/** A port whose calls are counted, and can be held back or made to fail. It wraps by naming what it keeps itself. */
export class CountingPort implements KeyPort {
  currentKeyId = 'k1'
  wraps = 0
  unwraps = 0
  /** What it gave out: to see whether somebody zeroed it. */
  readonly given: Uint8Array[] = []
  /** Calls wait for it. */
  gate: Promise<void> = Promise.resolve()
  failure: Error | undefined
  readonly #kept = new Map<string, Uint8Array>()

  async wrap(dataKey: Uint8Array): Promise<WrappedKey> {
    const bytes = Buffer.from(`wrapped-${++this.wraps}`)
    const kept = Uint8Array.from(dataKey)
    await this.gate
    if (this.failure !== undefined) throw this.failure
    this.#kept.set(`${this.currentKeyId} ${bytes.toString()}`, kept)
    return { keyId: this.currentKeyId, bytes }
  }

  async unwrap({ keyId, bytes }: WrappedKey): Promise<Uint8Array> {
    this.unwraps++
    await this.gate
    if (this.failure !== undefined) throw this.failure
    const kept = this.#kept.get(`${keyId} ${Buffer.from(bytes).toString()}`)
    if (kept === undefined) throw new Error('no such key')
    const given = Uint8Array.from(kept)
    this.given.push(given)
    return given
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** A 32-byte key of one repeated number. */
export function keyOf(number: number): Uint8Array {
  return new Uint8Array(32).fill(number)
}

/** The code of what a call rejects with. */
export async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'succeeded',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )
}
