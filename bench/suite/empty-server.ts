// A grpc-js server that answers every put and range with an empty message: what the transport alone costs.
import { kvDefinition } from '@orrery/adapter-etcd'
import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js'

const server = new Server()
const empty = Buffer.alloc(0)
const raw = { requestDeserialize: (bytes: Buffer) => bytes, responseSerialize: (bytes: Buffer) => bytes }
const answer: handleUnaryCall<Buffer, Buffer> = (_call, callback) => {
  callback(null, empty)
}
server.addService(
  { Put: { ...kvDefinition.Put, ...raw }, Range: { ...kvDefinition.Range, ...raw } },
  { Put: answer, Range: answer },
)
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error
  process.stdout.write(`127.0.0.1:${port}\nready\n`)
})
