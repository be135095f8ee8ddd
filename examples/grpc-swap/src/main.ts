// #region readme
import { ServerCredentials } from '@grpc/grpc-js'
import { createGrpcServer } from '@orrery/grpc-server'
import { greeter, greeterDefinition } from './greeter.ts' // yours, as they are

const server = createGrpcServer() // was: new Server()
server.addService(greeterDefinition, greeter)

const address = `127.0.0.1:${process.env['PORT'] ?? 50051}`
server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  console.log('gRPC on port', port)
})

// Calls in progress have ten seconds to finish.
process.once('SIGTERM', () => void server.close({ graceMs: 10_000 }))
// #endregion readme
