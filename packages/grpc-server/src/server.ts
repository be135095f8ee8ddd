import type { Duplex } from 'node:stream'
import { ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js'
import { Connections, cutOff } from './connections.ts'
import { Counters, type GrpcServerStats } from './counters.ts'
import { GrpcServerError } from './errors.ts'
import { Methods } from './grpc/methods.ts'
import { Flusher } from './http2/flusher.ts'
import { ChunkPool } from './http2/output.ts'
import { resolveAddress } from './listening/address.ts'
import { Http1Connections } from './listening/http1.ts'
import { Listener } from './listening/listener.ts'
import {
  type GrpcJsServerOptions,
  type GrpcServerOptions,
  type ResolvedOptions,
  resolveOptions,
} from './options.ts'
import { Timers } from './timers.ts'

/** Takes connections that the host has accepted, as grpc-js' `ConnectionInjector`. */
export interface ConnectionInjector {
  /** Serves a connection from its first byte on. */
  injectConnection(connection: Duplex): void
  /** Lets calls of the injected connections finish; cuts off what is left after a while. Unit: ms. */
  drain(graceTimeMs: number): void
  /** Lets calls of the injected connections finish, and takes no more. */
  destroy(): void
}

/** How {@link GrpcServer.close} ends. */
export interface CloseOptions {
  /** How long calls may take to finish before they are cut off. Unit: ms. @defaultValue as long as they like */
  readonly graceMs?: number | undefined
}

/** A gRPC server with the methods of grpc-js' `Server`. */
export interface GrpcServer extends AsyncDisposable {
  /**
   * Adds a service, as grpc-js takes it. Methods without a handler are answered `UNIMPLEMENTED`.
   *
   * @throws GrpcServerError `GRPC_SERVER_SERVICE_INVALID`, `GRPC_SERVER_METHOD_EXISTS`
   */
  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void
  /** Removes a service; calls in progress go on. */
  removeService(definition: ServiceDefinition): void
  /**
   * Listens at `host:port` (0: a free port) or `unix:path`, and calls back with the port. The error is a
   * `GrpcServerError` `GRPC_SERVER_LISTEN_FAILED`.
   *
   * @throws GrpcServerError `GRPC_SERVER_CLOSED`
   */
  bindAsync(
    address: string,
    credentials: ServerCredentials,
    callback: (error: Error | null, port: number) => void,
  ): void
  /** {@link bindAsync} as a promise. @throws GrpcServerError `GRPC_SERVER_LISTEN_FAILED`, `GRPC_SERVER_CLOSED` */
  listen(address: string, credentials?: ServerCredentials): Promise<number>
  /** Does nothing, as in grpc-js: a server serves from when it is bound. @deprecated leave it out */
  start(): void
  /** Takes connections from elsewhere. `credentials` are those of whoever accepted them: TLS has to be over. */
  createConnectionInjector(credentials: ServerCredentials): ConnectionInjector
  /** Takes no more calls, and calls back when those in progress have ended and all connections are closed. */
  tryShutdown(callback: (error?: Error) => void): void
  /** Cuts off everything. */
  forceShutdown(): void
  /** {@link tryShutdown} as a promise, with {@link forceShutdown} after a while. Safe to call twice. */
  close(options?: CloseOptions): Promise<void>
  /** What it has done, and holds. */
  stats(): GrpcServerStats
}

/**
 * Creates a server. It opens nothing until it is bound, or connections are injected.
 *
 * @throws GrpcServerError `GRPC_SERVER_OPTION_INVALID`
 */
export function createGrpcServer(options: GrpcServerOptions & GrpcJsServerOptions = {}): GrpcServer {
  return new Server(resolveOptions(options))
}

class Server implements GrpcServer {
  readonly #options: ResolvedOptions
  readonly #methods = new Methods()
  readonly #counters = new Counters()
  readonly #timers: Timers
  readonly #flusher = new Flusher()
  readonly #pool = new ChunkPool()
  readonly #http1: Http1Connections | undefined
  readonly #listeners: Listener[] = []
  readonly #connections: Connections[] = []
  #isClosed = false
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#timers = new Timers(options.environment.clock)
    this.#http1 = options.http1 === undefined ? undefined : new Http1Connections(options.http1)
  }

  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    this.#methods.add(definition, implementation)
  }

  removeService(definition: ServiceDefinition): void {
    this.#methods.remove(definition)
  }

  bindAsync(
    address: string,
    credentials: ServerCredentials,
    callback: (error: Error | null, port: number) => void,
  ): void {
    this.#requireOpen()
    this.listen(address, credentials).then(
      (port) => callback(null, port),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), 0),
    )
  }

  async listen(address: string, credentials = ServerCredentials.createInsecure()): Promise<number> {
    this.#requireOpen()
    const addresses = await resolveAddress(address)
    this.#requireOpen()
    const connections = this.#newConnections(credentials)
    const { environment, limits } = this.#options
    const listener = new Listener({
      credentials,
      handshakeTimeoutMs: limits.handshakeTimeoutMs,
      logger: environment.logger,
      admit: (socket) => connections.admit(socket),
      onHandshakeFailed: () => this.#counters.defend('tlsHandshake'),
      onConnection: (socket, tls) => {
        connections.accept(socket, tls?.protocol)
      },
    })
    const port = await listener.listen(addresses)
    this.#listeners.push(listener)
    if (!this.#isClosed) return port
    listener.close()
    throw closed()
  }

  start(): void {
    // Serving begins when a port is bound.
  }

  createConnectionInjector(credentials: ServerCredentials): ConnectionInjector {
    this.#requireOpen()
    const connections = this.#newConnections(credentials)
    const { clock } = this.#options.environment
    return {
      injectConnection: (connection) => {
        connections.inject(connection)
      },
      drain: (graceTimeMs) => {
        const open = connections.drainOpen()
        clock.setTimer(graceTimeMs, () => {
          for (const connection of open) cutOff(connection)
        })
      },
      destroy: () => {
        void connections.drain()
      },
    }
  }

  tryShutdown(callback: (error?: Error) => void): void {
    void this.#drain().then(() => callback())
  }

  forceShutdown(): void {
    this.#stopListening()
    for (const connections of this.#connections) connections.destroy()
    this.#http1?.closeAll()
  }

  close({ graceMs }: CloseOptions = {}): Promise<void> {
    return (this.#closing ??= this.#close(graceMs))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  stats(): GrpcServerStats {
    return this.#counters.stats()
  }

  async #close(graceMs: number | undefined): Promise<void> {
    const { clock, logger } = this.#options.environment
    const deadline =
      graceMs === undefined
        ? undefined
        : clock.setTimer(graceMs, () => {
            logger.warn('calls did not finish in time and were cut off', { graceMs })
            this.forceShutdown()
          })
    await this.#drain()
    deadline?.cancel()
  }

  async #drain(): Promise<void> {
    this.#stopListening()
    this.#http1?.closeIdle()
    await Promise.all(this.#connections.map((connections) => connections.drain()))
  }

  #stopListening(): void {
    this.#isClosed = true
    for (const listener of this.#listeners) listener.close()
  }

  #newConnections(credentials: ServerCredentials): Connections {
    const { environment, limits, interceptors } = this.#options
    const { clock, random } = environment
    const host = {
      ...{ limits, clock, random },
      timers: this.#timers,
      counters: this.#counters,
      flusher: this.#flusher,
      pool: this.#pool,
    }
    // As grpc-js: those of the credentials are nearer to the wire.
    const all = [...credentials._getInterceptors(), ...interceptors]
    const connections = new Connections({ host, methods: this.#methods, http1: this.#http1 }, all)
    this.#connections.push(connections)
    return connections
  }

  #requireOpen(): void {
    if (this.#isClosed) throw closed()
  }
}

function closed(): GrpcServerError {
  return new GrpcServerError('GRPC_SERVER_CLOSED', 'the server was shut down')
}
