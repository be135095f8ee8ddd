import { createHash } from 'node:crypto'
import { credentials, ServerCredentials } from '@grpc/grpc-js'
import { describe } from 'vitest'
import { Authority, type Identity } from '../support/certificates.ts'
import type { Journal } from './support/journal.ts'
import { sameOnBoth, type World } from './support/scenario.ts'
import type { Handlers } from './support/service.ts'

const hello = Buffer.from('hello')
const authority = new Authority('authority')
const stranger = new Authority('stranger')
const member = authority.issue('server')

function serverCredentials({ cert, key }: Identity, mustKnowClient: boolean): ServerCredentials {
  return ServerCredentials.createSsl(authority.ca, [{ cert_chain: cert, private_key: key }], mustKnowClient)
}

const client = (identity?: Identity) =>
  identity === undefined
    ? credentials.createSsl(authority.ca)
    : credentials.createSsl(authority.ca, identity.key, identity.cert)

const handlers = (journal: Journal): Handlers => ({
  unary: (call, callback) => {
    const { transportSecurityType, sslPeerCertificate } = call.getAuthContext()
    const raw = sslPeerCertificate?.raw
    journal.note('peer', {
      transportSecurityType,
      subject: sslPeerCertificate === undefined ? undefined : { ...sslPeerCertificate.subject },
      digest: raw === undefined ? undefined : createHash('sha256').update(raw).digest('hex'),
      peer: call.getPeer().replace(/\d+$/, 'PORT'),
    })
    callback(null, call.request)
  },
  serverStream: (call) => {
    for (let at = 0; at < 100; at++) call.write(Buffer.alloc(50_000, at))
    call.end()
  },
})

/**
 * The code that a call fails with. How a refused handshake ends, and with which words, is chance: with TLS 1.3
 * the client has finished it when the server says no.
 */
async function refusal({ caller }: Pick<World, 'caller'>): Promise<unknown> {
  const seen = await caller.unary(hello).done
  const answer = seen.find(([event]) => event === 'answer')?.[1] as { error?: { code: number } } | undefined
  return answer?.error?.code
}

describe('over TLS', () => {
  sameOnBoth('a client that knows the server is answered', {
    credentials: { server: serverCredentials(member, false), client: client() },
    handlers,
    run: ({ caller }) => caller.unary(hello).done,
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: [['peer', { peer: '127.0.0.1:PORT' }]] },
  })

  sameOnBoth('a client without a certificate is not asked for one', {
    credentials: { server: serverCredentials(member, false), client: client(authority.issue('somebody')) },
    handlers,
    run: ({ caller }) => caller.unary(hello).done,
    shows: { client: { 1: ['answer', { value: 'hello' }] }, handler: [['peer', {}]] },
  })

  sameOnBoth('a handler sees the certificate of a client that has to have one', {
    credentials: { server: serverCredentials(member, true), client: client(authority.issue('somebody')) },
    handlers,
    run: ({ caller }) => caller.unary(hello).done,
    shows: {
      client: { 1: ['answer', { value: 'hello' }] },
      handler: [['peer', { transportSecurityType: 'ssl', subject: { CN: 'somebody' } }]],
    },
  })

  sameOnBoth('messages of some length are brought whole', {
    credentials: { server: serverCredentials(member, true), client: client(authority.issue('somebody')) },
    handlers,
    run: ({ caller }) => caller.serverStream(hello).done,
    shows: { client: { length: 103 } },
  })

  const refused = [
    ['without a certificate', undefined],
    ['with the certificate of a stranger', stranger.issue('somebody')],
  ] as const
  for (const [name, identity] of refused) {
    sameOnBoth(`a client ${name} is refused when one is required`, {
      credentials: { server: serverCredentials(member, true), client: client(identity) },
      handlers,
      run: async ({ caller, journal }) => {
        const code = await refusal({ caller })
        return [code, journal.count('peer')]
      },
      shows: { client: [14, 0] },
    })
  }

  sameOnBoth('a client that does not know the server goes away', {
    credentials: {
      server: serverCredentials(stranger.issue('server'), false),
      client: client(),
    },
    handlers,
    run: refusal,
    shows: { client: 14 },
  })

  sameOnBoth('a client that speaks plainly is refused', {
    credentials: { server: serverCredentials(member, false), client: credentials.createInsecure() },
    handlers,
    run: refusal,
    shows: { client: 14 },
  })
})

sameOnBoth('a client that speaks TLS to a server that does not is refused', {
  credentials: { server: ServerCredentials.createInsecure(), client: client() },
  handlers,
  run: refusal,
  shows: { client: 14 },
})
