import { Server, type ServerOptions } from '@grpc/grpc-js'
import { createGrpcServer } from '../../../src/index.ts'

/** What the scenarios use of a server. */
export type EitherServer = Pick<
  Server,
  'addService' | 'removeService' | 'bindAsync' | 'createConnectionInjector' | 'tryShutdown' | 'forceShutdown'
>

/** Makes a server of one kind. */
export type ServerFactory = (options: ServerOptions) => EitherServer

/** The server that sets the measure. */
export const createReference: ServerFactory = (options) => new Server(options)

/** The server that is held against it. */
export const createCandidate: ServerFactory = (options) => createGrpcServer(options)
