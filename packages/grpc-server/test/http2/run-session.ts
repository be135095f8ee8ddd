import { setImmediate as turn } from 'node:timers/promises'
import { RawConnection } from '../support/raw-connection.ts'
import { call } from '../support/raw-headers.ts'
import type { StreamAnswer } from '../support/raw-answer.ts'
import type { Session } from './sessions/session.ts'

/** How a session is run. */
export interface SessionRun {
  readonly port: number
  /** Cuts what is sent; each piece reaches the server by itself. @defaultValue not at all */
  readonly cut?: ((bytes: Uint8Array) => Iterable<Uint8Array>) | undefined
  /** Not every server closes the connection after GOAWAY, as RFC 9113, section 5.4.1 wants. @defaultValue `false` */
  readonly leavesOnGoAway?: boolean | undefined
}

/** The stream of the call that shows that a connection goes on. */
const lastStreamId = 1001

function verdictOf(answer: StreamAnswer): string {
  const { isEnded, grpcStatus, httpStatus, reset } = answer
  if (!isEnded) return reset === undefined ? 'open' : `reset ${reset}`
  const status = grpcStatus === undefined ? `http ${httpStatus ?? '?'}` : `status ${grpcStatus}`
  const verdict = grpcStatus === '0' ? 'ok' : status
  // A server that has answered early may ask a client to stop. RFC 9113, section 8.1.
  return reset === undefined || reset === 'NO_ERROR' ? verdict : `${verdict}, then reset ${reset}`
}

async function send(connection: RawConnection, { steps }: Session, { cut }: SessionRun): Promise<void> {
  for (const step of steps) {
    if ('answerOf' in step) await connection.answer(step.answerOf)
    else if (cut === undefined) connection.write(step)
    else {
      for (const piece of cut(step)) {
        connection.write(piece)
        // The loop's next round hands the piece to the server.
        await turn()
      }
    }
  }
}

async function observe(connection: RawConnection, session: Session): Promise<void> {
  const { streams = [1], accept, goesOn = true } = session
  const mustSettle = streams.filter((id) => !accept.some((outcome) => outcome.includes(`${id}: open`)))
  await connection.roundTrip()
  await connection.until(() => mustSettle.every((id) => connection.stream(id).isSettled))
  if (!goesOn) return
  connection.write(call(lastStreamId, 'Echo'))
  const last = await connection.answer(lastStreamId)
  if (last.grpcStatus !== '0') throw new Error(`the call afterwards ends with ${verdictOf(last)}`)
}

/**
 * Runs a session and says how it ended: `connection <error of GOAWAY>`, `connection cut` (closed without
 * GOAWAY), or the state of each of its streams: `1: ok, 3: reset REFUSED_STREAM`; `open` when it looks at none.
 */
export async function outcomeOf(session: Session, run: SessionRun): Promise<string> {
  const { port, leavesOnGoAway = false } = run
  // An acknowledgement would come between two pieces of a frame.
  const polite = run.cut === undefined
  await using connection = await RawConnection.open({ port, leavesOnGoAway, polite })
  let failure = ''
  try {
    await send(connection, session, run)
    await observe(connection, session)
  } catch (error) {
    if (!connection.isClosed) failure = ` (${error instanceof Error ? error.message : String(error)})`
  }
  if (connection.violations.length > 0) return `violations: ${connection.violations.join(', ')}`
  if (connection.isClosed) return `connection ${connection.goAway ?? 'cut'}`
  const verdicts = (session.streams ?? [1]).map((id) => `${id}: ${verdictOf(connection.stream(id))}`)
  return `${verdicts.join(', ') || 'open'}${failure}`
}
