import type { Environment } from '@orrery/environment'
import type { Registry } from '@orrery/registry'
import { resolveIntegers } from './limits.ts'

/** What the API needs of the limits of connections; those of `@orrery/connection-limits` have it. */
export interface ConnectionLimitsView {
  stats(): ConnectionStatsView
  connections(): readonly ConnectionView[]
  /** @returns how many there were */
  closeHost(host: string): number
}

/** What is counted of connections. */
export interface ConnectionStatsView {
  readonly total: number
  readonly hosts: number
  /** Connections that were refused, by the limit that they met. */
  readonly refused: Readonly<Record<string, number>>
}

/** A connection that is open. */
export interface ConnectionView {
  readonly listener: string
  readonly host: string | undefined
  readonly remoteAddress: string | undefined
  /** Unit: ms since 1970. */
  readonly openedMs: number
}

/** Options of `registryApiPlugin`. */
export interface RegistryApiOptions {
  readonly registry: Registry
  /** Should be the registry's. Its logger hears of bugs of ours. @defaultValue the system's */
  readonly environment?: Environment | undefined
  /** Shows connections, and lets them be ended, under `/v1/connections`. @defaultValue there are no such routes */
  readonly connectionLimits?: ConnectionLimitsView | undefined
  /**
   * Takes heartbeats of other members at `/v1/heartbeats/forwarded`. Whoever reaches that path can keep any instance
   * alive: it belongs behind the host's authentication, or on a port for members only. @defaultValue `true`
   */
  readonly forwardedHeartbeats?: boolean | undefined
  /** Longest body of a request about one thing. Longer ones get 413. Unit: bytes, from 1. @defaultValue 1 MiB */
  readonly bodyMaxBytes?: number | undefined
  /** Longest body of a batch of heartbeats. Unit: bytes, from 1. @defaultValue 8 MiB */
  readonly batchMaxBytes?: number | undefined
  /** Streams of `/subscribe` that may be open; one more gets 503. From 0 on. @defaultValue `10_000` */
  readonly subscriptionsMax?: number | undefined
  /**
   * Longest snapshot of a stream, and so what one slow reader may make us hold: never more than one waits. A longer one
   * ends the stream with an event `failure`. Unit: bytes, from 1. @defaultValue 64 MiB
   */
  readonly snapshotMaxBytes?: number | undefined
  /** How often a stream that has nothing to say says so. Unit: ms, from 1. @defaultValue `15_000` */
  readonly keepaliveMs?: number | undefined
  /** A stream whose reader has not taken a snapshot after so long is cut. Unit: ms, from 1. @defaultValue `60_000` */
  readonly stalledMaxMs?: number | undefined
  /** How long streams have to end when the server closes. Unit: ms, from 0. @defaultValue `2_000` */
  readonly closeMaxMs?: number | undefined
  /** Changes of health and removals that `/v1/events` remembers; older ones make room. From 0 on. @defaultValue `1_000` */
  readonly eventsMax?: number | undefined
}

/** What `registryApiPlugin` uses when an option is absent. */
export const registryApiDefaults = {
  forwardedHeartbeats: true,
  bodyMaxBytes: 1024 * 1024,
  batchMaxBytes: 8 * 1024 * 1024,
  subscriptionsMax: 10_000,
  snapshotMaxBytes: 64 * 1024 * 1024,
  keepaliveMs: 15_000,
  stalledMaxMs: 60_000,
  closeMaxMs: 2_000,
  eventsMax: 1_000,
} as const

/** The part of {@link RegistryApiOptions} that are numbers, complete. */
export type ApiLimits = Readonly<
  Record<Exclude<keyof typeof registryApiDefaults, 'forwardedHeartbeats'>, number>
>

const mins: ApiLimits = {
  bodyMaxBytes: 1,
  batchMaxBytes: 1,
  subscriptionsMax: 0,
  snapshotMaxBytes: 1,
  keepaliveMs: 1,
  stalledMaxMs: 1,
  closeMaxMs: 0,
  eventsMax: 0,
}

/** @throws HttpApiError `HTTP_API_OPTION_INVALID` */
export function resolveLimits(options: RegistryApiOptions): ApiLimits {
  return resolveIntegers(options, registryApiDefaults, mins)
}
