// #region readme
import { ServerCredentials } from '@grpc/grpc-js'
import { addEtcdServices, etcdGatewayPlugin, etcdServerOptions, etcdServices } from '@orrery/adapter-etcd'
import { systemEnvironment } from '@orrery/environment/system'
import { createGrpcServer, sharePort } from '@orrery/grpc-server'
import { createMemoryStore } from '@orrery/store'
import { fastify } from 'fastify'

const store = createMemoryStore()
const services = etcdServices({ store, environment: systemEnvironment() })

const app = fastify() // your server, with your routes
app.get('/', () => ({ keys: store.status().keys }))
await app.register(etcdGatewayPlugin, { services })

const grpc = createGrpcServer(etcdServerOptions()) // or grpc-js' own: new Server(etcdServerOptions())
addEtcdServices(grpc, services)
const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
sharePort(app.server, (socket) => injector.injectConnection(socket))

console.log('etcd clients are welcome at', await app.listen({ port: Number(process.env['PORT'] ?? 2379) }))
// #endregion readme
