import {
  Metadata,
  ResponderBuilder,
  type ServerInterceptor,
  ServerInterceptingCall,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js'
import { describe } from 'vitest'
import type { Entry, Journal } from './support/journal.ts'
import { plainMetadata } from './support/plain.ts'
import { sameOnBoth, type World } from './support/scenario.ts'
import type { Handlers } from './support/service.ts'

const hello = Buffer.from('hello')

const handlers = (journal: Journal): Handlers => ({
  unary: (call, callback) => {
    journal.note('handled', [plainMetadata(call.metadata)?.['added'], call.request.toString()])
    callback(null, call.request)
  },
  bidi: (call) => {
    journal.note('handled', plainMetadata(call.metadata)?.['added'] ?? 'nothing added')
    call.on('data', (message: Buffer) => call.write(message))
    call.on('end', () => call.end())
  },
})

async function callBoth({ caller }: World): Promise<readonly (readonly Entry[])[]> {
  const unary = await caller.unary(hello).done
  const { call, done } = caller.bidi()
  call.write(hello)
  call.write(hello)
  call.end()
  return [unary, await done]
}

/** Writes down all that passes, under its name. */
const noting =
  (name: string, journal: Journal): ServerInterceptor =>
  (method, call) =>
    new ServerInterceptingCall(
      call,
      new ResponderBuilder()
        .withStart((next) => {
          journal.note(`${name} start`, [method.path, method.requestStream, method.responseStream])
          next(
            new ServerListenerBuilder()
              .withOnReceiveMetadata((metadata, pass) => {
                journal.note(`${name} receives metadata`, plainMetadata(metadata))
                pass(metadata)
              })
              .withOnReceiveMessage((message: Buffer, pass) => {
                journal.note(`${name} receives`, message.toString())
                pass(message)
              })
              .withOnReceiveHalfClose((pass) => {
                journal.note(`${name} receives half close`)
                pass()
              })
              .withOnCancel(() => {
                journal.note(`${name} is over`)
              })
              .build(),
          )
        })
        .withSendMetadata((metadata, next) => {
          journal.note(`${name} sends metadata`, plainMetadata(metadata))
          next(metadata)
        })
        .withSendMessage((message: Buffer, next) => {
          journal.note(`${name} sends`, message.toString())
          next(message)
        })
        .withSendStatus((sent, next) => {
          journal.note(`${name} sends status`, [sent.code, sent.details])
          next(sent)
        })
        .build(),
    )

const addingMetadata: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(
    call,
    new ResponderBuilder()
      .withStart((next) => {
        next(
          new ServerListenerBuilder()
            .withOnReceiveMetadata((metadata, pass) => {
              metadata.set('added', 'to the request')
              pass(metadata)
            })
            .build(),
        )
      })
      .withSendMetadata((metadata, next) => {
        metadata.set('added', 'to the response')
        next(metadata)
      })
      .withSendStatus((sent, next) => {
        const metadata = sent.metadata?.clone() ?? new Metadata()
        metadata.set('added', 'to the trailers')
        next({ ...sent, metadata })
      })
      .build(),
  )

const refusing: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(
    call,
    new ResponderBuilder()
      .withStart((next) => {
        next(
          new ServerListenerBuilder()
            .withOnReceiveMetadata(() => {
              call.sendStatus({ code: status.PERMISSION_DENIED, details: 'not you' })
            })
            .build(),
        )
      })
      .build(),
  )

/** Turns what comes and what goes into capitals, later. */
const shouting: ServerInterceptor = (_method, call) =>
  new ServerInterceptingCall(
    call,
    new ResponderBuilder()
      .withStart((next) => {
        next(
          new ServerListenerBuilder()
            .withOnReceiveMessage((message: Buffer, pass) => {
              setImmediate(() => {
                pass(Buffer.from(`${message.toString().toUpperCase()}?`))
              })
            })
            .build(),
        )
      })
      .withSendMessage((message: Buffer, next) => {
        setImmediate(() => {
          next(Buffer.from(`${message.toString()}!`))
        })
      })
      .build(),
  )

describe('an interceptor', () => {
  sameOnBoth('sees all that passes', {
    serverOptions: (journal) => ({ interceptors: [noting('it', journal)] }),
    handlers,
    run: async (world) => {
      const unary = await world.caller.unary(hello).done
      await world.journal.heard('it is over')
      const { call, journal, done } = world.caller.bidi()
      call.write(hello)
      await journal.heard('message')
      call.end()
      const bidi = await done
      await world.journal.heard('it is over', 2)
      return [unary, bidi]
    },
    shows: { handler: { 0: ['it start', ['/test.Equality/Unary', false, false]] } },
  })

  sameOnBoth('stands in a row: the first one is nearest to the wire', {
    serverOptions: (journal) => ({ interceptors: [noting('first', journal), noting('second', journal)] }),
    handlers,
    run: async ({ caller, journal }) => {
      const seen = await caller.unary(hello).done
      await journal.heard('second is over')
      return seen
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] } },
  })

  sameOnBoth('adds metadata', {
    serverOptions: () => ({ interceptors: [addingMetadata] }),
    handlers,
    run: callBoth,
    shows: {
      client: { 0: { 0: ['metadata', { added: ['to the response'] }] } },
      handler: { 0: ['handled', [['to the request'], 'hello']] },
    },
  })

  sameOnBoth('refuses calls before their handlers know of them', {
    serverOptions: () => ({ interceptors: [refusing] }),
    handlers,
    run: callBoth,
    shows: { client: { 0: { 0: ['answer', { error: { code: 7, details: 'not you' } }] } }, handler: [] },
  })

  sameOnBoth('changes messages', {
    serverOptions: () => ({ interceptors: [shouting] }),
    handlers,
    run: callBoth,
    shows: { client: { 0: { 1: ['answer', { value: 'HELLO?!' }] } } },
  })

  sameOnBoth('works with others', {
    serverOptions: (journal) => ({
      interceptors: [addingMetadata, noting('outer', journal), shouting, noting('inner', journal)],
    }),
    handlers,
    run: async ({ caller, journal }) => {
      const seen = await caller.unary(hello).done
      await journal.heard('inner is over')
      return seen
    },
    shows: { client: { 1: ['answer', { value: 'HELLO?!' }] } },
  })

  sameOnBoth('learns of a cancelled call', {
    serverOptions: (journal) => ({ interceptors: [noting('it', journal)] }),
    handlers: (journal) => ({
      unary: (call) => {
        journal.note('called')
        call.on('cancelled', () => {
          journal.note('cancelled')
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.unary(hello)
      await journal.heard('called')
      call.cancel()
      const seen = await done
      await journal.heard('cancelled')
      return seen
    },
    shows: {},
  })

  sameOnBoth('is not asked about methods that do not exist', {
    serverOptions: (journal) => ({ interceptors: [noting('it', journal)] }),
    handlers,
    run: ({ caller }) => caller.unary(hello, { path: '/test.Equality/Nothing' }).done,
    shows: { client: { 0: ['answer', { error: { code: 12 } }] }, handler: [] },
  })

  sameOnBoth('sees failures of handlers', {
    serverOptions: (journal) => ({ interceptors: [noting('it', journal)] }),
    handlers: () => ({ bidi: (call) => void call.emit('error', { code: 5, details: 'gone' }) }),
    run: async ({ caller, journal }) => {
      const seen = await caller.bidi().done
      await journal.heard('it is over')
      return seen
    },
    shows: { client: { 0: ['error', { code: 5, details: 'gone' }] } },
  })

  sameOnBoth('turns a failure into another one', {
    serverOptions: () => ({
      interceptors: [
        (_method, call) =>
          new ServerInterceptingCall(call, {
            sendStatus: (sent, next) => {
              next({ ...sent, code: status.ABORTED, details: `${sent.details}, instead` })
            },
          }),
      ],
    }),
    handlers: () => ({ unary: (_call, callback) => callback({ code: status.NOT_FOUND, details: 'gone' }) }),
    run: ({ caller }) => caller.unary(hello).done,
    shows: { client: { 0: ['answer', { error: { code: 10, details: 'gone, instead' } }] } },
  })

  sameOnBoth('knows peer, host, deadline and connection', {
    serverOptions: (journal) => ({
      interceptors: [
        (_method, call) => {
          const { localAddress, localPort, remoteAddress, remotePort } = call.getConnectionInfo()
          journal.note('connection', {
            peer: call.getPeer().replace(/\d+$/, 'PORT'),
            host: call.getHost().replace(/\d+$/, 'PORT'),
            deadline: call.getDeadline(),
            authContext: call.getAuthContext(),
            addresses: [localAddress, typeof localPort, remoteAddress, typeof remotePort],
          })
          return new ServerInterceptingCall(call)
        },
      ],
    }),
    handlers,
    run: ({ caller }) => caller.unary(hello).done,
    shows: { handler: { 0: ['connection', { peer: '127.0.0.1:PORT' }] } },
  })
})
