import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RawServer, startRawServer } from '../support/raw-server.ts'
import { outcomeOf } from './run-session.ts'
import { allSessions } from './sessions/all.ts'
import type { Session } from './sessions/session.ts'

let server: RawServer
beforeAll(async () => {
  server = await startRawServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const sizeOf = ({ steps }: Session): number =>
  steps.reduce((sum, step) => sum + ('answerOf' in step ? 0 : step.length), 0)

/** Sessions of a few frames: one more turn of the event loop for each byte of them is little. */
const short = allSessions.filter((session) => sizeOf(session) < 1_000)

function* piecesOf(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const end = at + (sizes[n % sizes.length] ?? 1)
    yield bytes.subarray(at, end)
    at = end
  }
}

test('byte by byte, every session ends as in one piece', async () => {
  const whole: string[] = []
  const cut: string[] = []
  for (const session of short) {
    whole.push(`${session.name} -> ${await outcomeOf(session, server)}`)
    const outcome = await outcomeOf(session, { port: server.port, cut: (bytes) => piecesOf(bytes, [1]) })
    cut.push(`${session.name} -> ${outcome}`)
  }
  expect(cut).toEqual(whole)
})

test('cut anywhere, a session ends as in one piece', async () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 20_000 })), {
    minLength: 1,
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...allSessions), sizes, async (session, cuts) => {
      const whole = await outcomeOf(session, server)
      const isTooMuch = sizeOf(session) / Math.max(...cuts) > 2_000
      fc.pre(!isTooMuch)
      expect(await outcomeOf(session, { port: server.port, cut: (bytes) => piecesOf(bytes, cuts) })).toBe(
        whole,
      )
    }),
    { numRuns: 150 },
  )
})
