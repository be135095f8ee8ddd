import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ReferenceServer, startReferenceServer } from '../support/raw-reference.ts'
import { type RawServer, startRawServer } from '../support/raw-server.ts'
import { outcomeOf } from './run-session.ts'
import { allSessions } from './sessions/all.ts'

let server: RawServer
let reference: ReferenceServer
beforeAll(async () => {
  server = await startRawServer()
  reference = await startReferenceServer()
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await reference[Symbol.asyncDispose]()
})

/**
 * What an outcome says beyond its codes: node:http2 often gives INTERNAL_ERROR for a fault of its client, and its
 * handlers know no status but OK.
 */
function categoryOf(outcome: string): string {
  if (outcome.startsWith('connection')) return 'connection error'
  return outcome.replaceAll(/status \d+|http \d+/g, 'ok')
}

/** Where node:http2 differs, and why we do not follow it. */
const reviewed: readonly { readonly reason: string; readonly rules: readonly string[] }[] = [
  {
    reason: 'it ends the connection, with all its calls, where the RFC asks for a stream error',
    rules: [
      'RFC 9113, 5.1: half closed: DATA is a stream error',
      'RFC 9113, 5.1: half closed: HEADERS is a stream error',
      'RFC 9113, 6.3: PRIORITY of four bytes is a stream error',
      'RFC 9113, 6.3: PRIORITY of six bytes is a stream error',
      'RFC 9113, 6.9: an increment of zero for a stream is a stream error',
      'RFC 9113, 6.9.1: a window of 2^31 bytes for a stream is a stream error',
    ],
  },
  {
    reason: 'it ignores what comes on closed streams, which the RFC allows for frames under way only',
    rules: [
      'RFC 9113, 5.1: closed by RST_STREAM: DATA moves nothing',
      'RFC 9113, 5.1: closed by RST_STREAM: HEADERS opens nothing',
      'RFC 9113, 5.1: closed by END_STREAM: DATA is a connection error or ignored',
      'RFC 9113, 5.1: closed by END_STREAM: HEADERS is a connection error',
      'RFC 9113, 5.1.1: an identifier that decreases is a connection error',
      'RFC 9113, 5.1.1: DATA on a skipped stream is that on a closed one',
    ],
  },
  {
    reason: 'it keeps to RFC 7540, section 5.3.1; RFC 9113 has no priorities any more',
    rules: [
      'RFC 9113, 5.3.2: a stream that depends on itself by HEADERS harms no other',
      'RFC 9113, 5.3.2: a stream that depends on itself by PRIORITY harms no other',
    ],
  },
  {
    reason: 'it takes an acknowledgement that it does not wait for as a fault; the RFC does not',
    rules: ['RFC 9113, 6.7: an acknowledgement that nobody waits for is ignored'],
  },
  {
    reason: 'it looks at the last of several values of one setting only',
    rules: ['RFC 9113, 6.5.2: a wrong value counts even if a right one follows'],
  },
  {
    reason: 'it resets the stream where the RFC asks for a connection error',
    rules: [
      'RFC 9113, 6.9.2: a change of INITIAL_WINDOW_SIZE that overflows an open stream is a connection error',
    ],
  },
  {
    reason: 'it drops a field that is malformed, and goes on with the rest of the request',
    rules: allSessions
      .map(({ name }) => name)
      .filter((name) => name.startsWith('RFC 9113, 8.2.1') && name.endsWith('malformed')),
  },
  {
    reason: 'it wants :authority or host, which gRPC clients may leave out',
    rules: ['RFC 9113, 8.3.1: a request without :authority and host may be refused'],
  },
]

describe('node:http2 answers the same, or differs for a known reason', () => {
  const known = new Map(reviewed.flatMap(({ reason, rules }) => rules.map((rule) => [rule, reason])))

  test.each(allSessions.map((session) => [session.name, session] as const))('%s', async (_, session) => {
    const ours = await outcomeOf(session, server)
    if (known.delete(session.name)) return
    const theirs = await outcomeOf(session, { port: reference.port, leavesOnGoAway: true })
    expect(categoryOf(ours)).toBe(categoryOf(theirs))
  })

  test('and every reviewed rule is among the sessions', () => {
    expect([...known.keys()]).toEqual([])
  })
})
