import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import type { Random } from './random.ts'

/** The host, as services see it. Cores do not even see this: they take times and numbers as arguments. */
export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}
