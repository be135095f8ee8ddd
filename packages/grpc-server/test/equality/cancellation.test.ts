import { constants } from 'node:http2'
import { status } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { openHandlers, phases } from './support/phases.ts'
import { frame } from './support/raw-connection.ts'
import { differsOnPurpose, sameOnBoth } from './support/scenario.ts'
import { equalityService } from './support/service.ts'
import { watch } from './support/watch.ts'

const hello = Buffer.from('hello')

describe('a client cancels', () => {
  for (const { name, closes, reach } of phases) {
    sameOnBoth(name, {
      handlers: openHandlers,
      run: async (world) => {
        const { call, done } = await reach(world)
        call.cancel()
        const seen = await done
        await world.journal.heard('cancelled')
        if (closes) await world.journal.heard('close')
        return seen
      },
      shows: {},
    })
  }

  sameOnBoth('a call whose request is not complete: its handler is not called', {
    handlers: openHandlers,
    run: async ({ connectRaw, caller, journal }) => {
      const { stream, done } = connectRaw().start(equalityService.unary.path)
      stream.write(frame(hello).subarray(0, 7))
      // A later call on another connection: what came before it is there.
      const marker = caller.unary(Buffer.from('marker'))
      await journal.heard('called')
      stream.close(constants.NGHTTP2_CANCEL)
      const answer = await done
      marker.call.cancel()
      await journal.heard('cancelled')
      return answer
    },
    shows: { client: { resetCode: 8 }, handler: { 0: ['called', 'marker'] } },
  })

  sameOnBoth('a call by closing its connection', {
    handlers: openHandlers,
    run: async ({ connectRaw, journal }) => {
      const raw = connectRaw()
      const unary = raw.start(equalityService.unary.path)
      unary.stream.end(frame(hello))
      await journal.heard('called')
      raw.close()
      await unary.done
      await journal.heard('cancelled')
      return 'closed'
    },
    shows: {
      handler: [
        ['called', 'hello'],
        ['cancelled', ['cancelled', true]],
      ],
    },
  })

  differsOnPurpose('many calls at once by closing its connection', {
    because: 'requests that were cut off have not come to their end',
    handlers: openHandlers,
    run: async ({ connectRaw, journal }) => {
      const raw = connectRaw()
      const calls = Array.from({ length: 20 }, () => raw.start(equalityService.bidi.path))
      await journal.heard('called', 20)
      raw.close()
      await Promise.all(calls.map(({ done }) => done))
      await journal.heard('close', 20)
      return ['called', 'end', 'cancelled', 'close', 'error'].map((event) => [event, journal.count(event)])
    },
    // Which call hears of it first is not defined: events are counted.
    byChance: ['called', 'end', 'cancelled', 'close', 'error'],
    shows: { client: { 1: ['end', 20], 2: ['cancelled', 20] } },
    ours: { client: { 1: ['end', 0], 2: ['cancelled', 20] } },
  })
})

describe('a handler learns that its call is over', () => {
  sameOnBoth('once a unary call was answered', {
    handlers: (journal) => ({
      unary: (call, callback) => {
        watch(call, journal)
        callback(null, call.request)
      },
    }),
    run: async ({ caller, journal }) => {
      const seen = await caller.unary(hello).done
      await journal.heard('cancelled')
      return seen
    },
    shows: { handler: [['cancelled', ['cancelled', true]]] },
  })

  sameOnBoth('once a unary call has failed', {
    handlers: (journal) => ({
      unary: (call, callback) => {
        watch(call, journal)
        callback({ code: status.NOT_FOUND })
      },
    }),
    run: async ({ caller, journal }) => {
      const seen = await caller.unary(hello).done
      await journal.heard('cancelled')
      return seen
    },
    shows: { handler: [['cancelled', ['cancelled', true]]] },
  })

  sameOnBoth('once a stream of requests was answered', {
    handlers: (journal) => ({
      clientStream: (call, callback) => {
        watch(call, journal)
        call.on('data', () => {
          journal.note('message')
        })
        call.on('end', () => {
          callback(null, hello)
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.clientStream()
      call.end(hello)
      const seen = await done
      await journal.heard('close')
      await journal.heard('cancelled')
      return seen
    },
    shows: { client: { 2: ['status', { code: 0 }] } },
  })

  sameOnBoth('once a stream of responses has ended', {
    handlers: (journal) => ({
      serverStream: (call) => {
        watch(call, journal)
        call.write(hello)
        call.end()
      },
    }),
    run: async ({ caller, journal }) => {
      const seen = await caller.serverStream(hello).done
      await journal.heard('close')
      await journal.heard('cancelled')
      return seen
    },
    shows: { client: { length: 4, 2: ['status', { code: 0 }], 3: 'end' } },
  })

  sameOnBoth('once a stream both ways has ended', {
    handlers: (journal) => ({
      bidi: (call) => {
        watch(call, journal)
        call.on('data', (message: Buffer) => call.write(message))
        call.on('end', () => {
          journal.note('end')
          call.end()
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.bidi()
      call.end(hello)
      const seen = await done
      await journal.heard('close')
      await journal.heard('cancelled')
      return seen
    },
    shows: { client: { length: 4, 2: ['status', { code: 0 }], 3: 'end' } },
  })

  sameOnBoth('and what it still writes is dropped without an error', {
    handlers: (journal) => ({
      serverStream: (call) => {
        watch(call, journal)
        journal.note('called')
        call.on('cancelled', () => {
          call.write(hello)
          call.end()
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.serverStream(hello)
      await journal.heard('called')
      call.cancel()
      const seen = await done
      await journal.heard('close')
      return seen
    },
    shows: { client: {}, handler: { 0: 'called' } },
  })
})
