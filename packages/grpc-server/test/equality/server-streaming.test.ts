import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Metadata, status } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { frame } from './support/raw-connection.ts'
import { differsOnPurpose, sameOnBoth } from './support/scenario.ts'
import { equalityService } from './support/service.ts'
import { watch } from './support/watch.ts'

const hello = Buffer.from('hello')

function metadataWith(key: string, value: string): Metadata {
  const metadata = new Metadata()
  metadata.set(key, value)
  return metadata
}

describe('a stream of responses', () => {
  sameOnBoth('brings its messages in order', {
    handlers: () => ({
      serverStream: (call) => {
        for (let at = 0; at < 1_000; at++) call.write(Buffer.from(`message ${at}`))
        call.end()
      },
    }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: { length: 1_003, 1: ['message', 'message 0'] } },
  })

  sameOnBoth('may have empty and large messages', {
    handlers: () => ({
      serverStream: (call) => {
        const lengths = [0, 1, 16_379, 16_384, 65_535, 3 * 2 ** 20, 0]
        for (const length of lengths) call.write(Buffer.alloc(length, 7))
        call.end()
      },
    }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: { length: 10 } },
  })

  sameOnBoth('may have no messages', {
    handlers: () => ({ serverStream: (call) => void call.end() }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: [['status', { code: 0, details: 'OK' }], 'end'] },
  })

  sameOnBoth('may have no messages, but initial and trailing metadata', {
    handlers: () => ({
      serverStream: (call) => {
        call.sendMetadata(metadataWith('initial', 'yes'))
        call.end(metadataWith('trailing', 'yes'))
      },
    }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: {
      client: [
        ['metadata', { initial: ['yes'] }],
        ['status', { code: 0, metadata: { trailing: ['yes'] } }],
        'end',
      ],
    },
  })

  sameOnBoth('may have trailing metadata after its messages', {
    handlers: () => ({
      serverStream: (call) => {
        call.write(hello)
        call.end(metadataWith('trailing', 'yes'))
      },
    }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: { 2: ['status', { metadata: { trailing: ['yes'] } }] } },
  })

  sameOnBoth('sends its initial metadata before the first message', {
    handlers: (journal) => ({
      serverStream: (call) => {
        call.sendMetadata(metadataWith('initial', 'yes'))
        void journal.heard('go on').then(() => {
          call.sendMetadata(metadataWith('late', 'no'))
          call.write(hello)
          call.end()
        })
      },
    }),
    run: async ({ caller, journal: handler }) => {
      const { journal, done } = caller.serverStream(hello)
      await journal.heard('metadata')
      handler.note('go on')
      return await done
    },
    shows: { client: { 0: ['metadata', { initial: ['yes'] }] } },
  })

  describe('that fails', () => {
    sameOnBoth('at once has a status', {
      handlers: (journal) => ({
        serverStream: (call) => {
          watch(call, journal)
          call.emit('error', { code: 5, details: 'gone', metadata: metadataWith('why', 'so') })
        },
      }),
      run: async ({ caller, journal }) => {
        const seen = await caller.serverStream(hello).done
        await journal.heard('cancelled')
        return seen
      },
      shows: { client: { 0: ['error', { code: 5, details: 'gone', metadata: { why: ['so'] } }] } },
    })

    sameOnBoth('after messages has a status behind them', {
      handlers: () => ({
        serverStream: (call) => {
          call.write(hello)
          call.write(hello)
          call.emit('error', { code: 5, details: 'gone', metadata: metadataWith('why', 'so') })
        },
      }),
      run: ({ caller }) => caller.serverStream(hello).done,
      shows: { client: { 3: ['error', { code: 5, details: 'gone', metadata: { why: ['so'] } }] } },
    })

    sameOnBoth('with an Error without a code is UNKNOWN', {
      handlers: () => ({ serverStream: (call) => void call.emit('error', new Error('broken')) }),
      run: ({ caller }) => caller.serverStream(hello).done,
      shows: { client: { 0: ['error', { code: 2, details: 'broken' }] } },
    })

    sameOnBoth('and has trailing metadata keeps it', {
      handlers: () => ({
        serverStream: (call) => {
          call.emit('error', { code: 5, details: 'gone' })
          call.end(metadataWith('trailing', 'yes'))
        },
      }),
      run: ({ caller }) => caller.serverStream(hello).done,
      shows: { client: { 0: ['error', { code: 5 }] } },
    })

    sameOnBoth('twice has the first status or the last, but the same', {
      handlers: () => ({
        serverStream: (call) => {
          call.emit('error', { code: 5, details: 'first' })
          call.emit('error', { code: 6, details: 'second' })
        },
      }),
      run: ({ caller }) => caller.serverStream(hello).done,
      shows: { client: { 0: ['error', {}] } },
    })

    sameOnBoth('since its handler throws is UNKNOWN', {
      handlers: () => ({
        serverStream: (call) => {
          call.write(hello)
          throw new Error('thrown')
        },
      }),
      run: ({ caller }) => caller.serverStream(hello).done,
      shows: { client: { 2: ['error', { code: 2, details: 'Unknown error' }] } },
    })

    sameOnBoth('since a message cannot be written is INTERNAL', {
      addServices: (server) => {
        const failing = (message: Buffer): Buffer => {
          if (message.equals(hello)) return message
          throw new Error('codec')
        }
        const definition = { serverStream: { ...equalityService.serverStream, responseSerialize: failing } }
        server.addService(definition, {
          serverStream: ((call: { write(message: Buffer): void }) => {
            call.write(hello)
            call.write(Buffer.from('cannot be written'))
            call.write(hello)
          }) as never,
        })
      },
      run: ({ caller }) => caller.serverStream(hello).done,
      shows: { client: { 1: ['message', 'hello'], 2: ['error', { code: 13 }] } },
    })

    differsOnPurpose('after its end', {
      because: 'an end is final, and not only when there was time to send it',
      handlers: () => ({
        serverStream: (call) => {
          call.write(hello)
          call.end()
          call.emit('error', { code: status.NOT_FOUND, details: 'too late' })
        },
      }),
      run: ({ caller }) => caller.serverStream(hello).done,
      shows: { client: { 2: ['error', { code: 5, details: 'too late' }] } },
      ours: { client: { 2: ['status', { code: 0 }] } },
    })

    differsOnPurpose('by destroying its call with an error', {
      because: 'its client would wait for ever',
      handlers: (journal) => ({
        serverStream: (call) => {
          call.write(hello)
          call.destroy(Object.assign(new Error('destroyed'), { code: status.NOT_FOUND }))
        },
        unary: (call, callback) => {
          journal.note('another call')
          callback(null, call.request)
        },
      }),
      run: async ({ caller }) => {
        const { call, journal, done } = caller.serverStream(hello)
        await journal.heard('metadata')
        // What the server had to say has come when a later call was answered.
        await caller.unary(hello).done
        call.cancel()
        return (await done).find(([event]) => event === 'status')
      },
      shows: { client: ['status', { code: 1, details: 'Cancelled on client' }] },
      ours: { client: ['status', { code: 5, details: 'destroyed' }] },
    })
  })

  sameOnBoth('of 64 MiB waits for a client that pauses', {
    handlers: (journal) => ({
      serverStream: (call) => {
        void (async () => {
          let refusals = 0
          for (let at = 0; at < 1_024; at++) {
            if (!call.write(Buffer.alloc(65_536, at % 251))) {
              refusals++
              await once(call, 'drain')
            }
          }
          journal.note('was held back', refusals > 0)
          call.end()
        })()
      },
    }),
    run: async ({ client }) => {
      const { path, requestSerialize, responseDeserialize } = equalityService.serverStream
      const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, hello)
      const hash = createHash('sha256')
      let messages = 0
      call.on('data', (message: Buffer) => {
        hash.update(message)
        if (++messages % 100 !== 0) return
        call.pause()
        setImmediate(() => call.resume())
      })
      const [[ended]] = (await Promise.all([once(call, 'status'), once(call, 'end')])) as [
        [{ code: number }],
        unknown,
      ]
      return { messages, digest: hash.digest('hex'), code: ended.code }
    },
    shows: { client: { messages: 1_024, code: 0 }, handler: [['was held back', true]] },
  })

  sameOnBoth('to a client that reads nothing holds its handler back', {
    handlers: (journal) => ({
      serverStream: (call) => {
        journal.note('called')
        const fill = (): void => {
          for (let at = 0; at < 1_000; at++) {
            if (call.write(Buffer.alloc(65_536))) continue
            call.once('drain', fill)
            return
          }
          journal.note('never held back')
        }
        fill()
        call.on('cancelled', () => {
          journal.note('cancelled')
        })
      },
      unary: (call, callback) => callback(null, call.request),
    }),
    run: async ({ caller, connectRaw, journal }) => {
      const { stream } = connectRaw().start(equalityService.serverStream.path)
      stream.pause()
      stream.end(frame(hello))
      await journal.heard('called')
      const seen = await caller.unary(hello).done
      stream.close()
      await journal.heard('cancelled')
      return seen
    },
    shows: { handler: ['called', 'cancelled'] },
  })
})
