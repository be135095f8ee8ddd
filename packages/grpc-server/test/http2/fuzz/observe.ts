import { setImmediate as turn } from 'node:timers/promises'
import type { Random } from '@orrery/environment'
import { RawConnection } from '../../support/raw-connection.ts'
import { type MutatedSession, pieces } from './mutate.ts'

/** What a server made of a session. */
export interface Observation {
  /** GOAWAY with an error, or no GOAWAY but the end. */
  readonly isRefused: boolean
  /** The error of GOAWAY. */
  readonly goAway: string | undefined
  readonly streams: ReadonlyMap<
    number,
    { readonly isEnded: boolean; readonly status: string; readonly reset: string }
  >
  readonly violations: readonly string[]
  readonly story: string
}

/** A port, and somebody who is served there all the time. */
export interface FuzzTarget {
  readonly port: number
  readonly bystander: RawConnection
}

/** Turns that a server gets to answer what has reached it. */
const turns = 4

/**
 * Sends a session to a server in pieces, and tells what came back. How long an answer takes is not a matter of
 * time: both ends share an event loop, and the answer to somebody who asked later has come.
 */
export async function observe(
  session: MutatedSession,
  target: FuzzTarget,
  random: Random,
): Promise<Observation> {
  const connection = await RawConnection.open({ port: target.port, leavesOnGoAway: true, polite: false })
  // Accepted: what is sent from now on reaches the server in its next turn.
  await connection.until(() => connection.frames.length > 0)
  for (const piece of pieces(session.bytes, random)) {
    connection.write(piece)
    if (random.below(4) === 0) await turn()
    if (connection.isClosed) break
  }
  for (let n = 0; n < turns; n++) await target.bystander.roundTrip()
  const { goAway, isClosed } = connection
  const streams = connection.streamIds.map((id) => {
    const { isEnded, grpcStatus = '', reset = '' } = connection.stream(id)
    return [id, { isEnded, status: grpcStatus, reset }] as const
  })
  const isRefused = isClosed || (goAway ?? 'NO_ERROR') !== 'NO_ERROR'
  const story = connection.story()
  await connection.close()
  return { isRefused, goAway, streams: new Map(streams), violations: connection.violations, story }
}
