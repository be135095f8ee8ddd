import type { Server } from 'node:net'
import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { Registry } from '@orrery/registry'
import { EurekaError } from './errors.ts'

/** Options of {@link eurekaPlugin}. All but `registry` may be left out. */
export interface EurekaOptions {
  /** What is served. The plugin neither starts nor closes it; until it is ready, requests are answered with 503. */
  readonly registry: Registry
  /** @defaultValue Node's clock, no log */
  readonly environment?: Environment | undefined
  /** Where applications live, unless a request names another one in its header `x-namespace`. @defaultValue `default` */
  readonly namespace?: string | undefined
  /** A path to serve besides `/eureka`, for clients that are configured with it. @defaultValue none */
  readonly contextPath?: string | undefined
  /** How long a change stays in deltas. Unit: ms, from 1 000 to 86 400 000. @defaultValue `180_000` */
  readonly deltaExpireInterval?: number | undefined
  /**
   * Changes that deltas remember. With more in `deltaExpireInterval`, deltas are refused with 403 until the older ones
   * have aged, and clients fetch everything. Unit: instances. @defaultValue `65_536`
   */
  readonly deltaMaxItems?: number | undefined
  /**
   * How long an instance whose heartbeats are missing is still listed, as `DOWN`. Unit: ms; `Infinity`: as long as
   * the registry has it. @defaultValue `180_000`
   */
  readonly unhealthyExpireInterval?: number | undefined
  /**
   * How long an instance that was registered here may be expired until the registry removes it. Unit: ms; `Infinity`: for ever.
   * @defaultValue `60_000`
   */
  readonly evictAfterMs?: number | undefined
  /**
   * How many times its lease's duration an instance may go without a heartbeat. 2 is what Netflix's server does, by an
   * error that it keeps for compatibility. From 1 to 10. @defaultValue `1`
   */
  readonly leaseDurationFactor?: number | undefined
  /** How hard lists are compressed, from 1, fast, to 9. @defaultValue `4` */
  readonly gzipLevel?: number | undefined
  /**
   * Encoded instances and lists that are kept. What has not been asked for the longest goes first; it is encoded anew
   * when somebody asks. Unit: bytes. @defaultValue 256 MiB
   */
  readonly cacheMaxBytes?: number | undefined
  /** Longest body of a registration, as it comes and decompressed. Unit: bytes. @defaultValue 256 KiB */
  readonly bodyMaxBytes?: number | undefined
  /** Longest body of a batch between peers, as it comes and decompressed. Unit: bytes. @defaultValue 16 MiB */
  readonly batchMaxBytes?: number | undefined
  /**
   * What this server calls itself, in `DiscoveryIdentity-Name` or `DiscoveryIdentity-Id`. A batch between peers that bears it
   * is our own, come back, and changes nothing. @defaultValue none
   */
  readonly identity?: string | undefined
  /** Admits connections of the server that the plugin is registered on. @defaultValue all are admitted */
  readonly connectionLimits?: ConnectionGuard | undefined
}

/** What limits connections: `@orrery/connection-limits`, or something like it. */
export interface ConnectionGuard {
  /** Begins to guard a server. @returns ends it */
  guard(server: Server): () => void
}

/** What has a default. */
export interface EurekaDefaults {
  readonly namespace: string
  readonly deltaExpireInterval: number
  readonly deltaMaxItems: number
  readonly unhealthyExpireInterval: number
  readonly evictAfterMs: number
  readonly leaseDurationFactor: number
  readonly gzipLevel: number
  readonly cacheMaxBytes: number
  readonly bodyMaxBytes: number
  readonly batchMaxBytes: number
}

/** {@link EurekaOptions}, complete. */
export interface ResolvedEurekaOptions extends EurekaDefaults {
  readonly registry: Registry
  readonly environment: Environment
  readonly contextPath: string | undefined
  readonly identity: string | undefined
  readonly connectionLimits: ConnectionGuard | undefined
}

/** What {@link eurekaPlugin} uses when an option is absent. */
export const eurekaDefaults: EurekaDefaults = {
  namespace: 'default',
  deltaExpireInterval: 180_000,
  deltaMaxItems: 65_536,
  unhealthyExpireInterval: 180_000,
  evictAfterMs: 60_000,
  leaseDurationFactor: 1,
  gzipLevel: 4,
  cacheMaxBytes: 256 * 1024 * 1024,
  bodyMaxBytes: 256 * 1024,
  batchMaxBytes: 16 * 1024 * 1024,
}

/** Completes and checks options. @throws EurekaError `EUREKA_OPTION_INVALID` */
export function resolveOptions(options: EurekaOptions): ResolvedEurekaOptions {
  const resolved: ResolvedEurekaOptions = {
    registry: options.registry,
    environment: options.environment ?? systemEnvironment(),
    contextPath: options.contextPath,
    identity: options.identity,
    connectionLimits: options.connectionLimits,
    namespace: options.namespace ?? eurekaDefaults.namespace,
    deltaExpireInterval: options.deltaExpireInterval ?? eurekaDefaults.deltaExpireInterval,
    deltaMaxItems: options.deltaMaxItems ?? eurekaDefaults.deltaMaxItems,
    unhealthyExpireInterval: options.unhealthyExpireInterval ?? eurekaDefaults.unhealthyExpireInterval,
    evictAfterMs: options.evictAfterMs ?? eurekaDefaults.evictAfterMs,
    leaseDurationFactor: options.leaseDurationFactor ?? eurekaDefaults.leaseDurationFactor,
    gzipLevel: options.gzipLevel ?? eurekaDefaults.gzipLevel,
    cacheMaxBytes: options.cacheMaxBytes ?? eurekaDefaults.cacheMaxBytes,
    bodyMaxBytes: options.bodyMaxBytes ?? eurekaDefaults.bodyMaxBytes,
    batchMaxBytes: options.batchMaxBytes ?? eurekaDefaults.batchMaxBytes,
  }
  check(resolved)
  return resolved
}

function check(options: ResolvedEurekaOptions): void {
  const { namespace, contextPath } = options
  if (!isNamespaceName(namespace)) refuse(`namespace is not a name: ${namespace}`)
  if (contextPath !== undefined && !/^\/[\w\-./~]*$/.test(contextPath)) {
    refuse(`contextPath is a path that begins with a slash, got ${contextPath}`)
  }
  requireRange(options, 'deltaExpireInterval', { min: 1_000, max: 86_400_000 })
  requireRange(options, 'unhealthyExpireInterval', { min: 0, max: Infinity })
  requireRange(options, 'evictAfterMs', { min: 0, max: Infinity })
  requireRange(options, 'leaseDurationFactor', { min: 1, max: 10 })
  requireInteger(options, 'deltaMaxItems', 2 ** 24)
  requireInteger(options, 'gzipLevel', 9)
  requireInteger(options, 'cacheMaxBytes', Number.MAX_SAFE_INTEGER)
  requireInteger(options, 'bodyMaxBytes', 2 ** 30)
  requireInteger(options, 'batchMaxBytes', 2 ** 30)
}

type NumberOption = Exclude<keyof EurekaDefaults, 'namespace'>

function requireRange(
  options: EurekaDefaults,
  name: NumberOption,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  const value = options[name]
  if (!(value >= min && value <= max)) refuse(`${name} is from ${min} to ${max}, got ${value}`)
}

function requireInteger(options: EurekaDefaults, name: NumberOption, max: number): void {
  if (!Number.isSafeInteger(options[name])) refuse(`${name} is an integer, got ${options[name]}`)
  requireRange(options, name, { min: 1, max })
}

/** Whether a registry can have a namespace of this name. */
export function isNamespaceName(name: string): boolean {
  return /^[\w\-./:]{1,64}$/.test(name) && !/^\.+$/.test(name)
}

function refuse(reason: string): never {
  throw new EurekaError('EUREKA_OPTION_INVALID', reason)
}
