import type { RequestListener, Server as HttpServer } from 'node:http'
import type { ServerInterceptor, ServerOptions } from '@grpc/grpc-js'
import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { GrpcServerError } from './errors.ts'

/** Limits and timings of a server. Each has a default that is safe on an open port. */
export interface GrpcServerLimits {
  /** Longest request message, before and after decompression; -1: any. Unit: bytes. @defaultValue `4_194_304` */
  readonly receiveMessageMaxBytes?: number | undefined
  /** Longest response message; -1: any. Unit: bytes. @defaultValue `-1` */
  readonly sendMessageMaxBytes?: number | undefined
  /** Calls in progress on one connection; further ones are refused, which clients may repeat. @defaultValue `65_536` */
  readonly concurrentStreamsMax?: number | undefined
  /** Connections at a time, of any protocol, TLS handshakes included; further ones are closed at once. @defaultValue `65_536` */
  readonly connectionsMax?: number | undefined
  /**
   * Metadata of one call, counted as RFC 9113 does (name, value and 32 bytes for each field). A call with more
   * is reset. Unit: bytes. @defaultValue `65_535`
   */
  readonly metadataMaxBytes?: number | undefined
  /** Fields of one call's metadata. A call with more is reset. @defaultValue `128` */
  readonly metadataMaxFields?: number | undefined
  /**
   * What a client may send of one call before its handler has read it, beyond the message that is being
   * received. Unit: bytes. @defaultValue `262_144`
   */
  readonly receiveWindowBytes?: number | undefined
  /**
   * Request bytes of one connection that wait for their handlers. The call that would exceed it ends with
   * `RESOURCE_EXHAUSTED`. Unit: bytes. @defaultValue `268_435_456`
   */
  readonly connectionReceiveMaxBytes?: number | undefined
  /**
   * Response bytes of one connection that wait for its client. The call that would exceed it is reset with
   * `ENHANCE_YOUR_CALM`, which gRPC clients report as `RESOURCE_EXHAUSTED`. Unit: bytes. @defaultValue `268_435_456`
   */
  readonly connectionSendMaxBytes?: number | undefined
  /** TLS handshake, and the time until the client has said which protocol it speaks. Unit: ms. @defaultValue `10_000` */
  readonly handshakeTimeoutMs?: number | undefined
  /** From the first byte of a call's metadata to its last one. Unit: ms. @defaultValue `10_000` */
  readonly headersTimeoutMs?: number | undefined
  /** A client that takes nothing of what waits for it for so long is cut off. Unit: ms. @defaultValue `120_000` */
  readonly stalledWriteTimeoutMs?: number | undefined
  /** Asks a client that has been silent for so long whether it is there; 0: never. Unit: ms. @defaultValue `0` */
  readonly keepaliveTimeMs?: number | undefined
  /** A client that does not answer that for so long is cut off. Unit: ms. @defaultValue `20_000` */
  readonly keepaliveTimeoutMs?: number | undefined
  /**
   * A client that pings more often, with nothing sent to it in between, is turned away (`too_many_pings`) the
   * third time; one without calls may ping once in two hours. 0: they may ping as they like. Unit: ms.
   * @defaultValue `0`
   */
  readonly pingMinIntervalMs?: number | undefined
  /** Whether {@link pingMinIntervalMs} holds for clients without calls, too. @defaultValue `false` */
  readonly pingWithoutCalls?: boolean | undefined
  /** A connection of this age, 10 % more or less, is drained and closed; 0: never. Unit: ms. @defaultValue `0` */
  readonly connectionAgeMaxMs?: number | undefined
  /** How long its calls may then take; 0: as long as they like. Unit: ms. @defaultValue `0` */
  readonly connectionAgeGraceMs?: number | undefined
  /** A connection without calls for so long is closed; 0: never. Unit: ms. @defaultValue `0` */
  readonly connectionIdleMaxMs?: number | undefined
  /**
   * Resets of calls by a client, or caused by its mistakes, that are taken at once; then
   * {@link resetsPerSecond}. Beyond that its connection is closed with `ENHANCE_YOUR_CALM`. @defaultValue `1_000`
   */
  readonly resetsMaxBurst?: number | undefined
  /** @defaultValue `33` */
  readonly resetsPerSecond?: number | undefined
  /**
   * Frames that move no call on (PING, SETTINGS, PRIORITY, empty or tiny DATA, WINDOW_UPDATE, unknown ones)
   * that are taken at once; then {@link idleFramesPerSecond}, and ten more for each frame of a call. Beyond
   * that the connection is closed with `ENHANCE_YOUR_CALM`. @defaultValue `10_000`
   */
  readonly idleFramesMaxBurst?: number | undefined
  /** @defaultValue `200` */
  readonly idleFramesPerSecond?: number | undefined
}

/** What a server is created with. */
export interface GrpcServerOptions extends GrpcServerLimits {
  /** Clock, randomness and logger. @defaultValue those of the process, without a log */
  readonly environment?: Environment | undefined
  /**
   * Takes the HTTP/1.1 requests that come to the same port, for example `fastify.server` (after `ready()`).
   * @defaultValue they are closed
   */
  readonly http1?: HttpServer | RequestListener | undefined
  /** Run around each call, as grpc-js runs them: the first one is nearest to the wire. @defaultValue none */
  readonly interceptors?: readonly ServerInterceptor[] | undefined
}

/**
 * The options of grpc-js that mean the same here, under its names. What is given under both names counts as
 * given here.
 */
export type GrpcJsServerOptions = Pick<
  ServerOptions,
  | 'grpc.max_receive_message_length'
  | 'grpc.max_send_message_length'
  | 'grpc.max_concurrent_streams'
  | 'grpc.keepalive_time_ms'
  | 'grpc.keepalive_timeout_ms'
  | 'grpc.max_connection_age_ms'
  | 'grpc.max_connection_age_grace_ms'
  | 'grpc.max_connection_idle_ms'
>

/** {@link GrpcServerLimits} where nothing else is asked for. */
export const grpcServerDefaults: {
  readonly [Name in keyof GrpcServerLimits]-?: NonNullable<GrpcServerLimits[Name]>
} = {
  receiveMessageMaxBytes: 4_194_304,
  sendMessageMaxBytes: -1,
  concurrentStreamsMax: 65_536,
  connectionsMax: 65_536,
  metadataMaxBytes: 65_535,
  metadataMaxFields: 128,
  receiveWindowBytes: 262_144,
  connectionReceiveMaxBytes: 268_435_456,
  connectionSendMaxBytes: 268_435_456,
  handshakeTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  stalledWriteTimeoutMs: 120_000,
  keepaliveTimeMs: 0,
  keepaliveTimeoutMs: 20_000,
  pingMinIntervalMs: 0,
  pingWithoutCalls: false,
  connectionAgeMaxMs: 0,
  connectionAgeGraceMs: 0,
  connectionIdleMaxMs: 0,
  resetsMaxBurst: 1_000,
  resetsPerSecond: 33,
  idleFramesMaxBurst: 10_000,
  idleFramesPerSecond: 200,
}

/** All limits, with a value each. */
export type ResolvedLimits = typeof grpcServerDefaults

/** All options, with a value each. */
export interface ResolvedOptions {
  readonly limits: ResolvedLimits
  readonly environment: Environment
  readonly http1: HttpServer | RequestListener | undefined
  readonly interceptors: readonly ServerInterceptor[]
}

/** What the options of grpc-js are called here. */
const grpcJsNames: Record<keyof GrpcJsServerOptions, keyof GrpcServerLimits> = {
  'grpc.max_receive_message_length': 'receiveMessageMaxBytes',
  'grpc.max_send_message_length': 'sendMessageMaxBytes',
  'grpc.max_concurrent_streams': 'concurrentStreamsMax',
  'grpc.keepalive_time_ms': 'keepaliveTimeMs',
  'grpc.keepalive_timeout_ms': 'keepaliveTimeoutMs',
  'grpc.max_connection_age_ms': 'connectionAgeMaxMs',
  'grpc.max_connection_age_grace_ms': 'connectionAgeGraceMs',
  'grpc.max_connection_idle_ms': 'connectionIdleMaxMs',
}

/** grpc-js says "never" by the longest time that a timer takes. Unit: ms. */
const grpcJsNeverMs = 2 ** 31 - 1

/** Limits that may be 0 or less, and what the least value of them is. */
const leastValues: { readonly [Name in keyof GrpcServerLimits]?: number } = {
  receiveMessageMaxBytes: -1,
  sendMessageMaxBytes: -1,
  keepaliveTimeMs: 0,
  pingMinIntervalMs: 0,
  connectionAgeMaxMs: 0,
  connectionAgeGraceMs: 0,
  connectionIdleMaxMs: 0,
  resetsPerSecond: 0,
  idleFramesPerSecond: 0,
}

/**
 * Fills in the defaults.
 *
 * @throws GrpcServerError `GRPC_SERVER_OPTION_INVALID`
 */
export function resolveOptions(options: GrpcServerOptions & GrpcJsServerOptions): ResolvedOptions {
  const limits: Record<string, number | boolean> = { ...grpcServerDefaults }
  for (const [grpcJsName, name] of Object.entries(grpcJsNames)) {
    const value = options[grpcJsName as keyof GrpcJsServerOptions]
    if (value !== undefined) limits[name] = name.endsWith('Ms') && value >= grpcJsNeverMs ? 0 : value
  }
  for (const [name, standard] of Object.entries(grpcServerDefaults)) {
    const value = options[name as keyof GrpcServerLimits] ?? limits[name] ?? standard
    if (typeof value === 'number') requireLimit(name, value)
    limits[name] = value
  }
  return {
    limits: limits as ResolvedLimits,
    environment: options.environment ?? systemEnvironment(),
    http1: options.http1,
    interceptors: options.interceptors ?? [],
  }
}

function requireLimit(name: string, value: number): void {
  const least = leastValues[name as keyof GrpcServerLimits] ?? 1
  const isWindow = name === 'receiveWindowBytes'
  if (value >= least && Number.isInteger(value) && (!isWindow || value < 2 ** 31)) return
  const range = isWindow ? 'from 1 to 2^31 - 1' : `from ${least} on`
  throw new GrpcServerError('GRPC_SERVER_OPTION_INVALID', `${name} must be an integer ${range}, not ${value}`)
}
