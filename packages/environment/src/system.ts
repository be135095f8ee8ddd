/**
 * The {@link Environment} of a real process: Node's monotonic clock, an entropy-seeded random stream, and
 * no log unless the host passes one.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'
import type { Environment } from './environment.ts'
import { silentLogger } from './logger.ts'
import { createRandom } from './random.ts'

/** Node treats longer delays as 1 ms. */
const timerMaxMs = 2 ** 31 - 1

/** The clock of this process. It has no state, so all users may share it. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (delayMs, callback) => {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), timerMaxMs))
    handle.unref()
    return {
      cancel: () => {
        clearTimeout(handle)
      },
    }
  },
  defer: (callback) => {
    const handle = setImmediate(callback)
    return {
      cancel: () => {
        clearImmediate(handle)
      },
    }
  },
}

/**
 * An environment for production use. Each call draws a fresh seed, unless `overrides` brings its own
 * random stream.
 */
export function systemEnvironment(overrides: Partial<Environment> = {}): Environment {
  return {
    clock: systemClock,
    random: overrides.random ?? createRandom(randomBytes(6).readUIntBE(0, 6)),
    logger: silentLogger,
    ...overrides,
  }
}
