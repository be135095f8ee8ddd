import { isIP } from 'node:net'
import { Metadata, type ServerUnaryCall } from '@grpc/grpc-js'
import { describe } from 'vitest'
import type { Journal } from './support/journal.ts'
import { plainMetadata } from './support/plain.ts'
import { frame } from './support/raw-connection.ts'
import { sameOnBoth } from './support/scenario.ts'
import { equalityService, type Handlers } from './support/service.ts'

const hello = Buffer.from('hello')

type Surface = Pick<
  ServerUnaryCall<Buffer, Buffer>,
  'metadata' | 'cancelled' | 'getPath' | 'getHost' | 'getDeadline' | 'getPeer' | 'getAuthContext'
>

/** The client's port is another one each time. */
function plainPeer(peer: string): string {
  const [, address = '', port = ''] = /^(.*):(\d+)$/.exec(peer) ?? []
  return `${isIP(address) === 4 ? address : peer}:${port === '' ? 'no port' : 'PORT'}`
}

function plainDeadline(deadline: Date | number): string {
  if (deadline instanceof Date) return 'a date'
  if (deadline === Infinity) return 'never'
  return deadline > Date.now() ? 'a time to come' : 'a time that has passed'
}

function noteSurface(call: Surface, journal: Journal): void {
  journal.note('surface', {
    metadata: plainMetadata(call.metadata),
    cancelled: call.cancelled,
    path: call.getPath(),
    // Its port is another one each time.
    host: call.getHost().replace(/\d+$/, 'PORT'),
    deadline: plainDeadline(call.getDeadline()),
    peer: plainPeer(call.getPeer()),
    authContext: call.getAuthContext(),
  })
}

const handlers = (journal: Journal): Handlers => ({
  unary: (call, callback) => {
    noteSurface(call, journal)
    callback(null, hello)
  },
  clientStream: (call, callback) => {
    noteSurface(call, journal)
    callback(null, hello)
  },
  serverStream: (call) => {
    noteSurface(call, journal)
    call.end()
  },
  bidi: (call) => {
    noteSurface(call, journal)
    call.end()
  },
})

function someMetadata(): Metadata {
  const metadata = new Metadata()
  metadata.set('Key-In-Capitals', 'value')
  metadata.set('raw-bin', Buffer.from([1, 2, 3]))
  metadata.set('cookie', 'a=b')
  return metadata
}

describe('the handler of', () => {
  const setup = () => ({ metadata: someMetadata() })
  const shows = { handler: [['surface', { deadline: 'never', peer: '127.0.0.1:PORT', authContext: {} }]] }

  sameOnBoth('a unary call knows its call', {
    handlers,
    run: async ({ caller }) => await caller.unary(hello, setup()).done,
    shows,
  })

  sameOnBoth('a stream of requests knows its call', {
    handlers,
    run: async ({ caller }) => await caller.clientStream(setup()).done,
    shows,
  })

  sameOnBoth('a stream of responses knows its call', {
    handlers,
    run: async ({ caller }) => await caller.serverStream(hello, setup()).done,
    shows,
  })

  sameOnBoth('a stream both ways knows its call', {
    handlers,
    run: async ({ caller }) => await caller.bidi(setup()).done,
    shows,
  })

  sameOnBoth('a call with a deadline knows it', {
    handlers,
    run: async ({ caller }) =>
      await caller.unary(hello, { options: { deadline: new Date(Date.now() + 60_000) } }).done,
    shows: { handler: [['surface', { deadline: 'a time to come' }]] },
  })

  const timeouts = ['100H', '10 S', '99999999S', '99999999H', '1M']
  for (const timeout of timeouts) {
    sameOnBoth(`a call with a timeout of ${timeout} knows its deadline`, {
      handlers,
      run: async ({ connectRaw }) =>
        await connectRaw().call(equalityService.unary.path, frame(hello), { 'grpc-timeout': timeout }),
      shows: {},
    })
  }

  sameOnBoth('a call with another authority knows it', {
    handlers,
    run: async ({ caller }) => await caller.unary(hello, { options: { host: 'registry.example' } }).done,
    shows: { handler: [['surface', { host: 'registry.example' }]] },
  })

  sameOnBoth('a call sees what other clients send, without the headers of the protocol', {
    handlers,
    run: async ({ connectRaw }) =>
      await connectRaw().call(equalityService.unary.path, frame(hello), {
        'user-agent': 'somebody/1.0',
        'grpc-encoding': 'identity',
        'grpc-accept-encoding': 'gzip',
        'accept-encoding': 'gzip',
        'grpc-message-type': 'hello',
        'grpc-trace-bin': 'AAEC',
        'x-list': 'a, b,c',
        'x-bin': 'AQ==,Ag==',
        'x-unpadded-bin': 'AQ',
        'x-empty': '',
        'content-length': String(frame(hello).length),
      }),
    shows: { handler: [['surface', { metadata: { 'user-agent': ['somebody/1.0'] } }]] },
  })

  sameOnBoth('a call may change its metadata without a consequence', {
    handlers: (journal) => ({
      unary: (call, callback) => {
        call.metadata.set('mine', 'yes')
        journal.note('metadata', call.metadata.get('mine'))
        callback(null, hello)
      },
    }),
    run: async ({ caller }) => await caller.unary(hello).done,
    shows: { handler: [['metadata', ['yes']]] },
  })
})
