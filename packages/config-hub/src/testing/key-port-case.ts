import assert from 'node:assert/strict'
import { hasCode } from '@orrery/environment'
import type { KeyPort } from '../ports.ts'

/**
 * What not every implementation's tests can do:
 *
 * - `rotate`: {@link KeyPortGround.rotate} is there
 */
export type KeyPortFeature = 'rotate'

/** What a case of the suite works on. */
export interface KeyPortGround {
  /** A port on the keys of this case: what one wraps, all that the case opens unwrap. The suite closes it. */
  readonly open: () => Promise<KeyPort>
  /** Resolves when ports that are opened from now on wrap with another key, and still have the older ones. */
  readonly rotate?: () => Promise<void>
}

/** One law that every {@link KeyPort} obeys. */
export interface KeyPortConformanceCase {
  readonly name: string
  /** The case makes no sense on a ground that lacks one of these. */
  readonly needs: readonly KeyPortFeature[]
  /** Rejects with an assertion error when the port breaks the law. */
  readonly run: (ground: KeyPortGround) => Promise<void>
}

/** What a law is checked on. */
export interface Trial {
  readonly port: KeyPort
  /** Another opening of the same keys. */
  readonly open: () => Promise<KeyPort>
  readonly rotate: () => Promise<void>
}

/** A case, on ports that are closed after it however it ends. */
export function law(
  name: string,
  check: (trial: Trial) => Promise<void>,
  { needs = [] }: { readonly needs?: readonly KeyPortFeature[] } = {},
): KeyPortConformanceCase {
  return {
    name,
    needs,
    run: async ({ open, rotate }) => {
      const opened: KeyPort[] = []
      const openAnother = async (): Promise<KeyPort> => {
        const port = await open()
        opened.push(port)
        return port
      }
      try {
        await check({
          port: await openAnother(),
          open: openAnother,
          rotate: async () => {
            if (rotate === undefined) throw new TypeError('this case needs `rotate`')
            await rotate()
          },
        })
      } finally {
        await Promise.all(opened.map((port) => port.close()))
      }
    },
  }
}

/** A data key as good as any: 32 bytes, told apart by a number. */
export function dataKey(number: number): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => (number * 31 + index * 7 + 1) % 256)
}

/** The call rejects with an error. */
export async function rejects(call: Promise<unknown>, what: string): Promise<void> {
  const outcome = await call.then(
    () => 'succeeded',
    (reason: unknown) => reason,
  )
  assert.ok(outcome instanceof Error, `${what}: expected an error, got ${String(outcome)}`)
}

/** The call says that it never opens: nobody asks again, and nobody waits. */
export async function neverOpens(call: Promise<unknown>, what: string): Promise<void> {
  const reason: unknown = await call.then(
    () => new Error('it succeeded'),
    (error: unknown) => error,
  )
  assert.ok(hasCode(reason, 'CONFIG_DECRYPTION_FAILED'), `${what}: expected that code, got ${String(reason)}`)
}

/** Bytes as something that assertions compare, whatever class they are of. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
