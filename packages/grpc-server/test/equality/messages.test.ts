import { randomBytes } from 'node:crypto'
import { deflateSync, gzipSync } from 'node:zlib'
import { compressionAlgorithms } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { frame } from './support/raw-connection.ts'
import { differsOnPurpose, sameOnBoth } from './support/scenario.ts'
import { equalityService, type Handlers } from './support/service.ts'
import type { Journal } from './support/journal.ts'

const hello = Buffer.from('hello')
const { path } = equalityService.unary

const echo = (journal: Journal): Handlers => ({
  unary: (call, callback) => {
    journal.note('called')
    callback(null, call.request)
  },
  clientStream: (call, callback) => {
    call.on('data', (message: Buffer) => {
      journal.note('message', message.length)
    })
    call.on('end', () => {
      callback(null, hello)
    })
  },
})

describe('a limit of 1,000 bytes', () => {
  const limited = { 'grpc.max_receive_message_length': 1_000, 'grpc.max_send_message_length': 1_000 }

  sameOnBoth('lets a message of that size through both ways', {
    serverOptions: () => limited,
    handlers: echo,
    run: ({ caller }) => caller.unary(Buffer.alloc(1_000)).done,
    shows: { client: { 2: ['status', { code: 0 }] } },
  })

  sameOnBoth('refuses a request that is larger', {
    serverOptions: () => limited,
    handlers: echo,
    run: ({ caller }) => caller.unary(Buffer.alloc(1_001)).done,
    shows: { client: { 0: ['answer', { error: { code: 8 } }] }, handler: [] },
  })

  sameOnBoth('refuses a message in the middle of a stream that is larger', {
    serverOptions: () => limited,
    handlers: echo,
    run: async ({ caller, journal }) => {
      const { call, done } = caller.clientStream()
      call.write(Buffer.alloc(1_000))
      await journal.heard('message')
      call.write(Buffer.alloc(1_001))
      return await done
    },
    shows: { client: { 0: ['answer', { error: { code: 8 } }] }, handler: [['message', 1_000]] },
  })

  sameOnBoth('refuses a response that is larger', {
    serverOptions: () => limited,
    handlers: () => ({ unary: (_call, callback) => callback(null, Buffer.alloc(1_001)) }),
    run: ({ caller }) => caller.unary(hello).done,
    shows: { client: { 0: ['answer', { error: { code: 8 } }] } },
  })

  sameOnBoth('ends a stream of responses with the one that is larger', {
    serverOptions: () => limited,
    handlers: () => ({
      serverStream: (call) => {
        call.write(Buffer.alloc(1_000))
        call.write(Buffer.alloc(1_001))
        call.write(Buffer.alloc(10))
        call.end()
      },
    }),
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: { 0: ['metadata', {}] } },
  })

  sameOnBoth('of -1 is none', {
    serverOptions: () => ({ 'grpc.max_receive_message_length': -1 }),
    handlers: echo,
    run: ({ caller }) => {
      const upload = caller.clientStream()
      upload.call.end(Buffer.alloc(5 * 2 ** 20))
      return upload.done
    },
    shows: { handler: [['message', 5 * 2 ** 20]] },
  })
})

sameOnBoth('a request of more than 4 MiB is refused when nothing is said', {
  handlers: echo,
  run: ({ caller }) => caller.unary(Buffer.alloc(4 * 2 ** 20 + 1)).done,
  shows: { client: { 0: ['answer', { error: { code: 8 } }] } },
})

describe('a compressed request', () => {
  const text = Buffer.from('again and again '.repeat(1_000))
  for (const [encoding, algorithm] of [
    ['deflate', compressionAlgorithms.deflate],
    ['gzip', compressionAlgorithms.gzip],
  ] as const) {
    sameOnBoth(`in ${encoding} is read`, {
      clientOptions: { 'grpc.default_compression_algorithm': algorithm },
      handlers: echo,
      run: async ({ caller }) => {
        const unary = await caller.unary(text).done
        const upload = caller.clientStream()
        for (const message of [text, hello, Buffer.alloc(0), randomBytes(10_000)]) upload.call.write(message)
        upload.call.end()
        return [unary, await upload.done]
      },
      shows: {
        client: { 0: { 1: ['answer', {}], 2: ['status', { code: 0 }] } },
        handler: { 0: 'called', 1: ['message', 16_000] },
      },
    })

    sameOnBoth(`in ${encoding} that is malformed is refused`, {
      handlers: echo,
      run: async ({ connectRaw }) =>
        await connectRaw().call(path, frame(Buffer.from('no such thing'), { flags: 1 }), {
          'grpc-encoding': encoding,
        }),
      shows: { client: { headers: { 'grpc-status': '13' } }, handler: [] },
    })

    sameOnBoth(`in ${encoding} that ends too early is refused`, {
      handlers: echo,
      run: async ({ connectRaw }) => {
        const whole = encoding === 'gzip' ? gzipSync(text) : deflateSync(text)
        return await connectRaw().call(path, frame(whole.subarray(0, whole.length / 2), { flags: 1 }), {
          'grpc-encoding': encoding,
        })
      },
      shows: { client: { headers: { 'grpc-status': '13' } }, handler: [] },
    })

    sameOnBoth(`in ${encoding} with bytes after its end`, {
      handlers: echo,
      run: async ({ connectRaw }) => {
        const whole = encoding === 'gzip' ? gzipSync(hello) : deflateSync(hello)
        return await connectRaw().call(path, frame(Buffer.concat([whole, hello]), { flags: 1 }), {
          'grpc-encoding': encoding,
        })
      },
      shows: {},
    })

    sameOnBoth(`in ${encoding} that would be too large is refused`, {
      serverOptions: () => ({ 'grpc.max_receive_message_length': 100_000 }),
      handlers: echo,
      run: async ({ connectRaw }) => {
        const bomb = Buffer.alloc(50 * 2 ** 20)
        const packed = encoding === 'gzip' ? gzipSync(bomb) : deflateSync(bomb)
        return await connectRaw().call(path, frame(packed, { flags: 1 }), { 'grpc-encoding': encoding })
      },
      shows: { client: { headers: { 'grpc-status': '8' } }, handler: [] },
    })
  }

  sameOnBoth('in two members is read to its end', {
    handlers: echo,
    run: async ({ connectRaw }) =>
      await connectRaw().call(path, frame(Buffer.concat([gzipSync(hello), gzipSync(hello)]), { flags: 1 }), {
        'grpc-encoding': 'gzip',
      }),
    shows: { client: { body: '\0\0\0\0\nhellohello' } },
  })

  sameOnBoth('in an unknown encoding is UNIMPLEMENTED', {
    handlers: echo,
    run: async ({ connectRaw }) =>
      await connectRaw().call(path, frame(hello, { flags: 1 }), { 'grpc-encoding': 'snappy' }),
    shows: { client: { headers: { 'grpc-status': '12' } }, handler: [] },
  })

  sameOnBoth('that is not compressed after all may name any encoding', {
    handlers: echo,
    run: async ({ connectRaw }) => await connectRaw().call(path, frame(hello), { 'grpc-encoding': 'snappy' }),
    shows: { client: { trailers: { 'grpc-status': '0' } } },
  })

  sameOnBoth('without an encoding is taken as it is', {
    handlers: echo,
    run: async ({ connectRaw }) => await connectRaw().call(path, frame(hello, { flags: 1 })),
    shows: { client: { trailers: { 'grpc-status': '0' } } },
  })

  differsOnPurpose('with other flags', {
    because: 'a flag that the protocol does not know is no plain message',
    handlers: echo,
    run: async ({ connectRaw }) =>
      await connectRaw().call(path, frame(hello, { flags: 2 }), { 'grpc-encoding': 'gzip' }),
    shows: { client: { trailers: { 'grpc-status': '0' } } },
    ours: { client: { headers: { 'grpc-status': '13' } } },
  })
})

describe('a unary request', () => {
  sameOnBoth('of two messages is UNIMPLEMENTED', {
    handlers: echo,
    run: async ({ connectRaw }) => await connectRaw().call(path, Buffer.concat([frame(hello), frame(hello)])),
    shows: { client: { headers: { 'grpc-status': '12' } }, handler: [] },
  })

  sameOnBoth('of no message is UNIMPLEMENTED', {
    handlers: echo,
    run: async ({ connectRaw }) => await connectRaw().call(path, Buffer.alloc(0)),
    shows: { client: { headers: { 'grpc-status': '12' } }, handler: [] },
  })

  sameOnBoth('that ends in the middle of its message', {
    handlers: echo,
    run: async ({ connectRaw }) => await connectRaw().call(path, frame(hello).subarray(0, 7)),
    shows: { client: { headers: {} }, handler: [] },
  })

  sameOnBoth('that ends in the middle of a second message', {
    handlers: echo,
    run: async ({ connectRaw }) =>
      await connectRaw().call(path, Buffer.concat([frame(hello), frame(hello).subarray(0, 7)])),
    shows: { client: { headers: {} } },
  })

  sameOnBoth('that comes byte by byte is read', {
    handlers: echo,
    run: async ({ connectRaw }) => {
      const { stream, done } = connectRaw().start(path)
      for (const byte of frame(hello)) {
        await new Promise((resolve) => stream.write(Buffer.from([byte]), resolve))
      }
      stream.end()
      return await done
    },
    shows: { client: { body: '\0\0\0\0\u0005hello', trailers: { 'grpc-status': '0' } } },
  })

  sameOnBoth('that says it is longer than the limit is refused before it comes', {
    handlers: echo,
    run: async ({ connectRaw }) => {
      const { stream, done } = connectRaw().start(path)
      stream.write(frame(Buffer.alloc(0), { length: 2 ** 32 - 1 }))
      return await done
    },
    shows: { client: { headers: { 'grpc-status': '8' } } },
  })

  sameOnBoth('in two messages for a stream of responses is UNIMPLEMENTED', {
    handlers: () => ({ serverStream: (call) => void call.end() }),
    run: async ({ connectRaw }) =>
      await connectRaw().call(equalityService.serverStream.path, Buffer.concat([frame(hello), frame(hello)])),
    shows: { client: { headers: { 'grpc-status': '12' } } },
  })

  sameOnBoth('in no message for a stream of responses is UNIMPLEMENTED', {
    handlers: () => ({ serverStream: (call) => void call.end() }),
    run: async ({ connectRaw }) =>
      await connectRaw().call(equalityService.serverStream.path, Buffer.alloc(0)),
    shows: { client: { headers: { 'grpc-status': '12' } } },
  })
})

describe('a request whose', () => {
  const headers = [
    ['content-type is JSON is refused with 415', { 'content-type': 'application/json' }, 415],
    ['content-type is missing is refused with 415', { 'content-type': undefined }, 415],
    ['content-type names a codec is answered', { 'content-type': 'application/grpc+json' }, 200],
    ['content-type is of gRPC-Web is answered', { 'content-type': 'application/grpc-web' }, 200],
    ['content-type only begins like one is answered', { 'content-type': 'application/grpcx' }, 200],
    ['content-type is in capitals', { 'content-type': 'Application/GRPC' }, 415],
    ['`te` is missing is answered', { te: undefined }, 200],
    ['method is GET is answered', { ':method': 'GET' }, 200],
    ['method is PUT is answered', { ':method': 'PUT' }, 200],
    ['timeout is no number is INTERNAL', { 'grpc-timeout': 'soon' }, 200],
    ['timeout has no unit is INTERNAL', { 'grpc-timeout': '10' }, 200],
    ['timeout has an unknown unit is INTERNAL', { 'grpc-timeout': '10x' }, 200],
    ['timeout has a space', { 'grpc-timeout': '10 S' }, 200],
    ['timeout is in hours', { 'grpc-timeout': '100H' }, 200],
    ['timeout is in minutes', { 'grpc-timeout': '10M' }, 200],
    ['timeout is in microseconds', { 'grpc-timeout': '99999999u' }, 200],
    ['accepted encodings are unknown is answered', { 'grpc-accept-encoding': 'snappy' }, 200],
    ['metadata repeats a name', { 'a-word': 'one, two' }, 200],
    ['metadata is not base64 is answered', { 'word-bin': '!!not base64!!' }, 200],
  ] as const
  for (const [name, given, httpStatus] of headers) {
    sameOnBoth(name, {
      handlers: echo,
      run: async ({ connectRaw }) => await connectRaw().call(path, frame(hello), given),
      shows: { client: { headers: { ':status': httpStatus } } },
    })
  }

  const malformed = [
    ['is negative', '-10S'],
    ['has too many digits', '123456789S'],
    ['has letters around it', 'a5Sb'],
  ] as const
  for (const [name, timeout] of malformed) {
    differsOnPurpose(`timeout ${name} is INTERNAL`, {
      because: 'it finds a timeout anywhere in the text',
      handlers: echo,
      run: async ({ connectRaw }) => await connectRaw().call(path, frame(hello), { 'grpc-timeout': timeout }),
      shows: { client: { trailers: { 'grpc-status': '0' } } },
      ours: { client: { headers: { 'grpc-status': '13' } } },
    })
  }
})
