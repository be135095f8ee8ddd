import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import {
  createGrpcServer,
  type GrpcServer,
  type GrpcServerOptions,
  TlsCredentials,
} from '@orrery/grpc-server'
import type { IdentityFiles } from './certificates.ts'
import { echoDefinition, echoImplementation } from './echo-service.ts'

/** A server that echoes, at a port in plain text and at one with TLS. */
export interface EchoServer {
  readonly server: GrpcServer
  readonly plainPort: number
  readonly tlsPort: number
}

/** Starts a server whose ports also take HTTP/1.1: method, target and content come back. */
export async function startEchoServer(
  identity: IdentityFiles,
  options: GrpcServerOptions = {},
): Promise<EchoServer> {
  const http1 = createServer((request, response) => {
    response.write(`${request.method ?? ''} ${request.url ?? ''} `)
    request.pipe(response)
  })
  const server = createGrpcServer({ http1, ...options })
  server.addService(echoDefinition, echoImplementation)
  const [cert, key] = await Promise.all([readFile(identity.cert), readFile(identity.key)])
  const plainPort = await server.listen('127.0.0.1:0')
  const tlsPort = await server.listen('127.0.0.1:0', new TlsCredentials({ cert, key }))
  return { server, plainPort, tlsPort }
}
