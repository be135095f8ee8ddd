import type { Environment } from '@orrery/environment'
import type { Store } from '@orrery/store'

/** Who the services act for. */
export interface EtcdServicesDeps {
  readonly store: Store
  /** Clock of the progress notifications, and their jitter. */
  readonly environment: Environment
  /** How this member appears in member lists. @defaultValue name `default`, no URLs */
  readonly member?: MemberDescription | undefined
}

/** A member as its clients know it. */
export interface MemberDescription {
  readonly name?: string | undefined
  readonly peerUrls?: readonly string[] | undefined
  /** Clients that follow the member list connect to these. */
  readonly clientUrls?: readonly string[] | undefined
}

/** Limits and timings. The defaults are those of etcd 3.6. */
export interface EtcdServicesOptions {
  /**
   * Largest write. Also where watch responses are split, if their watcher allows it, and what chunks of
   * streamed ranges aim at. A transport should accept {@link requestOverheadBytes} more. Unit: bytes.
   * @defaultValue `1_572_864`
   */
  readonly requestMaxBytes?: number | undefined
  /** Longest list of comparisons or operations in a txn; nested txns get the remainder. @defaultValue `128` */
  readonly txnMaxOps?: number | undefined
  /**
   * How often a watcher that asked for it is told that nothing happened; up to 10 % is added by chance.
   * Unit: ms. @defaultValue `600_000`
   */
  readonly watchProgressNotifyIntervalMs?: number | undefined
  /**
   * Watchers on one stream. A further one is answered by a frame that is created and canceled at once.
   * @defaultValue `1_000_000`
   */
  readonly watchersMaxPerStream?: number | undefined
  /**
   * How long a cluster takes to find that it has no leader. A stream whose client requires one (`hasleader`) ends
   * after three times as long without. Unit: ms. @defaultValue `1_000`
   */
  readonly electionTimeoutMs?: number | undefined
  /** The etcd version to present. Clients choose features by it. @defaultValue `'3.6.14'` */
  readonly version?: string | undefined
}

/** {@link EtcdServicesOptions} where nothing else is asked for. */
export const etcdServicesDefaults: {
  readonly [Name in keyof EtcdServicesOptions]-?: NonNullable<EtcdServicesOptions[Name]>
} = {
  requestMaxBytes: 1_572_864,
  txnMaxOps: 128,
  watchProgressNotifyIntervalMs: 600_000,
  watchersMaxPerStream: 1_000_000,
  electionTimeoutMs: 1_000,
  version: '3.6.14',
}

/** What a transport accepts beyond the largest write. Unit: bytes. */
export const requestOverheadBytes = 524_288

/** All options, with a value each. */
export type ResolvedOptions = typeof etcdServicesDefaults

/**
 * Fills in the defaults.
 *
 * @throws RangeError when a number is not positive
 */
export function resolveOptions(options: EtcdServicesOptions): ResolvedOptions {
  const resolved = {
    requestMaxBytes: options.requestMaxBytes ?? etcdServicesDefaults.requestMaxBytes,
    txnMaxOps: options.txnMaxOps ?? etcdServicesDefaults.txnMaxOps,
    watchProgressNotifyIntervalMs:
      options.watchProgressNotifyIntervalMs ?? etcdServicesDefaults.watchProgressNotifyIntervalMs,
    watchersMaxPerStream: options.watchersMaxPerStream ?? etcdServicesDefaults.watchersMaxPerStream,
    electionTimeoutMs: options.electionTimeoutMs ?? etcdServicesDefaults.electionTimeoutMs,
    version: options.version ?? etcdServicesDefaults.version,
  }
  for (const [name, value] of Object.entries(resolved)) {
    if (typeof value === 'number' && !(value > 0)) {
      throw new RangeError(`${name} must be positive, got ${String(value)}`)
    }
  }
  return resolved
}
