// #region readme
import {
  createGrpcServer,
  createHealthService,
  createReflectionService,
  fileDescriptorsOf,
} from '@orrery/grpc-server'
import { greeter, greeterDefinition } from './greeter.ts'

const server = createGrpcServer()
server.addService(greeterDefinition, greeter)

const health = createHealthService({ statuses: { '': 'serving', 'example.Greeter': 'serving' } })
server.addService(health.definition, health.implementation)

const fileDescriptors = fileDescriptorsOf(greeterDefinition, health.definition)
for (const { definition, implementation } of createReflectionService({ fileDescriptors }).definitions)
  server.addService(definition, implementation)

console.log('gRPC on port', await server.listen(`127.0.0.1:${process.env['PORT'] ?? 50051}`))
process.once('SIGTERM', () => {
  health.shutDown() // clients go elsewhere
  void server.close({ graceMs: 10_000 }) // watches of the health never end by themselves
})
// #endregion readme
