import { type Environment, invariant, type Timer } from '@orrery/environment'
import type { MemberId, Message } from '@orrery/raft'
import {
  type OutgoingSnapshot,
  type Peer,
  type PeerIdentity,
  type Transport,
  TransportError,
  type TransportHandler,
} from '@orrery/raft-node'
import type { HostAndPort } from './address.ts'
import { Counters, type TcpTransportStats } from './counters.ts'
import { closedError, Desk } from './desk.ts'
import { Incoming } from './incoming.ts'
import { type ResolvedOptions, resolveOptions, type TcpTransportOptions } from './options.ts'
import { Outgoing } from './outgoing.ts'
import { Sockets, type TlsCredentials } from './sockets.ts'

/** What a TCP transport needs. */
export interface TcpTransportParts {
  /** Where to listen. Port 0: any that is free. */
  readonly listen: HostAndPort
  /** `host:port` by which peers reach this member. @defaultValue where it listens */
  readonly advertise?: string
  readonly environment: Environment
  /** Mutual TLS. @defaultValue plain TCP, for networks in which everybody is trusted */
  readonly tls?: TlsCredentials
}

/** A {@link Transport} over TCP or mutual TLS. */
export interface TcpTransport extends Transport {
  /**
   * Replaces the certificates for connections that begin from now on.
   *
   * @throws TransportError `TRANSPORT_INVALID_OPTION`
   */
  setCredentials(credentials: TlsCredentials): void
  stats(): TcpTransportStats
  [Symbol.asyncDispose](): Promise<void>
}

interface SignalOptions {
  readonly signal?: AbortSignal
}

/** What is there between start and close. */
interface Started {
  readonly desk: Desk
  readonly incoming: Incoming
  readonly outgoing: Outgoing
}

class Tcp implements TcpTransport {
  readonly #parts: TcpTransportParts
  readonly #options: ResolvedOptions
  readonly #sockets: Sockets
  readonly #counters = new Counters()
  /** What was set before the start was over. */
  #peers: readonly Peer[] = []
  #started: Started | undefined
  #address: string | undefined
  #ticker: Timer | undefined
  #closed: Promise<void> | undefined

  constructor(parts: TcpTransportParts, options: TcpTransportOptions) {
    this.#parts = parts
    this.#options = resolveOptions(options)
    this.#sockets = new Sockets(parts.tls, this.#options.handshakeTimeoutMs)
  }

  get address(): string {
    invariant(this.#address !== undefined, 'the address of a transport is known once it is started')
    return this.#address
  }

  async start(identity: PeerIdentity, handler: TransportHandler): Promise<void> {
    if (this.#closed !== undefined) throw closedError()
    invariant(this.#started === undefined, 'a transport is started once')
    const { environment, listen, advertise } = this.#parts
    const desk = new Desk({
      environment,
      identity,
      handler,
      options: this.#options,
      sockets: this.#sockets,
      counters: this.#counters,
    })
    this.#started = { desk, incoming: new Incoming(desk), outgoing: new Outgoing(desk) }
    const address = await this.#started.incoming.listener.listen(listen)
    this.#address = advertise ?? address
    this.#awaitTick(this.#started)
    this.setPeers(this.#peers)
  }

  setPeers(peers: readonly Peer[]): void {
    this.#peers = peers
    if (this.#address === undefined || this.#started === undefined || this.#closed !== undefined) return
    const { desk, incoming, outgoing } = this.#started
    outgoing.setPeers(peers)
    // Later, because the host may be in the middle of a change.
    queueMicrotask(() => {
      if (desk.isClosed) return
      incoming.judge()
      outgoing.judge()
    })
  }

  send(messages: readonly Message[]): void {
    if (this.#closed === undefined) this.#started?.outgoing.send(messages)
  }

  async sendSnapshot(
    to: MemberId,
    snapshot: OutgoingSnapshot,
    { signal }: SignalOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted()
    await this.#requireStarted().outgoing.sendSnapshot(to, snapshot, signal)
  }

  async request(
    to: MemberId | string,
    request: Uint8Array,
    { signal }: SignalOptions = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted()
    return this.#requireStarted().outgoing.request(to, request, signal)
  }

  connectedMs(peer: MemberId): number | undefined {
    return this.#started?.outgoing.connectedMs(peer)
  }

  setCredentials(credentials: TlsCredentials): void {
    this.#sockets.setCredentials(credentials)
  }

  stats(): TcpTransportStats {
    return this.#counters.stats(this.#started?.desk.connections.size ?? 0)
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#ticker?.cancel()
    if (this.#started === undefined) return
    const { desk, incoming, outgoing } = this.#started
    // The desk first: nobody is told anything any more.
    const gone = desk.close()
    outgoing.close()
    await Promise.all([gone, incoming.listener.close()])
  }

  #requireStarted(): Started {
    if (this.#closed !== undefined) throw closedError()
    if (this.#started !== undefined && this.#address !== undefined) return this.#started
    throw new TransportError('TRANSPORT_UNREACHABLE', 'the transport is not started')
  }

  /** One clock for the liveness of all connections. */
  #awaitTick(started: Started): void {
    const { keepAliveIntervalMs, idleTimeoutMs } = this.#options
    const silentMaxTicks = Math.ceil(idleTimeoutMs / keepAliveIntervalMs)
    this.#ticker = this.#parts.environment.clock.setTimer(keepAliveIntervalMs, () => {
      for (const connection of [...started.desk.connections]) connection.tick(silentMaxTicks)
      started.outgoing.tick(silentMaxTicks)
      this.#awaitTick(started)
    })
  }
}

/**
 * Creates a transport. It does nothing until it is started.
 *
 * @throws TransportError `TRANSPORT_INVALID_OPTION`
 */
export function createTcpTransport(
  parts: TcpTransportParts,
  options: TcpTransportOptions = {},
): TcpTransport {
  return new Tcp(parts, options)
}
