/** Ways in which clients can be a burden, each bounded. */
export const defenceKinds = [
  /** More resets of calls than `resetsMaxBurst`, by the client or by its mistakes (CVE-2023-44487, CVE-2025-8671). */
  'resetFlood',
  /** More frames that move no call on than `idleFramesMaxBurst` (pings, settings, empty and tiny frames …). */
  'idleFrameFlood',
  /** A header block that does not end (CVE-2024-27983). */
  'headerBlockTooLong',
  /** A call whose metadata is over its limits. */
  'metadataTooLarge',
  /** Pings more often than `pingMinIntervalMs`. */
  'tooManyPings',
  /** A call beyond `concurrentStreamsMax`. */
  'tooManyStreams',
  /** A connection beyond `connectionsMax`, of whatever protocol. */
  'tooManyConnections',
  /** A TLS handshake that failed, or was not over in time. */
  'tlsHandshake',
  /** A connection that did not say in time which protocol it speaks. */
  'handshakeTimeout',
  /** Metadata that did not come to its end in time. */
  'headersTimeout',
  /** A client that did not take in time what waited for it. */
  'stalledWrite',
  /** A client that did not answer whether it is there. */
  'keepaliveTimeout',
  /** A call beyond `connectionReceiveMaxBytes`. */
  'receiveMemory',
  /** A call beyond `connectionSendMaxBytes`. */
  'sendMemory',
  /** A message beyond `receiveMessageMaxBytes`, before or after decompression. */
  'messageTooLarge',
  /** More data than its window allows. */
  'windowExceeded',
  /** Any other break of the protocol. */
  'protocolError',
] as const

/** One of {@link defenceKinds}. */
export type DefenceKind = (typeof defenceKinds)[number]

/** What a server has done since it was created, and holds now. */
export interface GrpcServerStats {
  /** HTTP/2 connections that are open. */
  readonly connections: number
  /** Calls in progress. */
  readonly calls: number
  /** Connections that were accepted for HTTP/2. */
  readonly connectionsTotal: number
  /** Calls that began. */
  readonly callsTotal: number
  /** Calls that their client gave up, or that ended with their connection. */
  readonly callsAborted: number
  /** How often each defence took effect. */
  readonly defended: Readonly<Record<DefenceKind, number>>
}

/** Counts for {@link GrpcServerStats}. */
export class Counters {
  /** Of whatever protocol, from when they are accepted. */
  sockets = 0
  connections = 0
  calls = 0
  connectionsTotal = 0
  callsTotal = 0
  callsAborted = 0
  readonly #defended = new Map<DefenceKind, number>()

  defend(kind: DefenceKind): void {
    this.#defended.set(kind, (this.#defended.get(kind) ?? 0) + 1)
  }

  stats(): GrpcServerStats {
    const { connections, calls, connectionsTotal, callsTotal, callsAborted } = this
    const defended = Object.fromEntries(
      defenceKinds.map((kind) => [kind, this.#defended.get(kind) ?? 0]),
    ) as Record<DefenceKind, number>
    return { connections, calls, connectionsTotal, callsTotal, callsAborted, defended }
  }
}
