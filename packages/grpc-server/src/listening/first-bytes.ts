import type { Socket } from 'node:net'
import { preface } from '../http2/protocol.ts'

/** What the first bytes of a connection led to. */
export interface FirstBytesOutcome {
  /** The socket is paused, and gives the same bytes again. */
  readonly decided: (isHttp2: boolean) => void
  /** The connection ended undecided. */
  readonly gone: () => void
}

/**
 * Reads until the bytes differ from the preface or hold all of it, however small the pieces. The caller bounds how
 * long that may take, with one deadline for all bytes: an idle timeout would let a client drip them.
 */
export function readFirstBytes(socket: Socket, outcome: FirstBytesOutcome): void {
  let head: Buffer = Buffer.alloc(0)

  const stop = (): void => {
    socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose)
  }
  const onData = (chunk: Buffer): void => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
    const compared = Math.min(head.length, preface.length)
    const differs = head.compare(preface, 0, compared, 0, compared) !== 0
    if (!differs && compared < preface.length) return
    stop()
    socket.pause()
    socket.unshift(head)
    outcome.decided(!differs)
  }
  const onEnd = (): void => {
    socket.destroy()
  }
  const onError = (): void => {
    // A reset before the first request is nobody's concern; `close` follows.
  }
  const onClose = (): void => {
    stop()
    outcome.gone()
  }
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose)
}
