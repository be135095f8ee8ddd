// A server with one method that answers an empty message with an empty message: what the transport alone costs.
// Its argument says which one serves it, `fast` or `grpc-js`; the handler is the same.
import { type handleUnaryCall, type MethodDefinition, Server, ServerCredentials } from '@grpc/grpc-js'
import { createGrpcServer } from '@orrery/grpc-server'

const empty = Buffer.alloc(0)
const keep = (bytes: Buffer): Buffer => bytes
const definition: MethodDefinition<Buffer, Buffer> = {
  path: '/bench.Empty/Call',
  requestStream: false,
  responseStream: false,
  requestSerialize: keep,
  requestDeserialize: keep,
  responseSerialize: keep,
  responseDeserialize: keep,
}
const answer: handleUnaryCall<Buffer, Buffer> = (_call, callback) => {
  callback(null, empty)
}

const server = process.argv[2] === 'fast' ? createGrpcServer() : new Server()
server.addService({ Call: definition }, { Call: answer })
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  process.stdout.write(`listening 127.0.0.1:${port}\nready\n`)
})
