import { flag, frameType } from './raw-frames.ts'
import type { ReceivedFrame } from './raw-received.ts'

/** The default of SETTINGS_MAX_FRAME_SIZE, which these clients never raise. Unit: bytes. */
const frameMaxBytes = 16_384

const connectionFields = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade'])

/**
 * Watches a server for what it must never do, whatever its client did: too long frames, frames on streams
 * that it has ended, promises, malformed responses.
 *
 * @param violations where it writes what it sees
 */
export function conductOf(violations: string[]): (frame: ReceivedFrame) => void {
  const ended = new Set<number>()
  const started = new Set<number>()

  const checkHeaders = ({ streamId, fields, flags }: ReceivedFrame): void => {
    for (const [name] of fields) {
      if (name !== name.toLowerCase()) violations.push(`field ${name} is not lower case`)
      if (connectionFields.has(name)) violations.push(`field ${name} belongs to a connection`)
    }
    const hasStatus = fields.some(([name]) => name === ':status')
    if (started.has(streamId) === hasStatus) violations.push(`:status in the wrong section of ${streamId}`)
    if (started.has(streamId) && (flags & flag.endStream) === 0)
      violations.push(`trailers do not end ${streamId}`)
    started.add(streamId)
  }

  return (frame) => {
    const { type, flags, streamId, payload } = frame
    if (type !== frameType.headers && payload.length > frameMaxBytes) violations.push('a frame is too long')
    if (type === frameType.pushPromise) violations.push('the server pushes')
    if (type > frameType.continuation) violations.push(`the server invents frames of type ${type}`)
    const moves = type === frameType.data || type === frameType.headers
    if (moves && ended.has(streamId)) violations.push(`frame of type ${type} on the ended stream ${streamId}`)
    const needsCall = moves || type === frameType.rstStream
    if (needsCall && streamId % 2 !== 1) violations.push(`frame of type ${type} on stream ${streamId}`)
    if (type === frameType.data && !started.has(streamId)) violations.push(`DATA first on ${streamId}`)
    if (type === frameType.headers) checkHeaders(frame)
    if ((moves && (flags & flag.endStream) !== 0) || type === frameType.rstStream) ended.add(streamId)
  }
}
