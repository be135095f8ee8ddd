// #region readme
import { createServer } from 'node:http'
import { createGrpcServer } from '@orrery/grpc-server'
import { greeter, greeterDefinition } from './greeter.ts'

const http = createServer((_, response) => response.end('hello over HTTP/1.1\n')) // or fastify.server, once it is ready

const server = createGrpcServer({ http1: http })
server.addService(greeterDefinition, greeter)
console.log('gRPC and HTTP/1.1 on port', await server.listen(`127.0.0.1:${process.env['PORT'] ?? 50051}`))
// #endregion readme
