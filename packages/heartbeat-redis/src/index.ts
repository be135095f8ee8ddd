/**
 * Heartbeats in Redis: the `HeartbeatStore` of `@orrery/registry` that members on many machines share.
 *
 * ```text
 * record, latest, remove -> queue (subjects) -> one pipeline a turn -> scripts, a key or many each -> answers
 * ```
 *
 * A heartbeat is a key that expires, with the time of Redis and what makes it unlike any other one as its value. Ages
 * are the difference to the time of Redis when they are asked for, so that the clocks of members do not matter.
 *
 * @packageDocumentation
 */
export type { RedisArgument, RedisClient, RedisClusterConnection, RedisConnection } from './client.ts'
export { redisHeartbeatStoreDefaults } from './options.ts'
export type { RedisHeartbeatStoreOptions } from './options.ts'
export { createRedisHeartbeatStore } from './redis-heartbeat-store.ts'
export type { RedisHeartbeatStoreDeps } from './redis-heartbeat-store.ts'
