import { once } from 'node:events'
import { describe } from 'vitest'
import { Caller } from './support/caller.ts'
import { disconnected } from './support/disconnected.ts'
import type { Journal } from './support/journal.ts'
import { createProxy } from './support/proxy.ts'
import { frame } from './support/raw-connection.ts'
import { sameOnBoth } from './support/scenario.ts'
import { equalityService, type Handlers } from './support/service.ts'

const hello = Buffer.from('hello')

/** Notes which connection a call came by; the first call waits for `go on`. */
function byConnection(journal: Journal): Handlers {
  const peers: string[] = []
  return {
    unary: (call, callback) => {
      const peer = call.getPeer()
      if (!peers.includes(peer)) peers.push(peer)
      journal.note('called', `connection ${peers.indexOf(peer)}`)
      if (call.request.toString() !== 'wait') callback(null, call.request)
      else {
        void journal.heard('go on').then(() => {
          callback(null, call.request)
        })
      }
    },
  }
}

// Side by side, since most of them wait.
describe.concurrent('a ping', () => {
  sameOnBoth('of a client is answered with its payload', {
    handlers: byConnection,
    run: async ({ connectRaw }) => {
      const { session } = connectRaw()
      await once(session, 'connect')
      return await new Promise((resolve) => {
        session.ping(Buffer.from('8 bytes!'), (error: Error | null, _duration, payload) => {
          resolve(error?.message ?? payload.toString())
        })
      })
    },
    shows: { client: '8 bytes!' },
  })

  sameOnBoth('of a client that keeps its connection alive is answered while a call is open', {
    serverOptions: () => ({ 'grpc.max_connection_idle_ms': 1_500 }),
    clientOptions: { 'grpc.keepalive_time_ms': 50, 'grpc.keepalive_timeout_ms': 1_000 },
    handlers: byConnection,
    run: async ({ caller, connectRaw, journal }) => {
      const { done } = caller.unary(Buffer.from('wait'))
      await journal.heard('called')
      // Another connection, without calls, was closed: time enough for several pings has passed.
      await once(connectRaw().session, 'goaway')
      journal.note('go on')
      return await done
    },
    shows: { client: { 1: ['answer', { value: 'wait' }] } },
  })

  sameOnBoth('of the server comes to a client', {
    serverOptions: () => ({ 'grpc.keepalive_time_ms': 50 }),
    handlers: byConnection,
    run: async ({ connectRaw }) => {
      const { session } = connectRaw()
      await once(session, 'ping')
      await once(session, 'ping')
      return session.closed
    },
    shows: { client: false },
  })

  sameOnBoth('of the server that nobody answers ends the connection and its calls', {
    serverOptions: () => ({ 'grpc.keepalive_time_ms': 100, 'grpc.keepalive_timeout_ms': 1_000 }),
    handlers: (journal) => ({
      unary: (call) => {
        journal.note('called')
        call.on('cancelled', () => {
          journal.note('cancelled', call.cancelled)
        })
      },
    }),
    run: async ({ port, connect, journal }) => {
      const proxy = await createProxy(port)
      const { call, done } = new Caller(connect({}, proxy.port), proxy.port).unary(hello)
      await journal.heard('called')
      proxy.freeze()
      await journal.heard('cancelled')
      call.cancel()
      await done
      proxy.close()
      return 'cut'
    },
    shows: { handler: ['called', ['cancelled', true]] },
  })
})

describe.concurrent('a connection of some age', () => {
  sameOnBoth('is drained: its calls finish, and new ones take another connection', {
    serverOptions: () => ({ 'grpc.max_connection_age_ms': 200, 'grpc.max_connection_age_grace_ms': 60_000 }),
    handlers: byConnection,
    run: async ({ client, caller, journal }) => {
      const { done } = caller.unary(Buffer.from('wait'))
      await journal.heard('called')
      await disconnected(client)
      const next = await caller.unary(hello).done
      journal.note('go on')
      return [next, await done]
    },
    shows: {
      client: { 1: { 1: ['answer', { value: 'wait' }] } },
      handler: [['called', 'connection 0'], ['called', 'connection 1'], 'go on'],
    },
  })

  sameOnBoth('is told to go away with a reason', {
    serverOptions: () => ({ 'grpc.max_connection_age_ms': 100 }),
    handlers: byConnection,
    run: async ({ connectRaw }) => {
      const { session } = connectRaw()
      const [code, lastStream, reason] = (await once(session, 'goaway')) as [
        number,
        number,
        Buffer | undefined,
      ]
      return [code, lastStream, Buffer.from(reason ?? []).toString()]
    },
    shows: { client: [0, 2 ** 31 - 1, 'max_age'] },
  })

  sameOnBoth('is cut with its calls when they take too long', {
    serverOptions: () => ({ 'grpc.max_connection_age_ms': 100, 'grpc.max_connection_age_grace_ms': 100 }),
    handlers: (journal) => ({
      bidi: (call) => {
        call.resume()
        call.on('cancelled', () => {
          journal.note('cancelled', call.cancelled)
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const seen = await caller.bidi().done
      await journal.heard('cancelled')
      return seen
    },
    shows: { handler: [['cancelled', true]] },
  })

  sameOnBoth('without calls is closed when it has been idle for long', {
    serverOptions: () => ({ 'grpc.max_connection_idle_ms': 100 }),
    handlers: byConnection,
    run: async ({ connectRaw }) => {
      const raw = connectRaw()
      const answer = await raw.call(equalityService.unary.path, frame(hello))
      const goaway = raw.session.closed ? [0] : ((await once(raw.session, 'goaway')) as [number])
      return [answer, goaway[0]]
    },
    shows: { client: { 1: 0 } },
  })

  sameOnBoth('with a call is not idle', {
    serverOptions: () => ({ 'grpc.max_connection_idle_ms': 50 }),
    handlers: byConnection,
    run: async ({ caller, connectRaw, journal }) => {
      const { done } = caller.unary(Buffer.from('wait'))
      await journal.heard('called')
      // Another connection, without calls, was closed: so much time has passed.
      await once(connectRaw().session, 'goaway')
      journal.note('go on')
      return await done
    },
    shows: { client: { 1: ['answer', { value: 'wait' }] } },
  })
})
