/**
 * What a component may ask of the process it runs in: time, randomness and a place to log. Plus the two
 * ways in which Orrery code fails: a {@link CodedError} that a caller can act on, and an
 * {@link InvariantError} that is our bug.
 *
 * This entry point is pure. The implementation on Node's own clock and entropy is
 * `@orrery/environment/system`; the one for tests is `@orrery/environment/testing`.
 *
 * @packageDocumentation
 */
export type { Clock, Timer } from './clock.ts'
export type { Environment } from './environment.ts'
export { CodedError, hasCode } from './errors.ts'
export { InvariantError, invariant, unreachable } from './invariant.ts'
export type { LogFields, Logger } from './logger.ts'
export { silentLogger } from './logger.ts'
export type { Random } from './random.ts'
export { createRandom } from './random.ts'
