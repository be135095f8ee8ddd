import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RawServer, startRawServer } from '../support/raw-server.ts'
import { outcomeOf } from './run-session.ts'
import { allSessions } from './sessions/all.ts'

let server: RawServer
beforeAll(async () => {
  server = await startRawServer()
})
afterAll(() => server[Symbol.asyncDispose]())

describe('a connection on which a client sends', () => {
  test.each(allSessions.map((session) => [session.name, session] as const))('%s', async (_, session) => {
    expect(session.accept).toContain(await outcomeOf(session, server))
  })
})
