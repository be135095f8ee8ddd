import { Metadata, status } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { frame } from './support/raw-connection.ts'
import { differsOnPurpose, type Scenario, sameOnBoth } from './support/scenario.ts'
import { equalityService, type Handlers, toImplementation } from './support/service.ts'

const hello = Buffer.from('hello')

describe('a unary call', () => {
  describe('whose callback is misused', () => {
    differsOnPurpose('answers twice', {
      because: 'a unary call has one response, and clients of grpc-js wait for ever after a second one',
      handlers: () => ({
        unary: (_call, callback) => {
          callback(null, hello)
          callback(null, Buffer.from('again'))
        },
      }),
      // The client of grpc-js never ends such a call.
      run: ({ connectRaw }) => connectRaw().call(equalityService.unary.path, frame(hello)),
      shows: { client: { body: '\0\0\0\0\u0005hello\0\0\0\0\u0005again' } },
      ours: { client: { body: '\0\0\0\0\u0005hello', trailers: { 'grpc-status': '0' } } },
    })

    differsOnPurpose('answers and then fails', {
      because: 'what was answered first counts, whatever was sent of it',
      handlers: () => ({
        unary: (_call, callback) => {
          callback(null, hello)
          callback({ code: status.NOT_FOUND, details: 'second thoughts' })
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 1: ['answer', { error: { code: 5 } }] } },
      ours: { client: { 1: ['answer', { value: 'hello' }] } },
    })

    sameOnBoth('fails and then answers', {
      handlers: () => ({
        unary: (_call, callback) => {
          callback({ code: status.NOT_FOUND, details: 'first' })
          callback(null, hello)
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 0: ['answer', { error: { code: 5 } }] } },
    })

    sameOnBoth('answers again after the call has ended', {
      handlers: (journal) => ({
        unary: (call, callback) => {
          call.on('cancelled', () => {
            journal.note('over', call.cancelled)
            callback(null, Buffer.from('again'))
            callback({ code: status.NOT_FOUND })
            call.sendMetadata(new Metadata())
            journal.note('nothing thrown')
          })
          callback(null, hello)
        },
      }),
      run: async ({ caller, journal }) => {
        const seen = await caller.unary(hello).done
        await journal.heard('nothing thrown')
        return { seen, next: await caller.unary(hello).done }
      },
      shows: {
        client: {
          next: [
            ['metadata', {}],
            ['answer', { value: 'hello' }],
            ['status', { code: 0 }],
          ],
        },
      },
    })

    sameOnBoth('answers with nothing', {
      handlers: () => ({ unary: (_call, callback) => callback(null) }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 0: ['answer', { error: { details: 'Error serializing response' } }] } },
    })
  })

  sameOnBoth('that its client has cancelled takes the answer of its handler and drops it', {
    handlers: (journal) => ({
      unary: (call, callback) => {
        if (call.request.toString() !== 'cancel me') {
          callback(null, call.request)
          return
        }
        journal.note('called', call.cancelled)
        call.on('cancelled', (reason) => {
          journal.note('cancelled', [call.cancelled, reason])
          callback(null, hello)
          journal.note('answered')
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const cancelled = caller.unary(Buffer.from('cancel me'))
      await journal.heard('called')
      cancelled.call.cancel()
      await journal.heard('answered')
      return [await cancelled.done, await caller.unary(hello).done]
    },
    shows: { handler: [['called', false], ['cancelled', [true, 'cancelled']], 'answered'] },
  })

  describe('of a codec that', () => {
    const failing = (): never => {
      throw new Error('codec')
    }
    const withCodec =
      (codec: object): NonNullable<Scenario['addServices']> =>
      (server, journal) => {
        const definition = { unary: { ...equalityService.unary, ...codec } }
        const unary: Handlers['unary'] = (_call, callback) => {
          journal.note('called')
          callback(null, hello)
        }
        server.addService(definition, toImplementation({ unary }))
      }

    const codecs = [
      ['fails to read the request is INTERNAL', { requestDeserialize: failing }],
      ['fails to write the response is INTERNAL', { responseSerialize: failing }],
      ['writes nothing is INTERNAL', { responseSerialize: () => undefined }],
      ['writes something else is INTERNAL', { responseSerialize: () => 'text' }],
    ] as const
    for (const [name, codec] of codecs) {
      sameOnBoth(name, {
        addServices: withCodec(codec),
        run: ({ caller }) => caller.unary(hello).done,
        shows: { client: { 0: ['answer', { error: { code: 13 } }] } },
      })
    }

    const falsehoods = [
      ['an empty text', ''],
      ['nothing', undefined],
    ] as const
    for (const [name, value] of falsehoods) {
      differsOnPurpose(`reads a request as ${name}`, {
        because: 'what counts as a request is decided by its truth',
        addServices: withCodec({ requestDeserialize: () => value }),
        run: ({ caller }) => caller.unary(hello).done,
        shows: { client: { 0: ['answer', { error: { code: 12 } }] }, handler: [] },
        ours: { client: { 1: ['answer', { value: 'hello' }] }, handler: ['called'] },
      })
    }
  })
})
