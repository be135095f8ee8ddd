import type { Environment } from '@orrery/environment'
import { TransportError, type PeerIdentity, type TransportHandler } from '@orrery/raft-node'
import type { Connection } from './connection.ts'
import type { Counters } from './counters.ts'
import type { ResolvedOptions } from './options.ts'
import type { Refusal } from './refusal.ts'
import type { Sockets } from './sockets.ts'

/** A refusal of one kind from one place is logged once, as long as there are not more than these. */
const loggedMax = 1_000

/** What all parts of a started transport share. */
export class Desk {
  readonly environment: Environment
  readonly identity: PeerIdentity
  readonly handler: TransportHandler
  readonly options: ResolvedOptions
  readonly sockets: Sockets
  readonly counters: Counters
  /** All that are not gone. */
  readonly connections = new Set<Connection>()
  isClosed = false
  readonly #logged = new Set<string>()

  constructor(parts: {
    readonly environment: Environment
    readonly identity: PeerIdentity
    readonly handler: TransportHandler
    readonly options: ResolvedOptions
    readonly sockets: Sockets
    readonly counters: Counters
  }) {
    this.environment = parts.environment
    this.identity = parts.identity
    this.handler = parts.handler
    this.options = parts.options
    this.sockets = parts.sockets
    this.counters = parts.counters
  }

  /** Knows a connection until it is gone, so that it is kept alive and closed. */
  keep(connection: Connection): void {
    this.connections.add(connection)
    void connection.closed.then(() => this.connections.delete(connection))
  }

  /** Counts what was refused here, and tells the operator, once for each place. */
  noteRefusal(refusal: Refusal, remoteAddress: string): void {
    this.counters.addRefused(refusal.kind)
    const key = `${refusal.kind} ${remoteAddress}`
    if (this.#logged.has(key)) return
    if (this.#logged.size >= loggedMax) this.#logged.clear()
    this.#logged.add(key)
    const { kind, reason } = refusal
    this.environment.logger.warn('a peer was refused', { refusal: kind, reason, remoteAddress })
  }

  async close(): Promise<void> {
    this.isClosed = true
    const connections = [...this.connections]
    for (const connection of connections) connection.destroy(closedError())
    await Promise.all(connections.map(({ closed }) => closed))
  }
}

/** The error of every call on a transport that was closed. */
export function closedError(): TransportError {
  return new TransportError('TRANSPORT_CLOSED', 'the transport is closed')
}
