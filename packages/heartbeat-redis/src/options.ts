import { HeartbeatStoreError } from '@orrery/registry'

/** How heartbeats are kept in Redis, and how long it may take. All members should agree on the first two. */
export interface RedisHeartbeatStoreOptions {
  /** What the keys begin with; the subject follows. @defaultValue `orrery:heartbeats:` */
  readonly keyPrefix?: string | undefined
  /**
   * Redis forgets a subject that had no heartbeat for so long. Longer than the longest time to live. Unit: ms, an
   * integer from 1 on. @defaultValue `86_400_000` (one day)
   */
  readonly expireAfterMs?: number | undefined
  /**
   * How long a call may take; then it fails with `HEARTBEATS_UNAVAILABLE`, whatever becomes of the connection. A call
   * that names more subjects than fit into all batches at once is done in parts, each of which may take so long.
   * Unit: ms, from 1 on. @defaultValue `1_000`
   */
  readonly commandTimeoutMs?: number | undefined
  /** Subjects that go to Redis in one pipeline. @defaultValue `1_024` */
  readonly batchMaxItems?: number | undefined
  /** Pipelines that are under way at the same time; more wait, and grow. @defaultValue `8` */
  readonly concurrencyMaxBatches?: number | undefined
  /**
   * How long a call waits for others to go with it. Unit: ms, from 0 to below `commandTimeoutMs`.
   * @defaultValue `0`: until the end of the present turn
   */
  readonly lingerMaxMs?: number | undefined
  /** Subjects that may wait; calls beyond fail with `HEARTBEATS_UNAVAILABLE`. @defaultValue `65_536` */
  readonly queueMaxItems?: number | undefined
  /**
   * Subjects in one call of a script, which Redis serves without interruption. 1 where a proxy distributes keys over
   * servers; in a Redis Cluster it is always 1. At most 4 096. @defaultValue `128`
   */
  readonly scriptMaxKeys?: number | undefined
  /** Wait before the second attempt to connect; it doubles each time, with up to a half less at random. Unit: ms, from 1 on. @defaultValue `50` */
  readonly reconnectMinMs?: number | undefined
  /** The longest wait between attempts. Unit: ms. @defaultValue `2_000` */
  readonly reconnectMaxMs?: number | undefined
}

/** {@link RedisHeartbeatStoreOptions}, complete. */
export type ResolvedOptions = {
  readonly [Name in keyof RedisHeartbeatStoreOptions]-?: NonNullable<RedisHeartbeatStoreOptions[Name]>
}

/** What a heartbeat store in Redis uses when its options do not say otherwise. */
export const redisHeartbeatStoreDefaults = {
  keyPrefix: 'orrery:heartbeats:',
  expireAfterMs: 86_400_000,
  commandTimeoutMs: 1_000,
  batchMaxItems: 1_024,
  concurrencyMaxBatches: 8,
  lingerMaxMs: 0,
  queueMaxItems: 65_536,
  scriptMaxKeys: 128,
  reconnectMinMs: 50,
  reconnectMaxMs: 2_000,
} as const satisfies ResolvedOptions

/** Redis' Lua takes no more than some 8 000 values in one call. */
const scriptKeysLimit = 4_096

const counts = [
  'expireAfterMs',
  'batchMaxItems',
  'concurrencyMaxBatches',
  'queueMaxItems',
  'scriptMaxKeys',
] as const

/** @throws HeartbeatStoreError `HEARTBEATS_OPTION_INVALID` */
export function resolveOptions(options: RedisHeartbeatStoreOptions): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const resolved: ResolvedOptions = { ...redisHeartbeatStoreDefaults, ...given }
  for (const name of counts) {
    const value = resolved[name]
    if (!Number.isSafeInteger(value) || value < 1) refuse(`${name} is an integer from 1 on, got ${value}`)
  }
  const { commandTimeoutMs, lingerMaxMs, reconnectMinMs, reconnectMaxMs, scriptMaxKeys } = resolved
  if (!(commandTimeoutMs >= 1 && commandTimeoutMs < Infinity)) {
    refuse(`commandTimeoutMs is from 1 on, got ${commandTimeoutMs}`)
  }
  if (!(lingerMaxMs >= 0 && lingerMaxMs < commandTimeoutMs)) {
    refuse(`lingerMaxMs is from 0 to below commandTimeoutMs ${commandTimeoutMs}, got ${lingerMaxMs}`)
  }
  if (scriptMaxKeys > scriptKeysLimit)
    refuse(`scriptMaxKeys is at most ${scriptKeysLimit}, got ${scriptMaxKeys}`)
  if (!(reconnectMinMs >= 1)) refuse(`reconnectMinMs is from 1 on, got ${reconnectMinMs}`)
  if (!(reconnectMaxMs >= reconnectMinMs && reconnectMaxMs < Infinity)) {
    refuse(`reconnectMaxMs is from reconnectMinMs ${reconnectMinMs} on, got ${reconnectMaxMs}`)
  }
  return resolved
}

function refuse(reason: string): never {
  throw new HeartbeatStoreError('HEARTBEATS_OPTION_INVALID', reason)
}
