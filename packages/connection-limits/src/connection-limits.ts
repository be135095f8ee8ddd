import type { Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { systemClock } from '@orrery/environment/system'
import { hostOf, parseAddress } from './address.ts'
import { createAllowList } from './allow-list.ts'
import { ConnectionCounts } from './connection-counts.ts'
import { guardServer } from './guard.ts'
import { type ConnectionLimitsOptions, type Refusal, type RefusalReason, resolveLimits } from './options.ts'

/** A connection that asks to be let in. */
export interface IncomingConnection {
  /** As the socket gives it. Undefined, or no IP address: it counts in total only. */
  readonly remoteAddress: string | undefined
  /** Name of the listener that it came to, for {@link ConnectionLimits.connections}. @defaultValue `''` */
  readonly listener?: string | undefined
  /** Ends it; what {@link ConnectionLimits.closeHost} calls. */
  readonly close: () => void
}

/** Whether a connection is let in. */
export type Admission =
  | {
      readonly admitted: true
      /** It has ended. Has to be called; safe to call twice. */
      readonly release: () => void
    }
  | { readonly admitted: false; readonly reason: RefusalReason }

/** A connection that was let in and has not ended. */
export interface OpenConnection {
  /** Name of the listener that it came to. */
  readonly listener: string
  /** What it counts under: an address, or for IPv6 a prefix. Undefined: it has no address. */
  readonly host: string | undefined
  /** As the socket gave it. */
  readonly remoteAddress: string | undefined
  /** When it was let in, by the time of day. For people. Unit: ms since 1970. */
  readonly openedMs: number
}

/** What is counted. */
export interface ConnectionStats {
  /** Connections that are open. */
  readonly total: number
  /** Hosts that they are of. */
  readonly hosts: number
  /** Connections that were refused since the limits were created, by the limit that they met. */
  readonly refused: Readonly<Record<RefusalReason, number>>
}

/** Options of {@link ConnectionLimits.guard}. */
export interface GuardOptions {
  /** What the listener is called in {@link OpenConnection} and `Refusal`. @defaultValue `''` */
  readonly name?: string | undefined
}

/** Limits of connections, over any number of listeners. It owns no timer and no socket. */
export interface ConnectionLimits {
  /**
   * Asks for a connection that no server of {@link ConnectionLimits.guard} accepted, for example of a transport that
   * is not TCP.
   */
  admit(connection: IncomingConnection): Admission
  /**
   * Limits the connections of a server: of `net`, `tls`, `http`, `https` or `http2`, listening or not yet. A
   * connection that is too many is destroyed before anybody reads from it. Those that were open before are not
   * counted.
   *
   * @returns stops limiting that server; what is open stays counted until it closes
   */
  guard(server: Server, options?: GuardOptions): () => void
  stats(): ConnectionStats
  /** All that are open, the oldest first. */
  connections(): readonly OpenConnection[]
  /**
   * Ends all connections of a host.
   *
   * @param host as {@link OpenConnection} calls it, or an address
   * @returns how many there were
   */
  closeHost(host: string): number
}

/** @throws ConnectionLimitsError `CONNECTION_LIMITS_INVALID` */
export function createConnectionLimits(options: ConnectionLimitsOptions = {}): ConnectionLimits {
  return new HostConnectionLimits(options)
}

/** An {@link OpenConnection}, and how it is ended. */
interface Entry {
  readonly connection: OpenConnection
  readonly close: () => void
}

class HostConnectionLimits implements ConnectionLimits {
  readonly #counts: ConnectionCounts
  readonly #isAllowed: ReturnType<typeof createAllowList>
  readonly #ipv6PrefixBits: number
  readonly #onRefused: ConnectionLimitsOptions['onRefused']
  readonly #clock: { wallMs(): number }
  readonly #open = new Set<Entry>()
  /** Sockets that are counted: one that a server passes on to another is not counted again. */
  readonly #sockets = new WeakSet<Duplex>()
  readonly #refused: Record<RefusalReason, number> = { perHost: 0, hosts: 0, total: 0 }

  constructor(options: ConnectionLimitsOptions) {
    const { ipv6PrefixBits, ...limits } = resolveLimits(options)
    this.#counts = new ConnectionCounts(limits)
    this.#isAllowed = createAllowList(options.allow ?? [])
    this.#ipv6PrefixBits = ipv6PrefixBits
    this.#onRefused = options.onRefused
    this.#clock = options.environment?.clock ?? systemClock
  }

  admit(connection: IncomingConnection): Admission {
    const answer = this.#add(connection)
    if (typeof answer === 'function') return { admitted: true, release: answer }
    this.#onRefused?.(answer)
    return { admitted: false, reason: answer.reason }
  }

  guard(server: Server, { name = '' }: GuardOptions = {}): () => void {
    return guardServer(server, (socket) => this.#letIn(socket, name))
  }

  stats(): ConnectionStats {
    return { total: this.#counts.total, hosts: this.#counts.hosts, refused: { ...this.#refused } }
  }

  connections(): readonly OpenConnection[] {
    return Array.from(this.#open, ({ connection }) => connection)
  }

  closeHost(host: string): number {
    const named = [host, this.#identify(host).host]
    const found = Array.from(this.#open).filter(
      ({ connection }) => connection.host !== undefined && named.includes(connection.host),
    )
    for (const { close } of found) close()
    return found.length
  }

  #letIn(socket: Duplex, listener: string): boolean {
    // One that is destroyed already may never say again that it closes.
    if (socket.destroyed || this.#sockets.has(socket)) return true
    const answer = this.#add({
      remoteAddress: addressOf(socket),
      listener,
      close: () => void socket.destroy(),
    })
    if (typeof answer === 'function') {
      this.#sockets.add(socket)
      socket.once('close', answer)
      return true
    }
    socket.destroy()
    this.#onRefused?.(answer)
    return false
  }

  /** Counts a connection. @returns what takes it back, or why it was not counted */
  #add({ remoteAddress, listener = '', close }: IncomingConnection): (() => void) | Refusal {
    const { host, isAllowed } = this.#identify(remoteAddress)
    const reason = this.#counts.add(host, isAllowed)
    if (reason !== undefined) {
      this.#refused[reason] += 1
      return { reason, listener, host, remoteAddress }
    }
    const openedMs = this.#clock.wallMs()
    const entry: Entry = { connection: { listener, host, remoteAddress, openedMs }, close }
    this.#open.add(entry)
    return () => {
      if (this.#open.delete(entry)) this.#counts.remove(host)
    }
  }

  #identify(remoteAddress: string | undefined): {
    readonly host: string | undefined
    readonly isAllowed: boolean
  } {
    const ip = remoteAddress === undefined ? undefined : parseAddress(remoteAddress)
    if (ip === undefined) return { host: undefined, isAllowed: false }
    const isAllowed = this.#isAllowed(ip)
    return { host: hostOf(ip, isAllowed ? 128 : this.#ipv6PrefixBits), isAllowed }
  }
}

function addressOf(socket: Duplex): string | undefined {
  return 'remoteAddress' in socket && typeof socket.remoteAddress === 'string'
    ? socket.remoteAddress
    : undefined
}
