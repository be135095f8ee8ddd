import { describe } from 'vitest'
import type { Caller } from './support/caller.ts'
import type { Entry, Journal } from './support/journal.ts'
import { sameOnBoth } from './support/scenario.ts'
import type { Handlers } from './support/service.ts'

const handlers = (): Handlers => ({
  unary: (call, callback) => {
    setImmediate(() => {
      callback(null, call.request)
    })
  },
  clientStream: (call, callback) => {
    const parts: Buffer[] = []
    call.on('data', (message: Buffer) => parts.push(message))
    call.on('end', () => {
      callback(null, Buffer.concat(parts))
    })
  },
  serverStream: (call) => {
    for (let at = 0; at < 10; at++) call.write(call.request)
    if (call.request.readUInt8(0) % 2 === 0) call.end()
    else call.emit('error', { code: 9, details: 'odd' })
  },
  bidi: (call) => {
    call.on('data', (message: Buffer) => call.write(message))
    call.on('end', () => call.end())
  },
})

/** A call of some kind, with messages of its own. */
function make(caller: Caller, at: number): Promise<readonly Entry[]> {
  const message = Buffer.alloc(1 + at * 97, at)
  switch (at % 4) {
    case 0:
      return caller.unary(message).done
    case 1: {
      const { call, done } = caller.clientStream()
      for (let times = 0; times < 5; times++) call.write(message)
      call.end()
      return done
    }
    case 2:
      return caller.serverStream(message).done
    default: {
      const { call, done } = caller.bidi()
      for (let times = 0; times < 5; times++) call.write(message)
      call.end()
      return done
    }
  }
}

describe('on one connection', () => {
  sameOnBoth('200 calls of mixed kinds go on at the same time', {
    handlers,
    run: ({ caller }) => Promise.all(Array.from({ length: 200 }, (_, at) => make(caller, at))),
    shows: { client: { length: 200 } },
  })

  sameOnBoth('a client may use another connection meanwhile', {
    handlers: (journal: Journal) => ({
      unary: (call, callback) => {
        journal.note(call.request.toString())
        void journal.heard('second').then(() => {
          callback(null, call.request)
        })
      },
    }),
    run: async ({ caller, connectRaw, journal }) => {
      const first = caller.unary(Buffer.from('first'))
      await journal.heard('first')
      connectRaw().session.ping(() => {
        journal.note('second')
      })
      return await first.done
    },
    shows: { client: { 1: ['answer', { value: 'first' }] } },
  })

  sameOnBoth('three calls take turns when only one at a time is allowed', {
    serverOptions: () => ({ 'grpc.max_concurrent_streams': 1 }),
    handlers: (journal) => {
      let open = 0
      return {
        unary: (call, callback) => {
          open++
          setImmediate(() => {
            journal.note('open', open--)
            callback(null, call.request)
          })
        },
      }
    },
    run: async ({ client, caller }) => {
      // The client knows of that limit once it has the server's settings.
      await new Promise((resolve) => {
        client.waitForReady(Infinity, resolve)
      })
      await caller.unary(Buffer.from('settle')).done
      const calls = ['one', 'two', 'three'].map((text) => caller.unary(Buffer.from(text)).done)
      return await Promise.all(calls)
    },
    shows: { client: { length: 3 }, handler: Array.from({ length: 4 }, () => ['open', 1]) },
  })
})
