// #region readme
import { readFile } from 'node:fs/promises'
import { createGrpcServer, TlsCredentials } from '@orrery/grpc-server'
import { greeter, greeterDefinition } from './greeter.ts'

const read = async () => ({ cert: await readFile('server.pem'), key: await readFile('server-key.pem') })
const credentials = new TlsCredentials(await read())

const server = createGrpcServer()
server.addService(greeterDefinition, greeter)
console.log('gRPC on port', await server.listen(`127.0.0.1:${process.env['PORT'] ?? 50051}`, credentials))

process.on('SIGHUP', () => {
  void read().then((renewed) => {
    credentials.update(renewed)
    console.log('connections from now on get the new certificate')
  }, console.error)
})
// #endregion readme
