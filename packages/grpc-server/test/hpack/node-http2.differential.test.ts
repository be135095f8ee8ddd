import { once } from 'node:events'
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders, sensitiveHeaders } from 'node:http2'
import { duplexPair } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { HpackEncoder } from '../../src/hpack/encoder.ts'
import { fieldsOf } from './blocks.ts'
import { Http2Peer } from './http2-peer.ts'

/** A client of node:http2, and what stands in for its server. */
class Conversation {
  readonly client: ClientHttp2Session
  readonly encoder = new HpackEncoder()
  readonly decoder: HpackDecoder
  /** The answer to the next request. */
  response: readonly string[] = [':status', '200']
  /** The fields of the last request. */
  request: readonly string[] = []

  constructor(options: { readonly ourTableMaxBytes?: number; readonly theirTableMaxBytes?: number } = {}) {
    const { ourTableMaxBytes = 4_096, theirTableMaxBytes = 4_096 } = options
    const [near, far] = duplexPair()
    this.decoder = new HpackDecoder({ tableMaxBytes: ourTableMaxBytes })
    const peer = new Http2Peer(far, ourTableMaxBytes, {
      tableSize: (bytes) => this.encoder.setTableMaxBytes(bytes),
      headers: (streamId, block) => {
        this.request = fieldsOf(this.decoder, block)
        peer.respond(streamId, this.encoder.encode(this.response))
      },
    })
    this.client = connect('http://peer', {
      createConnection: () => near,
      settings: { headerTableSize: theirTableMaxBytes },
    })
  }

  /** Both sides know the settings of the other one. */
  async open(): Promise<this> {
    await Promise.all([once(this.client, 'remoteSettings'), once(this.client, 'localSettings')])
    return this
  }

  /** Sends a request and returns the fields of the response as the client has read them. */
  async exchange(headers: OutgoingHttpHeaders = {}): Promise<readonly string[]> {
    const stream = this.client.request(headers)
    stream.resume().end()
    const closed = once(stream, 'close')
    // The third argument is not in the types: name, value, name, value and so on, as they came.
    const [, , fields] = (await once(stream, 'response')) as [unknown, unknown, readonly string[]]
    await closed
    return fields
  }

  async resizeClientTable(bytes: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.client.settings({ headerTableSize: bytes }, (error) =>
        error === null ? resolve() : reject(error),
      )
    })
  }

  async close(): Promise<void> {
    const closed = once(this.client, 'close')
    this.client.destroy()
    await closed
  }
}

async function converse(
  options: ConstructorParameters<typeof Conversation>[0],
  talk: (conversation: Conversation) => Promise<void>,
): Promise<void> {
  const conversation = await new Conversation(options).open()
  try {
    await talk(conversation)
  } finally {
    await conversation.close()
  }
}

/** What HTTP lets a value hold (RFC 9110, section 5.5), and node:http2 with it. */
const valueCharacters = Array.from({ length: 256 }, (_, code) => code)
  .filter((code) => code === 9 || (code >= 32 && code !== 127))
  .map((code) => String.fromCharCode(code))
const value = fc.oneof(
  fc.constantFrom('OK', '0', 'gzip', ''),
  fc.string({ unit: fc.constantFrom(...valueCharacters), maxLength: 200 }).map((text) => text.trim()),
)
const nameCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789-_.'.split('')
const name = fc.oneof(
  fc.constantFrom(
    'content-type',
    'grpc-status',
    'grpc-message',
    'grpc-encoding',
    'authorization',
    'x-a',
    'x-b',
  ),
  fc.string({ unit: fc.constantFrom(...nameCharacters), maxLength: 20 }).map((text) => `x-${text}`),
)
const fields = fc.array(fc.tuple(name, value), { maxLength: 10 }).map((pairs) => pairs.flat())
const tableBytes = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 4_096, 65_536))
const resize = fc.record({ type: fc.constant('resize' as const), bytes: tableBytes })
const exchange = fc.record({ type: fc.constant('exchange' as const), fields })

describe('node:http2 reads what the encoder writes', () => {
  test('for any responses, whatever size the client gives to its table', async () => {
    const steps = fc.array(fc.oneof({ weight: 4, arbitrary: exchange }, { weight: 1, arbitrary: resize }), {
      maxLength: 25,
      size: 'max',
    })
    await fc.assert(
      fc.asyncProperty(tableBytes, steps, (theirTableMaxBytes, script) =>
        converse({ theirTableMaxBytes }, async (conversation) => {
          for (const step of script) {
            if (step.type === 'resize') await conversation.resizeClientTable(step.bytes)
            else {
              conversation.response = [':status', '200', ...step.fields]
              expect(await conversation.exchange()).toEqual(conversation.response)
            }
          }
        }),
      ),
      { numRuns: 40 },
    )
  })

  test('for each byte that a value may hold, in the Huffman code', async () => {
    await converse({}, async (conversation) => {
      for (const character of valueCharacters) {
        conversation.response = [':status', '200', 'x-byte', `${'e'.repeat(16)}${character}e`]
        expect(await conversation.exchange()).toEqual(conversation.response)
      }
    })
  })
})

describe('the decoder reads what node:http2 writes', () => {
  const pseudoHeaders = {
    ':method': 'POST',
    ':path': '/package.Service/Method',
    ':authority': 'peer',
    ':scheme': 'http',
  }
  const ofMetadata = (request: readonly string[]) => request.slice(8)

  test('for any requests, whatever size we give to our table', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableBytes,
        fc.array(fields, { maxLength: 25, size: 'max' }),
        (ourTableMaxBytes, requests) =>
          converse({ ourTableMaxBytes }, async (conversation) => {
            for (const request of requests) {
              const { headers, sent } = toHeaders(request)
              await conversation.exchange({ ...pseudoHeaders, ...headers })
              expect(conversation.request.slice(0, 8)).toEqual(Object.entries(pseudoHeaders).flat())
              expect(ofMetadata(conversation.request)).toEqual(sent)
            }
          }),
      ),
      { numRuns: 40 },
    )
  })

  test('for each byte that the client sends, in the Huffman code', async () => {
    await converse({}, async (conversation) => {
      // It ends a value at a zero.
      for (let code = 1; code < 256; code += 1) {
        const text = `${'e'.repeat(16)}${String.fromCharCode(code)}e`
        await conversation.exchange({ 'x-byte': text })
        expect(ofMetadata(conversation.request)).toEqual(['x-byte', text])
      }
    })
  })

  test('for fields that are never indexed, and for blocks of several frames', async () => {
    await converse({}, async (conversation) => {
      await conversation.exchange({ 'x-secret': 'secret', [sensitiveHeaders]: ['x-secret'] })
      expect(ofMetadata(conversation.request)).toEqual(['x-secret', 'secret'])
      const long = '~'.repeat(40_000)
      await conversation.exchange({ 'x-long': long })
      expect(ofMetadata(conversation.request)).toEqual(['x-long', long])
    })
  })
})

/** Fields as the client takes them, one for each name, and as it is to send them. */
function toHeaders(request: readonly string[]): { headers: OutgoingHttpHeaders; sent: readonly string[] } {
  const byName = new Map<string, string>()
  for (let at = 1; at < request.length; at += 2) byName.set(request[at - 1] ?? '', request[at] ?? '')
  return { headers: Object.fromEntries(byName), sent: [...byName].flat() }
}
