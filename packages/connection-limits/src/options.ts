import type { Environment } from '@orrery/environment'
import { refuseOption } from './errors.ts'

/** What is limited. */
export interface ConnectionLimitsOptions {
  /** Connections of one host, over all listeners together. Unit: connections, from 1. @defaultValue `Infinity` */
  readonly perHostMax?: number | undefined
  /**
   * Hosts that may be connected at the same time: one more is refused, those that are there may go on and come
   * back. Unit: hosts, from 1. @defaultValue `Infinity`
   */
  readonly hostsMax?: number | undefined
  /** Connections over all listeners together, whoever they are of. Unit: connections, from 1. @defaultValue `Infinity` */
  readonly totalMax?: number | undefined
  /**
   * IP addresses and subnets in CIDR form that `perHostMax` and `hostsMax` do not concern; `totalMax` does.
   * Each of their addresses is a host by itself. @defaultValue nobody
   */
  readonly allow?: readonly string[] | undefined
  /**
   * How much of an IPv6 address tells hosts apart. Whoever has IPv6 has all 2^64 addresses of a /64 to connect from,
   * so that limits by address, 128, hold among hosts of a network of one's own only. Unit: bits, from 1 to 128.
   * @defaultValue `64`
   */
  readonly ipv6PrefixBits?: number | undefined
  /** Called after a connection was refused. Must be quick, and must not throw. @defaultValue nobody is told */
  readonly onRefused?: ((refusal: Refusal) => void) | undefined
  /** @defaultValue Node's clock */
  readonly environment?: Pick<Environment, 'clock'> | undefined
}

/**
 * Which limit a connection met: connections of its host, hosts, or connections of all. One that meets several is
 * refused for the first of them.
 */
export const refusalReasons = ['perHost', 'hosts', 'total'] as const

/** One of {@link refusalReasons}. */
export type RefusalReason = (typeof refusalReasons)[number]

/** A connection that was refused. */
export interface Refusal {
  readonly reason: RefusalReason
  /** Name of the listener that it came to. */
  readonly listener: string
  /** What it counts under. Undefined: it has no address, as over a Unix socket. */
  readonly host: string | undefined
  /** As the socket gave it. */
  readonly remoteAddress: string | undefined
}

/** What counts of {@link ConnectionLimitsOptions}, complete. */
export interface Limits {
  readonly perHostMax: number
  readonly hostsMax: number
  readonly totalMax: number
}

/** What limits are when options do not say otherwise. */
export const connectionLimitsDefaults = {
  perHostMax: Infinity,
  hostsMax: Infinity,
  totalMax: Infinity,
  ipv6PrefixBits: 64,
} as const satisfies Limits & { readonly ipv6PrefixBits: number }

/** @throws ConnectionLimitsError `CONNECTION_LIMITS_INVALID` */
export function resolveLimits(
  options: ConnectionLimitsOptions,
): Limits & { readonly ipv6PrefixBits: number } {
  const { ipv6PrefixBits = connectionLimitsDefaults.ipv6PrefixBits } = options
  const limits: Limits = {
    perHostMax: options.perHostMax ?? connectionLimitsDefaults.perHostMax,
    hostsMax: options.hostsMax ?? connectionLimitsDefaults.hostsMax,
    totalMax: options.totalMax ?? connectionLimitsDefaults.totalMax,
  }
  for (const name of ['perHostMax', 'hostsMax', 'totalMax'] as const) {
    const value = limits[name]
    if (value === Infinity || (Number.isSafeInteger(value) && value >= 1)) continue
    refuseOption(`${name} is an integer from 1 on, or Infinity, got ${value}`)
  }
  if (!Number.isInteger(ipv6PrefixBits) || ipv6PrefixBits < 1 || ipv6PrefixBits > 128) {
    refuseOption(`ipv6PrefixBits is an integer from 1 to 128, got ${ipv6PrefixBits}`)
  }
  return { ...limits, ipv6PrefixBits }
}
