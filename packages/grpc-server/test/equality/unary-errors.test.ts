import { status } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { metadataOf } from './support/metadata-of.ts'
import { differsOnPurpose, sameOnBoth } from './support/scenario.ts'

const hello = Buffer.from('hello')

describe('a unary call', () => {
  describe('with an error', () => {
    sameOnBoth('has its code, details and metadata', {
      handlers: () => ({
        unary: (_call, callback) => {
          const metadata = metadataOf(['why', 'so'], ['why-bin', Buffer.from([7])])
          callback({ code: status.NOT_FOUND, details: 'gone', metadata })
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 0: ['answer', { error: { code: 5, details: 'gone' } }] } },
    })

    const errors: readonly (readonly [name: string, error: object])[] = [
      ['that is an Error without a code is UNKNOWN with its message', new Error('broken')],
      ['that has a code of the host is UNKNOWN', Object.assign(new Error('no file'), { code: 'ENOENT' })],
      ['that is an Error with a code says its message', Object.assign(new Error('words'), { code: 9 })],
      ['that has a code and nothing else', { code: 7 }],
      ['that has details and no code', { details: 'only words' }],
      ['that has a fraction as its code', { code: 5.5, details: 'half' }],
      ['that has a code beyond those of gRPC', { code: 99, details: 'far' }],
      ['that has a negative code', { code: -1, details: 'below' }],
      ['that has the code OK', { code: status.OK, details: 'not that bad' }],
      ['that has empty details', { code: 3, details: '' }],
      [
        'with unicode, a percent sign and line breaks in its details',
        { code: 3, details: '100 % größer\r\nünïcodé 🎉 %41 "quoted"' },
      ],
      ['with details that begin and end with spaces', { code: 3, details: ' spaced ' }],
      ['with details of 10,000 letters', { code: 3, details: 'x'.repeat(10_000) }],
    ]
    for (const [name, error] of errors) {
      sameOnBoth(name, {
        handlers: () => ({
          unary: (_call, callback) => {
            callback(error)
          },
        }),
        run: ({ caller }) => caller.unary(hello).done,
        shows: {},
      })
    }

    differsOnPurpose('with details that are no unicode', {
      because: 'it cannot encode them, and loses the code, too',
      handlers: () => ({
        unary: (_call, callback) => {
          callback({ code: status.INVALID_ARGUMENT, details: 'half a \ud83c pair' })
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 0: ['answer', { error: { code: 2, details: 'Unknown error' } }] } },
      ours: { client: { 0: ['answer', { error: { code: 3, details: 'half a \ufffd pair' } }] } },
    })

    sameOnBoth('prefers the trailing metadata of its callback', {
      handlers: () => ({
        unary: (_call, callback) => {
          callback(
            { code: status.NOT_FOUND, details: '', metadata: metadataOf(['a', '1']) },
            null,
            metadataOf(['b', '2']),
          )
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 0: ['answer', { error: { metadata: { b: ['2'] } } }] } },
    })

    sameOnBoth('drops the message that is given beside it', {
      handlers: () => ({ unary: (_call, callback) => callback({ code: status.NOT_FOUND }, hello) }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 0: ['answer', { error: { code: 5 } }] } },
    })

    sameOnBoth('has initial metadata when its handler has sent some', {
      handlers: () => ({
        unary: (call, callback) => {
          call.sendMetadata(metadataOf(['first', 'yes']))
          callback({ code: status.NOT_FOUND, details: 'then' })
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: {
        client: [
          ['metadata', { first: ['yes'] }],
          ['answer', {}],
          ['status', { code: 5 }],
        ],
      },
    })

    sameOnBoth('that is thrown by its handler is UNKNOWN', {
      handlers: () => ({
        unary: () => {
          throw Object.assign(new Error('thrown'), { code: 5 })
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: { client: { 0: ['answer', { error: { code: 2, details: 'Unknown error' } }] } },
    })

    sameOnBoth('that is thrown after initial metadata is UNKNOWN', {
      handlers: () => ({
        unary: (call) => {
          call.sendMetadata(metadataOf(['first', 'yes']))
          throw new Error('thrown')
        },
      }),
      run: ({ caller }) => caller.unary(hello).done,
      shows: {
        client: [
          ['metadata', {}],
          ['answer', { error: { code: 2 } }],
          ['status', {}],
        ],
      },
    })
  })
})
