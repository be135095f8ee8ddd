import type { ConfigClient, ConfigHub } from '@orrery/config-hub'
import type { Environment } from '@orrery/environment'
import type { FastifyRequest } from 'fastify'
import { resolveIntegers } from '../limits.ts'

/** Options of `configApiPlugin`. */
export interface ConfigApiOptions {
  readonly hub: ConfigHub
  /** Should be the hub's. Its logger hears of bugs of ours. @defaultValue the system's */
  readonly environment?: Environment | undefined
  /**
   * Whether who asks may read what stands encrypted. Otherwise he gets it encrypted, and the data key only for his own
   * public key; what cannot be told so is refused with 403. @defaultValue nobody
   */
  readonly mayReadPlain?: ((request: FastifyRequest) => boolean | Promise<boolean>) | undefined
  /** Who asks, for the audit trail. @defaultValue not known */
  readonly actorOf?: ((request: FastifyRequest) => string | undefined) | undefined
  /**
   * Who reads or watches, for gray releases. What it gives takes the place of what the request says of itself, field by
   * field; without it, and without an address in the request, the address is Fastify's `request.ip`.
   */
  readonly clientOf?: ((request: FastifyRequest) => ConfigClient | undefined) | undefined
  /**
   * Longest body of JSON, where a content may take six times as much as it is long. Longer ones get 413. Unit: bytes, from
   * 1. @defaultValue 8 MiB
   */
  readonly bodyMaxBytes?: number | undefined
  /** Longest archive that is taken in. Unit: bytes, from 1. @defaultValue 64 MiB */
  readonly archiveMaxBytes?: number | undefined
  /** Exports and imports that may be under way, each of which stands in memory; one more gets 503. From 0 on. @defaultValue `4` */
  readonly archivesMax?: number | undefined
  /** Streams of `/watch` that may be open; one more gets 503. From 0 on. @defaultValue `10_000` */
  readonly subscriptionsMax?: number | undefined
  /** Long-polls, and reads that wait, that may be pending; one more gets 503. From 0 on. @defaultValue `100_000` */
  readonly pollsMax?: number | undefined
  /**
   * Targets and known files of all that are pending, together: about 150 bytes each; more get 503. From 0 on.
   * @defaultValue `1_000_000`
   */
  readonly pollItemsMax?: number | undefined
  /** How long a read waits for this member to see what the caller has seen. Then it gets 503. Unit: ms, from 0. @defaultValue `5_000` */
  readonly catchUpMaxMs?: number | undefined
  /** How often a stream that has nothing to say says so. Unit: ms, from 1. @defaultValue `15_000` */
  readonly keepaliveMs?: number | undefined
  /** A stream whose reader has not taken an event after so long is cut. Unit: ms, from 1. @defaultValue `60_000` */
  readonly stalledMaxMs?: number | undefined
  /** How long streams have to end when the server closes. Unit: ms, from 0. @defaultValue `2_000` */
  readonly closeMaxMs?: number | undefined
}

/** What `configApiPlugin` uses when an option is absent. */
export const configApiDefaults = {
  bodyMaxBytes: 8 * 1024 * 1024,
  archiveMaxBytes: 64 * 1024 * 1024,
  archivesMax: 4,
  subscriptionsMax: 10_000,
  pollsMax: 100_000,
  pollItemsMax: 1_000_000,
  catchUpMaxMs: 5_000,
  keepaliveMs: 15_000,
  stalledMaxMs: 60_000,
  closeMaxMs: 2_000,
} as const

/** The part of {@link ConfigApiOptions} that are numbers, complete. */
export type ConfigApiLimits = Readonly<Record<keyof typeof configApiDefaults, number>>

const mins: ConfigApiLimits = {
  bodyMaxBytes: 1,
  archiveMaxBytes: 1,
  archivesMax: 0,
  subscriptionsMax: 0,
  pollsMax: 0,
  pollItemsMax: 0,
  catchUpMaxMs: 0,
  keepaliveMs: 1,
  stalledMaxMs: 1,
  closeMaxMs: 0,
}

/** @throws HttpApiError `HTTP_API_OPTION_INVALID` */
export function resolveConfigLimits(options: ConfigApiOptions): ConfigApiLimits {
  return resolveIntegers(options, configApiDefaults, mins)
}
