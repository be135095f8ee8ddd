import { createServer, type Http2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { message, type RawMethod } from './raw-headers.ts'
import { floodOf } from './raw-service.ts'

/** A server on node:http2 that answers like the one of `raw-service.ts`, for comparison. */
export interface ReferenceServer extends AsyncDisposable {
  readonly port: number
  /** Connections that are open. */
  readonly connections: number
}

function answer(stream: ServerHttp2Stream, content: Buffer): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => {
    stream.sendTrailers({ 'grpc-status': '0' })
  })
  stream.end(content)
}

/** More than any window that a session opens. Unit: bytes. */
const floodMaxBytes = 1_000_000

/** What the service answers, prefixes and all, as far as a comparison needs it. */
function responseOf(name: RawMethod, content: Buffer): Buffer {
  if (name !== 'Flood') return content
  const { messages, messageBytes } = floodOf(content.subarray(5))
  const one = message(Buffer.alloc(messageBytes, 'x'))
  const count = Math.min(messages, Math.ceil(floodMaxBytes / one.length))
  return Buffer.concat(Array.from({ length: count }, () => one))
}

function serve(stream: ServerHttp2Stream, path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1) as RawMethod
  const content: Buffer[] = []
  stream.on('error', () => {})
  if (name === 'Hold') return
  stream.on('data', (chunk: Buffer) => content.push(chunk))
  stream.on('end', () => {
    const isOver = stream.destroyed || stream.aborted
    if (name !== 'Never' && !isOver) answer(stream, responseOf(name, Buffer.concat(content)))
  })
}

/** Starts one. */
export async function startReferenceServer(): Promise<ReferenceServer> {
  const sessions = new Set<Http2Session>()
  const server = createServer()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  server.on('stream', (stream, headers) => {
    serve(stream, headers[':path'] ?? '')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sessions.size
    },
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve()
        })
      })
    },
  }
}
