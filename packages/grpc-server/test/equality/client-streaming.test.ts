import { randomBytes } from 'node:crypto'
import { Metadata, status } from '@grpc/grpc-js'
import { describe } from 'vitest'
import type { Journal } from './support/journal.ts'
import { plainBytes } from './support/plain.ts'
import { sameOnBoth } from './support/scenario.ts'
import type { Handlers } from './support/service.ts'

const hello = Buffer.from('hello')

const collect = (journal: Journal): Handlers => ({
  clientStream: (call, callback) => {
    call.on('data', (message: Buffer) => {
      journal.note('message', plainBytes(message))
    })
    call.on('end', () => {
      callback(null, hello)
    })
  },
})

describe('a stream of requests', () => {
  sameOnBoth('is answered after its messages', {
    handlers: collect,
    run: ({ caller }) => {
      const { call, done } = caller.clientStream()
      for (let at = 0; at < 100; at++) call.write(Buffer.from(`message ${at}`))
      call.end()
      return done
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: { length: 100 } },
  })

  sameOnBoth('may have empty and large messages', {
    handlers: collect,
    run: ({ caller }) => {
      const { call, done } = caller.clientStream()
      for (const length of [0, 1, 16_379, 16_384, 65_535, 3 * 2 ** 20, 0]) call.write(Buffer.alloc(length, 7))
      call.end()
      return done
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: { length: 7 } },
  })

  sameOnBoth('may have no messages', {
    handlers: collect,
    run: ({ caller }) => {
      const { call, done } = caller.clientStream()
      call.end()
      return done
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: [] },
  })

  sameOnBoth('is answered with metadata', {
    handlers: () => ({
      clientStream: (call, callback) => {
        const initial = new Metadata()
        initial.set('initial', 'yes')
        call.sendMetadata(initial)
        call.resume()
        call.on('end', () => {
          const trailing = new Metadata()
          trailing.set('trailing', 'yes')
          callback(null, hello, trailing)
        })
      },
    }),
    run: ({ caller }) => {
      const { call, done } = caller.clientStream()
      call.end()
      return done
    },
    shows: { client: { 0: ['metadata', { initial: ['yes'] }] } },
  })

  sameOnBoth('that is read with `for await` ends', {
    handlers: (journal) => ({
      clientStream: (call, callback) => {
        void (async () => {
          for await (const message of call as AsyncIterable<Buffer>)
            journal.note('message', plainBytes(message))
          callback(null, hello)
        })()
      },
    }),
    run: ({ caller }) => {
      const { call, done } = caller.clientStream()
      for (let at = 0; at < 20; at++) call.write(randomBytes(0))
      call.end()
      return done
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: { length: 20 } },
  })

  for (const outcome of ['ends', 'fails'] as const) {
    sameOnBoth(`that is read with \`for await\` and cancelled ${outcome} alike`, {
      handlers: (journal) => ({
        clientStream: (call, callback) => {
          void (async () => {
            try {
              for await (const message of call as AsyncIterable<Buffer>) {
                journal.note('message', message.toString())
              }
              journal.note('done')
            } catch (error) {
              journal.note('done', error instanceof Error ? error.message : error)
            }
            callback(outcome === 'ends' ? null : { code: status.NOT_FOUND }, hello)
            journal.note('answered')
          })()
        },
      }),
      run: async ({ caller, journal }) => {
        const { call, done } = caller.clientStream()
        call.write(hello)
        await journal.heard('message')
        call.cancel()
        const seen = await done
        await journal.heard('answered')
        return seen
      },
      shows: { client: { 0: ['answer', { error: { code: 1 } }] } },
    })
  }

  sameOnBoth('may be answered before it ends', {
    handlers: (journal) => ({
      clientStream: (call, callback) => {
        call.once('data', () => {
          journal.note('message')
          callback(null, hello)
        })
        call.on('cancelled', () => {
          journal.note('cancelled', call.cancelled)
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.clientStream()
      call.write(hello)
      const seen = await done
      call.write(hello)
      call.end()
      await journal.heard('cancelled')
      return seen
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: ['message', ['cancelled', true]] },
  })

  sameOnBoth('may be answered before it begins', {
    handlers: () => ({ clientStream: (_call, callback) => callback(null, hello) }),
    run: ({ caller }) => caller.clientStream().done,
    shows: { client: { 1: ['answer', { value: 'hello' }] } },
  })

  sameOnBoth('may fail in the middle', {
    handlers: (journal) => ({
      clientStream: (call, callback) => {
        call.on('data', (message: Buffer) => {
          journal.note('message', message.toString())
          if (message.equals(hello)) callback({ code: status.INVALID_ARGUMENT, details: 'not that one' })
        })
      },
    }),
    run: async ({ caller }) => {
      const { call, done } = caller.clientStream()
      call.write(Buffer.from('fine'))
      call.write(hello)
      return await done
    },
    shows: { client: { 0: ['answer', { error: { code: 3 } }] }, handler: { length: 2 } },
  })

  sameOnBoth('whose handler throws is UNKNOWN', {
    handlers: () => ({
      clientStream: () => {
        throw new Error('thrown')
      },
    }),
    run: ({ caller }) => caller.clientStream().done,
    shows: { client: { 0: ['answer', { error: { code: 2, details: 'Unknown error' } }] } },
  })

  sameOnBoth('that nobody reads is held back and answered', {
    handlers: () => ({
      clientStream: (call, callback) => {
        call.on('cancelled', () => call.resume())
        setImmediate(() => {
          callback(null, hello)
        })
      },
    }),
    run: ({ caller }) => {
      const { call, done } = caller.clientStream()
      for (let at = 0; at < 10; at++) call.write(Buffer.alloc(100_000))
      return done
    },
    shows: { client: { 1: ['answer', { value: 'hello' }] } },
  })

  sameOnBoth('that nobody reads does not disturb other calls of its connection', {
    handlers: (journal) => ({
      clientStream: () => {
        journal.note('called')
      },
      unary: (call, callback) => callback(null, call.request),
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.clientStream()
      for (let at = 0; at < 40; at++) call.write(Buffer.alloc(100_000))
      await journal.heard('called')
      const seen = await caller.unary(Buffer.alloc(100_000)).done
      call.cancel()
      await done
      return seen
    },
    shows: { client: { 2: ['status', { code: 0 }] } },
  })
})
