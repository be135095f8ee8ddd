import type { BatchingOptions } from '@orrery/batching'
import { ConfigError } from './errors.ts'
import { configLimits } from './limits.ts'

/** How a hub behaves. Members over one store should agree on them. */
export interface ConfigHubOptions {
  /** Under which all keys stand in the store. Ends with `/`. @defaultValue `config/` */
  readonly prefix?: string | undefined
  /** Creates groups with their first file. @defaultValue `true` */
  readonly autoCreate?: boolean | undefined
  /** The largest content. Unit: bytes as UTF-8, from 1 to 1 048 576. @defaultValue `1_048_576` */
  readonly contentMaxBytes?: number | undefined
  /** Contents have to be of their format when they are released. @defaultValue `true` */
  readonly validateContents?: boolean | undefined
  /** Releases of each file that are kept, those that are seen always among them. From 2 on. @defaultValue `100` */
  readonly releasesMaxItems?: number | undefined
  /** Entries of the audit trail that are older are removed. Unit: ms; `Infinity`: never. @defaultValue 365 days */
  readonly auditMaxAgeMs?: number | undefined
  /** Contents in memory, all together. Unit: bytes. @defaultValue `67_108_864` */
  readonly cacheMaxBytes?: number | undefined
  /** Contents that nobody has read for so long leave the memory. Unit: ms; `Infinity`: only for others. @defaultValue `600_000` */
  readonly cacheMaxIdleMs?: number | undefined
  /** Watchers and long-polls, all together; more are refused with `CONFIG_OVERLOADED`. @defaultValue `1_000_000` */
  readonly watchersMax?: number | undefined
  /** Batching of writes. @defaultValue see {@link configHubDefaults} */
  readonly writes?: BatchingOptions | undefined
}

/** {@link ConfigHubOptions}, complete. */
export type ResolvedConfigHubOptions = {
  readonly [Name in keyof Required<ConfigHubOptions>]: Exclude<ConfigHubOptions[Name], undefined>
}

const dayMs = 86_400_000

/** What a hub uses when its options do not say otherwise. */
export const configHubDefaults: ResolvedConfigHubOptions = {
  prefix: 'config/',
  autoCreate: true,
  contentMaxBytes: 1_048_576,
  validateContents: true,
  releasesMaxItems: 100,
  auditMaxAgeMs: 365 * dayMs,
  cacheMaxBytes: 67_108_864,
  cacheMaxIdleMs: 600_000,
  watchersMax: 1_000_000,
  writes: { batchMaxItems: 64, concurrencyMaxBatches: 16, queueMaxItems: 65_536 },
}

/** Operations that a txn of a store may have, by default. A write is one, with those it consists of nested in it. */
const batchItemsMax = 120

/** @throws ConfigError `CONFIG_OPTION_INVALID` */
export function resolveOptions(options: ConfigHubOptions): ResolvedConfigHubOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const resolved: ResolvedConfigHubOptions = {
    ...configHubDefaults,
    ...given,
    writes: { ...configHubDefaults.writes, ...options.writes },
  }
  if (!/^[\x21-\x7e]+\/$/.test(resolved.prefix)) refuse('prefix is printable ASCII that ends with a slash')
  requireInteger(resolved, 'contentMaxBytes', { min: 1, max: configLimits.contentMaxBytes })
  requireInteger(resolved, 'releasesMaxItems', { min: 2 })
  requireInteger(resolved, 'cacheMaxBytes', { min: 0 })
  requireInteger(resolved, 'watchersMax', { min: 1 })
  if (!(resolved.auditMaxAgeMs > 0)) refuse(`auditMaxAgeMs is above 0, got ${resolved.auditMaxAgeMs}`)
  if (!(resolved.cacheMaxIdleMs > 0)) refuse(`cacheMaxIdleMs is above 0, got ${resolved.cacheMaxIdleMs}`)
  const { batchMaxItems = 0 } = resolved.writes
  if (batchMaxItems > batchItemsMax)
    refuse(`writes.batchMaxItems is at most ${batchItemsMax}, got ${batchMaxItems}`)
  return resolved
}

function requireInteger(
  options: ResolvedConfigHubOptions,
  name: 'contentMaxBytes' | 'releasesMaxItems' | 'cacheMaxBytes' | 'watchersMax',
  { min, max = Number.MAX_SAFE_INTEGER }: { readonly min: number; readonly max?: number },
): void {
  const value = options[name]
  if (Number.isSafeInteger(value) && value >= min && value <= max) return
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} on` : `from ${min} to ${max}`
  refuse(`${name} is an integer ${range}, got ${value}`)
}

function refuse(reason: string): never {
  throw new ConfigError('CONFIG_OPTION_INVALID', reason)
}
