import type { BatchingOptions } from '@orrery/batching'
import { RegistryError } from './errors.ts'

/** How a registry behaves. Members over one store should agree on them. */
export interface RegistryOptions {
  /** Under which all keys stand in the store. Ends with `/`. @defaultValue `registry/` */
  readonly prefix?: string | undefined
  /** Creates namespaces and services with their first instance or service. @defaultValue `true` */
  readonly autoCreate?: boolean | undefined
  /** How long an instance may be expired until it is removed. Unit: ms; `Infinity`: for ever. @defaultValue `600_000` */
  readonly evictAfterMs?: number | undefined
  /** Batching of registrations and changes. @defaultValue see {@link registryDefaults} */
  readonly register?: BatchingOptions | undefined
  readonly deregister?: BatchingOptions | undefined
  /** Batching of changes of health and evictions. */
  readonly health?: BatchingOptions | undefined
  /** Holding back evictions when many instances are expired at once. */
  readonly protection?: ProtectionOptions | undefined
  /** How often deadlines are looked at. Unit: ms, from 10 to 1 000. @defaultValue `100` */
  readonly checkIntervalMs?: number | undefined
  /** How long a member that is gone stays among the checkers. Unit: ms, from 3 000. @defaultValue `5_000` */
  readonly checkerTtlMs?: number | undefined
  /** Changes that are kept for `changesSince`. Unit: changes. @defaultValue `65_536` */
  readonly changesMaxItems?: number | undefined
}

/** When evictions are held back. */
export interface ProtectionOptions {
  /** @defaultValue `true` */
  readonly enabled?: boolean | undefined
  /**
   * Part of the heartbeats expected (each instance by its own interval) that has to come in; below it,
   * nobody is removed. From 0 to 1. @defaultValue `0.85`
   */
  readonly threshold?: number | undefined
  /** With fewer instances that have heartbeats, nobody is protected: one of two is no sign of a fault of ours. @defaultValue `10` */
  readonly instancesMin?: number | undefined
  /** An instance that is expired for so long is removed all the same. Unit: ms. @defaultValue `Infinity` */
  readonly maxMs?: number | undefined
}

/** {@link RegistryOptions}, complete. */
export interface ResolvedRegistryOptions {
  readonly prefix: string
  readonly autoCreate: boolean
  readonly evictAfterMs: number
  readonly register: BatchingOptions
  readonly deregister: BatchingOptions
  readonly health: BatchingOptions
  readonly protection: {
    readonly enabled: boolean
    readonly threshold: number
    readonly instancesMin: number
    readonly maxMs: number
  }
  readonly checkIntervalMs: number
  readonly checkerTtlMs: number
  readonly changesMaxItems: number
}

const batching = { batchMaxItems: 100, concurrencyMaxBatches: 16, queueMaxItems: 131_072 } as const

/** What a registry uses when its options do not say otherwise. */
export const registryDefaults: ResolvedRegistryOptions = {
  prefix: 'registry/',
  autoCreate: true,
  evictAfterMs: 600_000,
  register: batching,
  deregister: batching,
  health: batching,
  protection: { enabled: true, threshold: 0.85, instancesMin: 10, maxMs: Infinity },
  checkIntervalMs: 100,
  checkerTtlMs: 5_000,
  changesMaxItems: 65_536,
}

/** Operations that a txn of a store may have: etcd's default, which stores of ours share. */
const batchItemsMax = 120

/** @throws RegistryError `REGISTRY_OPTION_INVALID` */
export function resolveOptions(options: RegistryOptions): ResolvedRegistryOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const resolved: ResolvedRegistryOptions = {
    ...registryDefaults,
    ...given,
    register: { ...registryDefaults.register, ...options.register },
    deregister: { ...registryDefaults.deregister, ...options.deregister },
    health: { ...registryDefaults.health, ...options.health },
    protection: {
      ...registryDefaults.protection,
      ...options.protection,
    } as ResolvedRegistryOptions['protection'],
  }
  const { prefix, evictAfterMs, protection, checkIntervalMs, checkerTtlMs, changesMaxItems } = resolved
  if (!/^[\x21-\x7e]+\/$/.test(prefix)) refuse('prefix is printable ASCII that ends with a slash')
  if (!(evictAfterMs >= 0)) refuse(`evictAfterMs is from 0 on, got ${evictAfterMs}`)
  if (!(protection.threshold >= 0 && protection.threshold <= 1)) {
    refuse(`protection.threshold is from 0 to 1, got ${protection.threshold}`)
  }
  if (!(protection.instancesMin >= 1))
    refuse(`protection.instancesMin is from 1 on, got ${protection.instancesMin}`)
  if (!(protection.maxMs >= 0)) refuse(`protection.maxMs is from 0 on, got ${protection.maxMs}`)
  if (!(checkIntervalMs >= 10 && checkIntervalMs <= 1_000)) {
    refuse(`checkIntervalMs is from 10 to 1000, got ${checkIntervalMs}`)
  }
  if (!(checkerTtlMs >= 3_000 && checkerTtlMs < Infinity))
    refuse(`checkerTtlMs is from 3000 on, got ${checkerTtlMs}`)
  if (!(Number.isSafeInteger(changesMaxItems) && changesMaxItems >= 1)) {
    refuse(`changesMaxItems is an integer from 1 on, got ${changesMaxItems}`)
  }
  for (const kind of ['register', 'deregister', 'health'] as const) {
    const { batchMaxItems = 0 } = resolved[kind]
    if (batchMaxItems > batchItemsMax)
      refuse(`${kind}.batchMaxItems is at most ${batchItemsMax}, got ${batchMaxItems}`)
  }
  return resolved
}

function refuse(reason: string): never {
  throw new RegistryError('REGISTRY_OPTION_INVALID', reason)
}
