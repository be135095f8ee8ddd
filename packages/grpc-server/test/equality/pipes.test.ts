import { Readable, Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { status } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { differsOnPurpose, sameOnBoth } from './support/scenario.ts'
import { watch } from './support/watch.ts'

const hello = Buffer.from('hello')
const failure = Object.assign(new Error('broken'), { code: status.DATA_LOSS })

/** Doubles each message. */
const doubling = (): Transform =>
  new Transform({
    objectMode: true,
    transform: (message: Buffer, _encoding, done) => {
      done(null, Buffer.concat([message, message]))
    },
  })

/** The types of grpc-js do not know that its calls are streams of Node in full. */
const writable = (call: object): Writable => call as Writable

describe('as a stream of Node a call', () => {
  sameOnBoth('both ways may be piped into itself', {
    handlers: () => ({ bidi: (call) => void call.pipe(writable(call)) }),
    run: async ({ caller }) => {
      const { call, done } = caller.bidi()
      for (let at = 0; at < 100; at++) call.write(Buffer.from(`message ${at}`))
      call.end()
      return await done
    },
    shows: { client: { length: 103, 101: ['status', { code: 0 }] } },
  })

  sameOnBoth('both ways may be piped through others', {
    handlers: () => ({ bidi: (call) => void call.pipe(doubling()).pipe(writable(call)) }),
    run: async ({ caller }) => {
      const { call, done } = caller.bidi()
      call.end(hello)
      return await done
    },
    shows: { client: { 1: ['message', 'hellohello'], 2: ['status', { code: 0 }] } },
  })

  sameOnBoth('both ways may be in a pipeline with itself', {
    handlers: (journal) => ({
      bidi: (call) => {
        pipeline(call as Readable, doubling(), writable(call)).then(
          () => {
            journal.note('done')
          },
          (error: unknown) => {
            journal.note('failed', error instanceof Error ? error.message : error)
          },
        )
      },
    }),
    run: async ({ caller }) => {
      const { call, done } = caller.bidi()
      call.write(hello)
      call.end(hello)
      return await done
    },
    byChance: ['done', 'failed'],
    shows: { client: { 3: ['status', { code: 0 }] } },
  })

  sameOnBoth('of responses may be the end of a pipeline', {
    handlers: (journal) => ({
      serverStream: (call) => {
        watch(call, journal)
        void pipeline(Readable.from([hello, hello, hello]), writable(call)).then(() => {
          journal.note('done')
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const seen = await caller.serverStream(hello).done
      await journal.heard('done')
      return seen
    },
    byChance: ['close', 'cancelled', 'done', 'finish'],
    shows: { client: { 4: ['status', { code: 0 }] } },
  })

  sameOnBoth('of requests may be the start of a pipeline', {
    handlers: (journal) => ({
      clientStream: (call, callback) => {
        const parts: Buffer[] = []
        const sink = new Transform({
          objectMode: true,
          transform: (message: Buffer, _encoding, done) => {
            parts.push(message)
            done()
          },
        })
        call.pipe(sink).on('finish', () => {
          journal.note('done')
          callback(null, Buffer.concat(parts))
        })
      },
    }),
    run: async ({ caller }) => {
      const { call, done } = caller.clientStream()
      call.write(hello)
      call.end(hello)
      return await done
    },
    shows: { client: { 1: ['answer', { value: 'hellohello' }] }, handler: ['done'] },
  })

  differsOnPurpose('of responses that is written to after its end', {
    because: 'its client would wait for ever',
    handlers: () => ({
      serverStream: (call) => {
        call.write(hello)
        call.end()
        call.write(hello)
      },
      unary: (call, callback) => {
        callback(null, call.request)
      },
    }),
    run: async ({ caller }) => {
      const { call, journal, done } = caller.serverStream(hello)
      await journal.heard('message')
      // What the server had to say has come when a later call was answered.
      await caller.unary(hello).done
      call.cancel()
      return (await done).find(([event]) => event === 'status')
    },
    shows: { client: ['status', { code: 1, details: 'Cancelled on client' }] },
    ours: { client: ['status', { code: 0 }] },
  })

  sameOnBoth('of responses that is ended twice', {
    handlers: () => ({
      serverStream: (call) => {
        call.write(hello)
        call.end()
        call.end()
      },
    }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: { 2: ['status', { code: 0 }] } },
  })

  sameOnBoth('of responses that is written to after it has failed', {
    handlers: () => ({
      serverStream: (call) => {
        call.emit('error', failure)
        call.write(hello)
      },
    }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: { 0: ['error', {}] } },
  })

  sameOnBoth('calls back for each message that was written', {
    handlers: (journal) => ({
      serverStream: (call) => {
        for (let at = 0; at < 5; at++) {
          call.write(hello, () => {
            journal.note('written', at)
          })
        }
        call.once('finish', () => {
          journal.note('finish')
        })
        call.end()
      },
    }),
    run: async ({ caller, journal }) => {
      const seen = await caller.serverStream(hello).done
      await journal.heard('finish')
      return seen
    },
    shows: { handler: { 4: ['written', 4] } },
  })

  sameOnBoth('knows how far it is', {
    handlers: (journal) => ({
      bidi: (call) => {
        const note = (when: string): void => {
          const { readable, writable, readableEnded, writableEnded, destroyed } = call
          journal.note(when, { readable, writable, readableEnded, writableEnded, destroyed })
        }
        note('at first')
        call.resume()
        call.on('end', () => {
          note('after the requests')
          call.end()
          note('after the end')
        })
      },
      serverStream: (call) => {
        const { writable, writableEnded, destroyed, writableHighWaterMark, writableObjectMode } = call
        journal.note('at first', {
          writable,
          writableEnded,
          destroyed,
          writableHighWaterMark,
          writableObjectMode,
        })
        call.end()
      },
    }),
    run: async ({ caller }) => {
      const { call, done } = caller.bidi()
      call.end(hello)
      return [await done, await caller.serverStream(hello).done]
    },
    shows: { handler: { length: 4 } },
  })
})
