/**
 * A hierarchical hashed wheel of deadlines. It holds millions of them, arms, re-arms and cancels each in
 * constant time, and is advanced by its host: the wheel has no clock, it is told what time it is.
 *
 * @packageDocumentation
 */
export { WheelEntry } from './wheel-entry.ts'
export type { AdvanceLimits, TimerWheel, TimerWheelOptions } from './wheel.ts'
export { createTimerWheel, timerWheelDefaults } from './wheel.ts'
