import { randomBytes } from 'node:crypto'
import { describe } from 'vitest'
import { plainMetadata } from './support/plain.ts'
import { metadataOf } from './support/metadata-of.ts'
import { sameOnBoth } from './support/scenario.ts'
import type { Handlers } from './support/service.ts'

const hello = Buffer.from('hello')
const echo = (): Handlers => ({ unary: (call, callback) => callback(null, call.request) })

describe('a unary call', () => {
  sameOnBoth('answers with a message', {
    handlers: echo,
    run: ({ caller }) => caller.unary(hello).done,
    shows: {
      client: [
        ['metadata', {}],
        ['answer', { value: 'hello' }],
        ['status', { code: 0, details: 'OK', metadata: {} }],
      ],
    },
  })

  sameOnBoth('takes and answers an empty message', {
    handlers: echo,
    run: ({ caller }) => caller.unary(Buffer.alloc(0)).done,
    shows: {
      client: [
        ['metadata', {}],
        ['answer', { value: '' }],
        ['status', { code: 0 }],
      ],
    },
  })

  const large = randomBytes(3 * 2 ** 20)
  sameOnBoth('takes and answers a message of 3 MiB', {
    handlers: echo,
    run: ({ caller }) => caller.unary(large).done,
    shows: {
      client: [
        ['metadata', {}],
        ['answer', {}],
        ['status', { code: 0 }],
      ],
    },
  })

  sameOnBoth('has initial metadata of its handler, which counts once', {
    handlers: () => ({
      unary: (call, callback) => {
        call.sendMetadata(metadataOf(['first', 'yes']))
        call.sendMetadata(metadataOf(['second', 'no']))
        callback(null, hello)
        call.sendMetadata(metadataOf(['third', 'no']))
      },
    }),
    run: ({ caller }) => caller.unary(hello).done,
    shows: {
      client: [
        ['metadata', { first: ['yes'] }],
        ['answer', {}],
        ['status', { metadata: {} }],
      ],
    },
  })

  sameOnBoth('has trailing metadata from its callback', {
    handlers: () => ({
      unary: (_call, callback) => callback(null, hello, metadataOf(['last', 'words'])),
    }),
    run: ({ caller }) => caller.unary(hello).done,
    shows: {
      client: [
        ['metadata', {}],
        ['answer', {}],
        ['status', { metadata: { last: ['words'] } }],
      ],
    },
  })

  sameOnBoth('carries repeated and binary metadata both ways', {
    handlers: (journal) => ({
      unary: (call, callback) => {
        journal.note('metadata', plainMetadata(call.metadata))
        const mine = metadataOf(
          ['words', 'one'],
          ['words', 'two, three'],
          ['raw-bin', Buffer.from([0, 255])],
          ['raw-bin', Buffer.from([1])],
          ['empty', ''],
          ['empty-bin', Buffer.alloc(0)],
        )
        call.sendMetadata(mine)
        callback(null, hello, mine)
      },
    }),
    run: ({ caller }) => {
      const metadata = metadataOf(
        ['words', 'one'],
        ['words', 'two, three'],
        ['raw-bin', Buffer.from([0, 255, 128])],
        ['raw-bin', Buffer.from([1, 2, 3, 4])],
        ['empty', ''],
        ['empty-bin', Buffer.alloc(0)],
        ['_under.score-', '~!@#$%^&*()'],
      )
      return caller.unary(hello, { metadata }).done
    },
    shows: {
      client: [
        ['metadata', { 'raw-bin': ['hex 00ff', 'hex 01'] }],
        ['answer', {}],
        ['status', {}],
      ],
    },
  })

  sameOnBoth('carries metadata of tens of kilobytes both ways', {
    handlers: (journal) => ({
      unary: (call, callback) => {
        journal.note('length', String(call.metadata.get('long')[0]).length)
        call.sendMetadata(call.metadata)
        callback(null, hello, metadataOf(['long', 'b'.repeat(40_000)]))
      },
    }),
    run: ({ caller }) => caller.unary(hello, { metadata: metadataOf(['long', 'a'.repeat(40_000)]) }).done,
    shows: {
      client: [
        ['metadata', {}],
        ['answer', {}],
        ['status', { code: 0 }],
      ],
      handler: [['length', 40_000]],
    },
  })
})
