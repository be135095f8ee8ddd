import { setMaxListeners } from 'node:events'
import type { Random } from '@orrery/environment'
import { type Act, type ActContext, pause, pick } from './act.ts'
import { stay, visit } from './healthy-acts.ts'
import { freeze, readSlowly, troublemakers, waver } from './hostile-acts.ts'
import { browse } from './http1-acts.ts'

/** A kind of client: so many at a time, each of which comes again and again. */
interface Crowd {
  readonly name: string
  readonly clients: number
  /** How long each stays away at most. It keeps the connections per second below what a host has ports for. Unit: ms. */
  readonly restMaxMs: number
  readonly acts: readonly [Act, ...Act[]]
}

const crowds: readonly Crowd[] = [
  { name: 'stay', clients: 1, restMaxMs: 0, acts: [stay] },
  { name: 'visit', clients: 4, restMaxMs: 100, acts: [visit] },
  { name: 'waver', clients: 4, restMaxMs: 100, acts: [waver] },
  { name: 'read slowly', clients: 2, restMaxMs: 500, acts: [readSlowly] },
  { name: 'freeze', clients: 3, restMaxMs: 500, acts: [freeze] },
  { name: 'babble', clients: 8, restMaxMs: 200, acts: troublemakers },
  { name: 'browse', clients: 2, restMaxMs: 100, acts: [browse] },
]

/** What a load is made of. */
export interface Load extends Omit<ActContext, 'signal'> {
  readonly durationMs: number
  /** Ends it earlier. */
  readonly signal: AbortSignal
  /** Called with everything that the server did wrong. */
  readonly onViolation: (violation: string) => void
}

/** Lets all crowds loose on the server for a while. @returns when all of them have left */
export async function runLoad(load: Load): Promise<void> {
  const over = new AbortController()
  // Each client that waits listens.
  setMaxListeners(0, over.signal)
  const end = (): void => over.abort()
  const timer = setTimeout(end, load.durationMs)
  load.signal.addEventListener('abort', end)
  if (load.signal.aborted) end()
  const clients = crowds.flatMap((crowd) =>
    Array.from({ length: crowd.clients }, (_, n) => {
      const random = load.random.fork(`${crowd.name} ${n}`)
      return comeAgain(crowd, { ...load, random, signal: over.signal })
    }),
  )
  await Promise.all(clients)
  clearTimeout(timer)
  load.signal.removeEventListener('abort', end)
}

async function comeAgain({ name, acts, restMaxMs }: Crowd, load: Load): Promise<void> {
  const { random, signal } = load
  for (let turn = 0; !signal.aborted; turn++) {
    const own: Random = random.fork(String(turn))
    try {
      await pick(own, acts)({ ...load, random: own })
    } catch (error) {
      load.onViolation(`${name}: ${error instanceof Error ? error.message : String(error)}`)
      // Not faster because everything fails.
      await pause(1_000, signal)
    }
    await pause(own.below(restMaxMs + 1), signal)
  }
}
