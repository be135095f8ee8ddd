import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { ServerCredentials } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { Caller } from './support/caller.ts'
import { disconnected } from './support/disconnected.ts'
import type { Journal } from './support/journal.ts'
import { frame } from './support/raw-connection.ts'
import { sameOnBoth, type World } from './support/scenario.ts'
import type { EitherServer } from './support/servers.ts'
import { equalityService, type Handlers } from './support/service.ts'
import { watch } from './support/watch.ts'

const hello = Buffer.from('hello')

/** Calls of them end when the journal says `go on`. */
const patient = (journal: Journal): Handlers => ({
  unary: (call, callback) => {
    journal.note('called')
    void journal.heard('go on').then(() => {
      callback(null, call.request)
    })
  },
  bidi: (call) => {
    journal.note('called')
    watch(call, journal)
    call.on('data', (message: Buffer) => call.write(message))
    call.on('end', () => {
      call.end()
    })
  },
})

/** Shuts the server down and notes it. */
function shutDown(server: EitherServer, journal: Journal): void {
  server.tryShutdown((error) => {
    journal.note('shut down', error?.message)
  })
}

describe('tryShutdown', () => {
  sameOnBoth('calls back at once when there are no connections', {
    handlers: patient,
    run: async ({ server, journal }) => {
      shutDown(server, journal)
      await journal.heard('shut down')
      return 'done'
    },
    shows: { handler: ['shut down'] },
  })

  sameOnBoth('calls back when its clients are idle', {
    handlers: patient,
    run: async ({ server, caller, journal }) => {
      journal.note('go on')
      const seen = await caller.unary(hello).done
      shutDown(server, journal)
      await journal.heard('shut down')
      return seen
    },
    shows: { handler: ['go on', 'called', 'shut down'] },
  })

  sameOnBoth('lets an open unary call finish and then calls back', {
    handlers: patient,
    run: async ({ server, caller, journal }) => {
      const { done } = caller.unary(hello)
      await journal.heard('called')
      shutDown(server, journal)
      journal.note('go on')
      const seen = await done
      await journal.heard('shut down')
      return seen
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: ['called', 'go on', 'shut down'] },
  })

  sameOnBoth('lets an open stream go on with messages both ways', {
    handlers: patient,
    run: async ({ server, client, caller, journal: handler }) => {
      const { call, journal, done } = caller.bidi()
      call.write(Buffer.from('before'))
      await journal.heard('message')
      shutDown(server, handler)
      await disconnected(client)
      call.write(Buffer.from('after'))
      await journal.heard('message', 2)
      call.end()
      const seen = await done
      await handler.heard('shut down')
      return seen
    },
    // Whether the handler is told of the end or the host of the shutdown first is chance.
    byChance: ['shut down'],
    shows: { client: { 2: ['message', 'after'], 3: ['status', { code: 0 }] } },
  })

  sameOnBoth('refuses calls of a new connection', {
    handlers: patient,
    run: async ({ server, caller, connect, journal, port }) => {
      const { done } = caller.unary(hello)
      await journal.heard('called')
      shutDown(server, journal)
      const late = await new Caller(connect(), port).unary(hello).done
      journal.note('go on')
      return [await done, late]
    },
    byChance: ['shut down'],
    shows: { client: { 1: { 0: ['answer', { error: { code: 14 } }] } } },
  })

  sameOnBoth('refuses later calls of a client that has a connection', {
    handlers: patient,
    run: async ({ server, client, caller, journal }) => {
      const { done } = caller.unary(hello)
      await journal.heard('called')
      shutDown(server, journal)
      await disconnected(client)
      const late = await caller.unary(hello).done
      journal.note('go on')
      return [await done, late]
    },
    byChance: ['shut down'],
    shows: { client: { 1: { 0: ['answer', { error: { code: 14 } }] } } },
  })

  sameOnBoth('says GOAWAY without an error', {
    handlers: patient,
    run: async ({ server, connectRaw, journal }) => {
      const raw = connectRaw()
      const call = raw.start(equalityService.unary.path)
      call.stream.end(frame(hello))
      await journal.heard('called')
      const goaway = once(raw.session, 'goaway')
      shutDown(server, journal)
      const [code] = (await goaway) as [number]
      journal.note('go on')
      return [code, await call.done]
    },
    byChance: ['shut down'],
    shows: { client: { 0: 0, 1: { trailers: { 'grpc-status': '0' } } } },
  })

  sameOnBoth('after it a server cannot be bound', {
    handlers: patient,
    run: async ({ server, journal }) => {
      shutDown(server, journal)
      await journal.heard('shut down')
      try {
        server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), () => {
          journal.note('bound')
        })
        return 'bound'
      } catch {
        return 'refused'
      }
    },
    shows: { client: 'refused' },
  })

  sameOnBoth('may be called twice', {
    handlers: patient,
    run: async ({ server, journal }) => {
      shutDown(server, journal)
      shutDown(server, journal)
      await journal.heard('shut down', 2)
      return 'done'
    },
    shows: { client: 'done' },
  })
})

describe('forceShutdown', () => {
  sameOnBoth('cuts open calls', {
    handlers: patient,
    run: async ({ server, caller, journal: handler }) => {
      const { call, journal, done } = caller.bidi()
      call.write(hello)
      await journal.heard('message')
      server.forceShutdown()
      const seen = await done
      await handler.heard('close')
      return seen
    },
    shows: { client: { 1: ['message', 'hello'] } },
  })

  sameOnBoth('cuts unary calls', {
    handlers: patient,
    run: async ({ server, caller, journal }) => {
      const { done } = caller.unary(hello)
      await journal.heard('called')
      server.forceShutdown()
      return await done
    },
    shows: { client: { 0: ['answer', { error: {} }] } },
  })

  sameOnBoth('makes tryShutdown call back', {
    handlers: patient,
    run: async ({ server, caller, journal }) => {
      const { done } = caller.unary(hello)
      await journal.heard('called')
      shutDown(server, journal)
      server.forceShutdown()
      const seen = await done
      await journal.heard('shut down')
      return seen
    },
    shows: { handler: ['called', 'shut down'] },
  })
})

describe('a connection that was injected', () => {
  /** Listens for the server. */
  async function inject({ server, connect: connectClient }: World) {
    const injector = server.createConnectionInjector(ServerCredentials.createInsecure())
    const listener = createServer((socket) => {
      injector.injectConnection(socket)
    })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const client = connectClient({}, port)
    const close = (): void => {
      listener.close()
    }
    return { injector, port, client, caller: new Caller(client, port), close }
  }

  sameOnBoth('has calls', {
    handlers: patient,
    run: async (world) => {
      const { caller, close } = await inject(world)
      const { journal } = world
      journal.note('go on')
      const seen = await caller.unary(hello).done
      close()
      return seen
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] } },
  })

  sameOnBoth('lets its calls finish when it is drained', {
    handlers: patient,
    run: async (world) => {
      const { injector, client, caller, close } = await inject(world)
      const { journal } = world
      const { done } = caller.unary(hello)
      await journal.heard('called')
      injector.drain(60_000)
      await disconnected(client)
      journal.note('go on')
      const seen = await done
      close()
      return seen
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] } },
  })

  sameOnBoth('is cut when it is drained and the time for that is over', {
    handlers: patient,
    run: async (world) => {
      const { injector, caller, close } = await inject(world)
      const { journal } = world
      const { done } = caller.unary(hello)
      await journal.heard('called')
      injector.drain(50)
      const seen = await done
      close()
      return seen
    },
    shows: { client: { 0: ['answer', { error: {} }] } },
  })

  sameOnBoth('is served, too, when others were drained before', {
    handlers: patient,
    run: async (world) => {
      const { injector, caller, close } = await inject(world)
      const { journal } = world
      injector.drain(60_000)
      journal.note('go on')
      const seen = await caller.unary(hello).done
      close()
      return seen
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] } },
  })

  sameOnBoth('has no calls when it says something else', {
    handlers: patient,
    run: async (world) => {
      const { port, close } = await inject(world)
      const socket = connect(port, '127.0.0.1')
      socket.resume()
      socket.end('not HTTP/2 at all, but long enough to be sure of it\r\n\r\n')
      await once(socket, 'close')
      close()
      return 'closed'
    },
    shows: { client: 'closed' },
  })
})
