import { type Server, ServerCredentials } from '@grpc/grpc-js'
import { createGrpcServer, type GrpcServer, type GrpcServerOptions } from '../../src/index.ts'
import { RawConnection, type RawConnectionOptions } from './raw-connection.ts'
import { createRawService, rawDefinition, type RawService } from './raw-service.ts'

/** A server with the service of `raw-service.ts`, on a port of its own. */
export interface RawServer extends AsyncDisposable {
  readonly server: GrpcServer
  readonly service: RawService
  readonly port: number
  /** A connection after the exchange of prefaces. */
  start(
    options?: Omit<RawConnectionOptions, 'port'>,
    ...settings: readonly (readonly [id: number, value: number])[]
  ): Promise<RawConnection>
}

type Bindable = Pick<Server, 'bindAsync'>

function listen(server: Bindable): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port)
      else reject(error)
    })
  })
}

/** Starts one. */
export async function startRawServer(options: GrpcServerOptions = {}): Promise<RawServer> {
  const server = createGrpcServer(options)
  const service = createRawService()
  server.addService(rawDefinition, service.implementation)
  const port = await listen(server)
  return {
    server,
    service,
    port,
    start: (connectionOptions = {}, ...settings) =>
      RawConnection.start({ port, ...connectionOptions }, ...settings),
    [Symbol.asyncDispose]: () => {
      server.forceShutdown()
      return server.close()
    },
  }
}
