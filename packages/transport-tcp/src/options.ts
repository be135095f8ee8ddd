import { TransportError } from '@orrery/raft-node'

/** How a TCP transport behaves. Members of one cluster should have the same `frameMaxBytes`. */
export interface TcpTransportOptions {
  /**
   * The largest frame that is sent or accepted: bounds a message, a request, an answer and the header of a
   * snapshot. It has to hold the largest entry of the log. Unit: bytes, 64 KiB to 1 GiB.
   * @defaultValue `16_777_216` (16 MiB)
   */
  readonly frameMaxBytes?: number
  /**
   * What waits for one peer, or for the answers to one peer. Messages beyond it are dropped and reported.
   * Unit: bytes, at least twice `frameMaxBytes`. @defaultValue `67_108_864` (64 MiB)
   */
  readonly queueMaxBytes?: number
  /**
   * The end of the queue that appends and proposals may not fill: heartbeats, votes and responses still find
   * a place when it is full of those. Unit: bytes, at most `frameMaxBytes`. @defaultValue `65_536` (64 KiB)
   */
  readonly queueReserveBytes?: number
  /** How long connecting and introducing oneself may take, from either end. Unit: ms. @defaultValue `5_000` */
  readonly handshakeTimeoutMs?: number
  /** How often the end that dialled asks whether the other one is there. Unit: ms. @defaultValue `1_000` */
  readonly keepAliveIntervalMs?: number
  /**
   * A connection on which nothing has come for so long is closed. A request connection is also closed when
   * nothing was asked for so long. Unit: ms, at least twice `keepAliveIntervalMs`. @defaultValue `5_000`
   */
  readonly idleTimeoutMs?: number
  /** Wait before the second attempt to connect; it doubles with each one. Unit: ms. @defaultValue `50` */
  readonly reconnectMinMs?: number
  /** Longest wait between attempts to connect. Unit: ms. @defaultValue `2_000` */
  readonly reconnectMaxMs?: number
  /** Connections that others may have to this member, of all peers together. @defaultValue `256` */
  readonly connectionMaxCount?: number
  /** Requests of one member that one other works at; more fail at once. @defaultValue `256` */
  readonly requestMaxConcurrent?: number
  /** Snapshots that are received at the same time; more are refused. @defaultValue `4` */
  readonly snapshotMaxConcurrent?: number
  /** What may be on its way of a snapshot, or wait for its receiver. Unit: bytes. @defaultValue `4_194_304` (4 MiB) */
  readonly snapshotWindowBytes?: number
}

/** What a transport uses when its options do not say otherwise. */
export const tcpTransportDefaults = {
  frameMaxBytes: 16_777_216,
  queueMaxBytes: 67_108_864,
  queueReserveBytes: 65_536,
  handshakeTimeoutMs: 5_000,
  keepAliveIntervalMs: 1_000,
  idleTimeoutMs: 5_000,
  reconnectMinMs: 50,
  reconnectMaxMs: 2_000,
  connectionMaxCount: 256,
  requestMaxConcurrent: 256,
  snapshotMaxConcurrent: 4,
  snapshotWindowBytes: 4_194_304,
} as const satisfies Required<TcpTransportOptions>

/** Options with nothing left open. */
export type ResolvedOptions = Required<TcpTransportOptions>

/** @throws TransportError `TRANSPORT_INVALID_OPTION` */
export function resolveOptions(options: TcpTransportOptions): ResolvedOptions {
  const resolved: ResolvedOptions = { ...tcpTransportDefaults, ...options }
  for (const [name, value] of Object.entries(resolved)) {
    if (!Number.isSafeInteger(value) || value < 1)
      refuse(`${name} must be an integer from 1 on, not ${value}`)
  }
  const { frameMaxBytes, queueMaxBytes, queueReserveBytes } = resolved
  if (frameMaxBytes < 65_536 || frameMaxBytes > 2 ** 30) {
    refuse(`frameMaxBytes must be from 64 KiB to 1 GiB, not ${frameMaxBytes}`)
  }
  if (queueMaxBytes < 2 * frameMaxBytes) {
    refuse(`queueMaxBytes must be at least twice frameMaxBytes ${frameMaxBytes}, not ${queueMaxBytes}`)
  }
  if (queueReserveBytes > frameMaxBytes) {
    refuse(`queueReserveBytes must be at most frameMaxBytes ${frameMaxBytes}, not ${queueReserveBytes}`)
  }
  if (resolved.idleTimeoutMs < 2 * resolved.keepAliveIntervalMs) {
    refuse('idleTimeoutMs must be at least twice keepAliveIntervalMs')
  }
  if (resolved.reconnectMaxMs < resolved.reconnectMinMs) {
    refuse('reconnectMaxMs must be at least reconnectMinMs')
  }
  return resolved
}

function refuse(message: string): never {
  throw new TransportError('TRANSPORT_INVALID_OPTION', message)
}
