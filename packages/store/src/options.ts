import { lessorDefaults } from '@orrery/lease'
import { StoreError } from './errors.ts'
import type { StateMachineOptions } from './state-machine.ts'

/** How a store behaves, wherever it keeps its data. */
export interface StoreOptions {
  /**
   * Largest request, encoded. Unit: bytes.
   * @defaultValue `1_572_864` (1.5 MiB, as etcd)
   */
  readonly requestMaxBytes?: number
  /** Most entries in each list of a txn. @defaultValue `128` */
  readonly txnMaxOps?: number
  /**
   * Space that data may occupy in the backend (`sizeInUseBytes`) before writes that need space are refused
   * and the `noSpace` alarm is raised. 0: no limit. Unit: bytes. @defaultValue `2_147_483_648` (2 GiB, as etcd)
   */
  readonly quotaBytes?: number
  /** Shortest time to live of a lease; shorter ones are raised to it. Unit: ms. @defaultValue `2_000` */
  readonly leaseTtlMinMs?: number
  /**
   * Keys that are deleted in one revision when a lease ends. A lease with more loses them in several
   * revisions, so that it does not block the event loop. @defaultValue `2_000`
   */
  readonly leaseRevokeMaxKeys?: number
  /**
   * Responses that wait for the reader of one watch stream, before its watchers turn to reading history.
   * @defaultValue `100_000`
   */
  readonly watchPendingMaxResponses?: number
  /** The same in bytes of keys and values. @defaultValue `33_554_432` (32 MiB) */
  readonly watchPendingMaxBytes?: number
  /**
   * How long one turn of the event loop may apply entries or do background work before it lets others run.
   * Unit: ms. @defaultValue `5`
   */
  readonly turnMaxMs?: number
}

/** What a store uses when its options do not say otherwise. */
export const storeDefaults = {
  requestMaxBytes: 1_572_864,
  txnMaxOps: 128,
  quotaBytes: 2_147_483_648,
  leaseTtlMinMs: 2_000,
  leaseRevokeMaxKeys: 2_000,
  watchPendingMaxResponses: 100_000,
  watchPendingMaxBytes: 33_554_432,
  turnMaxMs: 5,
} as const satisfies Required<StoreOptions>

/** @throws StoreError `STORE_OPTIONS_INVALID` */
export function resolveOptions(options: StoreOptions): Required<StoreOptions> {
  const resolved: Required<StoreOptions> = { ...storeDefaults, ...options }
  for (const [name, value] of Object.entries(resolved)) {
    const min = name === 'quotaBytes' ? 0 : 1
    const max = name === 'leaseTtlMinMs' ? lessorDefaults.ttlMaxMs : Number.MAX_SAFE_INTEGER
    if (!(Number.isFinite(value) && value >= min && value <= max)) {
      throw new StoreError(
        'STORE_OPTIONS_INVALID',
        `${name} must be in [${min}, ${max}], got ${String(value)}`,
      )
    }
  }
  return resolved
}

/** What of a store's options concerns its state. */
export function toStateOptions(options: Required<StoreOptions>): StateMachineOptions {
  return {
    leaseTtlMinMs: options.leaseTtlMinMs,
    pendingMaxResponses: options.watchPendingMaxResponses,
    pendingMaxBytes: options.watchPendingMaxBytes,
  }
}
