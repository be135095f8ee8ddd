import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Metadata } from '@grpc/grpc-js'
import { describe } from 'vitest'
import type { Journal } from './support/journal.ts'
import { sameOnBoth } from './support/scenario.ts'
import { equalityService, type Handlers } from './support/service.ts'

const hello = Buffer.from('hello')

const echo = (journal: Journal): Handlers => ({
  bidi: (call) => {
    call.on('data', (message: Buffer) => call.write(message))
    call.on('end', () => {
      journal.note('end')
      call.end()
    })
  },
})

describe('a stream both ways', () => {
  sameOnBoth('plays ping-pong', {
    handlers: echo,
    run: async ({ caller }) => {
      const { call, journal, done } = caller.bidi()
      for (let at = 1; at <= 50; at++) {
        call.write(Buffer.from(`ping ${at}`))
        await journal.heard('message', at)
      }
      call.end()
      return await done
    },
    shows: { client: { length: 53, 50: ['message', 'ping 50'] }, handler: ['end'] },
  })

  sameOnBoth('may have no messages', {
    handlers: echo,
    run: ({ caller }) => {
      const { call, done } = caller.bidi()
      call.end()
      return done
    },
    shows: { client: [['status', { code: 0 }], 'end'], handler: ['end'] },
  })

  sameOnBoth('goes on after its client has half closed', {
    handlers: (journal) => ({
      bidi: (call) => {
        call.resume()
        call.on('end', () => {
          journal.note('end')
          for (let at = 0; at < 10; at++) call.write(Buffer.from(`after ${at}`))
          const trailing = new Metadata()
          trailing.set('trailing', 'yes')
          call.end(trailing)
        })
      },
    }),
    run: ({ caller }) => {
      const { call, done } = caller.bidi()
      call.write(hello)
      call.end()
      return done
    },
    shows: { client: { length: 13, 11: ['status', { metadata: { trailing: ['yes'] } }] } },
  })

  sameOnBoth('ends when its server ends first', {
    handlers: (journal) => ({
      bidi: (call) => {
        call.once('data', (message: Buffer) => {
          journal.note('message')
          call.write(message)
          call.end()
        })
        call.on('cancelled', () => {
          journal.note('cancelled', call.cancelled)
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.bidi()
      call.write(hello)
      const seen = await done
      await journal.heard('cancelled')
      return seen
    },
    shows: { client: { length: 4, 2: ['status', { code: 0 }] } },
  })

  sameOnBoth('that its handler ends at once', {
    handlers: () => ({ bidi: (call) => void call.end() }),
    run: ({ caller }) => caller.bidi().done,
    shows: { client: [['status', { code: 0 }], 'end'] },
  })

  sameOnBoth('speaks before it listens', {
    handlers: () => ({
      bidi: (call) => {
        call.sendMetadata(new Metadata())
        call.write(Buffer.from('welcome'))
        call.on('data', (message: Buffer) => call.write(message))
        call.on('end', () => call.end())
      },
    }),
    run: async ({ caller }) => {
      const { call, journal, done } = caller.bidi()
      await journal.heard('message')
      call.end(hello)
      return await done
    },
    shows: { client: { 1: ['message', 'welcome'], 2: ['message', 'hello'] } },
  })

  sameOnBoth('echoes 10,000 messages in order', {
    handlers: echo,
    run: async ({ caller }) => {
      const { call, done } = caller.bidi()
      for (let at = 0; at < 10_000; at++) call.write(Buffer.from(`message ${at}`))
      call.end()
      return await done
    },
    shows: { client: { length: 10_003, 10_000: ['message', 'message 9999'] }, handler: ['end'] },
  })

  sameOnBoth('fails after messages with its status and metadata', {
    handlers: () => ({
      bidi: (call) => {
        call.on('data', (message: Buffer) => {
          call.write(message)
          const metadata = new Metadata()
          metadata.set('why', 'so')
          call.emit('error', { code: 9, details: 'enough', metadata })
        })
      },
    }),
    run: ({ caller }) => {
      const { call, done } = caller.bidi()
      call.write(hello)
      return done
    },
    shows: { client: { 2: ['error', { code: 9, metadata: { why: ['so'] } }] } },
  })

  sameOnBoth('whose handler throws is UNKNOWN', {
    handlers: () => ({
      bidi: () => {
        throw new Error('thrown')
      },
    }),
    run: ({ caller }) => caller.bidi().done,
    shows: { client: { 0: ['error', { code: 2, details: 'Unknown error' }] } },
  })

  sameOnBoth('whose request cannot be read is INTERNAL', {
    addServices: (server) => {
      const failing = (): never => {
        throw new Error('codec')
      }
      const definition = { bidi: { ...equalityService.bidi, requestDeserialize: failing } }
      server.addService(definition, { bidi: ((call: { resume(): void }) => call.resume()) as never })
    },
    run: ({ caller }) => {
      const { call, done } = caller.bidi()
      call.write(hello)
      return done
    },
    shows: { client: { 0: ['error', { code: 13, details: 'Error deserializing request' }] } },
  })

  sameOnBoth('that is read with `for await` is answered meanwhile', {
    handlers: (journal) => ({
      bidi: (call) => {
        void (async () => {
          for await (const message of call.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
            journal.note('message', message.toString())
            call.write(message)
          }
          call.end()
        })()
      },
    }),
    run: async ({ caller }) => {
      const { call, done } = caller.bidi()
      call.write(Buffer.from('one'))
      call.write(Buffer.from('two'))
      call.end()
      return await done
    },
    shows: { client: { 1: ['message', 'one'], 2: ['message', 'two'], 3: ['status', { code: 0 }] } },
  })

  sameOnBoth('carries both directions at their own speed', {
    handlers: (journal) => ({
      bidi: (call) => {
        const hash = createHash('sha256')
        let bytes = 0
        call.on('data', (message: Buffer) => {
          hash.update(message)
          bytes += message.length
          // Slower than its client.
          call.pause()
          setImmediate(() => call.resume())
        })
        call.on('end', () => {
          journal.note('received', [bytes, hash.digest('hex')])
        })
        void (async () => {
          for (let at = 0; at < 400; at++) {
            if (!call.write(Buffer.alloc(10_000, at % 251))) await once(call, 'drain')
          }
          await journal.heard('received')
          call.end()
        })()
      },
    }),
    run: async ({ client }) => {
      const { path, requestSerialize, responseDeserialize } = equalityService.bidi
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
      const hash = createHash('sha256')
      let bytes = 0
      call.on('data', (message: Buffer) => {
        hash.update(message)
        bytes += message.length
      })
      const over = Promise.all([once(call, 'status'), once(call, 'end')])
      for (let at = 0; at < 200; at++) {
        if (!call.write(Buffer.alloc(30_000, at % 249))) await once(call, 'drain')
      }
      call.end()
      const [[status]] = (await over) as [[{ code: number }], unknown]
      return { bytes, digest: hash.digest('hex'), code: status.code }
    },
    shows: { client: { bytes: 4_000_000, code: 0 }, handler: { length: 1 } },
  })

  sameOnBoth('holds its client back while its handler has paused', {
    handlers: (journal) => ({
      unary: (call, callback) => callback(null, call.request),
      bidi: (call) => {
        let bytes = 0
        call.on('data', (message: Buffer) => {
          bytes += message.length
          if (journal.count('paused') > 0) return
          call.pause()
          journal.note('paused')
          void journal.heard('resume').then(() => call.resume())
        })
        call.on('end', () => {
          journal.note('received', bytes)
          call.end()
        })
      },
    }),
    run: async ({ caller, journal }) => {
      const { call, done } = caller.bidi()
      let written = 0
      let drains = 0
      call.on('drain', () => drains++)
      let isHeldBack = false
      // Until no more is taken, although other calls come through: how much fits into windows and buffers is
      // another matter.
      while (!isHeldBack && written < 2_000) {
        written++
        if (call.write(Buffer.alloc(65_536))) continue
        const before = drains
        for (let turn = 0; turn < 20 && drains === before; turn++) await caller.unary(hello).done
        isHeldBack = drains === before
      }
      journal.note('resume')
      call.end()
      const seen = await done
      const [, received] = journal.entries.pop() as [string, number]
      return { isHeldBack, isComplete: received === written * 65_536, seen }
    },
    shows: { client: { isHeldBack: true, isComplete: true }, handler: ['paused', 'resume'] },
  })
})
