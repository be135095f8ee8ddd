import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '@orrery/environment'

/** Where the server is, and what it proves itself with. */
export interface SoakTarget {
  readonly plainPort: number
  readonly tlsPort: number
  /** The authority's certificate, in PEM. */
  readonly ca: Buffer
}

/** What one turn of a client may use. */
export interface ActContext {
  readonly target: SoakTarget
  readonly random: Random
  /** Counts something that happened, by its name. */
  readonly count: (what: string) => void
  /** Aborted when the load ends: whoever waits for nothing but time stops. */
  readonly signal: AbortSignal
}

/** One turn of a client, from its connection to the end of it. @throws Error when the server did wrong */
export type Act = (context: ActContext) => Promise<void>

/** How long a server may take for what it has to do on its own. Unit: ms. */
export const patienceMs = 60_000

/** Longer content repeats itself, at no length that anything else is divided by. Unit: bytes. */
const blockBytes = 2_003

/** One of `choices`. */
export function pick<Choice>(random: Random, choices: readonly [Choice, ...Choice[]]): Choice {
  return choices[random.below(choices.length)] ?? choices[0]
}

/** So many bytes, as the seed has it. */
export function randomBytes(random: Random, length: number): Buffer {
  const block = Buffer.alloc(Math.min(length, blockBytes))
  for (let at = 0; at < block.length; at++) block[at] = random.below(256)
  return block.length === length ? block : Buffer.alloc(length, block)
}

/** Lets time pass, less of it when the load ends. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
}

/** Waits until a connection is closed. @throws Error when that takes too long */
export async function untilClosed(socket: Socket, who: string): Promise<void> {
  if (socket.closed) return
  try {
    await once(socket.resume(), 'close', { signal: AbortSignal.timeout(patienceMs) })
  } catch (cause) {
    socket.destroy()
    throw new Error(`the server did not let go of ${who}`, { cause })
  }
}
