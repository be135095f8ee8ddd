import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { plainBytes } from './plain.ts'

/** A length-prefixed message (gRPC over HTTP/2, `Length-Prefixed-Message`). */
export function frame(message: Uint8Array, { flags = 0, length = message.length } = {}): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt8(flags, 0)
  header.writeUInt32BE(length, 1)
  return Buffer.concat([header, message])
}

/** What came back for one request. */
export interface RawAnswer {
  readonly headers: Record<string, unknown> | undefined
  readonly body: string
  readonly trailers: Record<string, unknown> | undefined
  /** Of RST_STREAM, if there was one. */
  readonly resetCode: number | undefined
}

/**
 * Without `date`, see `plainMetadata`, and with `grpc-message` decoded: gRPC over HTTP/2 lets a server encode more
 * of it than it has to ("Percent-Encoded"), and grpc-js encodes spaces and quotes, too.
 */
function plainHeaders(headers: IncomingHttpHeaders): Record<string, unknown> {
  const { 'grpc-message': details, ...others } = headers
  const entries = Object.entries(others).filter(([key]) => key !== 'date')
  if (typeof details === 'string') entries.push(['grpc-message', decodeURIComponent(details)])
  return Object.fromEntries(entries)
}

/** A request that is written byte by byte. */
export class RawCall {
  readonly stream: ClientHttp2Stream
  /** Once the server has said all it has to say. */
  readonly done: Promise<RawAnswer>

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    const chunks: Buffer[] = []
    let headers: RawAnswer['headers']
    let trailers: RawAnswer['trailers']
    stream.on('response', (received) => {
      headers = plainHeaders(received)
    })
    stream.on('trailers', (received: IncomingHttpHeaders) => {
      trailers = plainHeaders(received)
    })
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', () => {
      // It is closed after that, and has a code.
    })
    // A stream is closed when both sides have ended.
    stream.on('end', () => stream.end())
    this.done = new Promise((resolve) => {
      stream.on('close', () => {
        const resetCode = stream.rstCode === constants.NGHTTP2_NO_ERROR ? undefined : stream.rstCode
        resolve({ headers, body: plainBytes(Buffer.concat(chunks)), trailers, resetCode })
      })
    })
  }
}

/** A client of node:http2 for what the client of grpc-js does not say. */
export class RawConnection {
  readonly session: ClientHttp2Session

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`)
    this.session.on('error', () => {
      // Tests look at what its streams saw.
    })
  }

  /** Starts a call of a path; headers given as `undefined` are left out. */
  start(path: string, headers: Record<string, string | undefined> = {}): RawCall {
    const all: Record<string, string | undefined> = {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    }
    const given: OutgoingHttpHeaders = Object.fromEntries(
      Object.entries(all).filter(([, value]) => value !== undefined),
    )
    // A GET would end its stream at once.
    return new RawCall(this.session.request(given, { endStream: false }))
  }

  /** A whole call: these bytes and the end. */
  call(path: string, body: Uint8Array, headers: Record<string, string | undefined> = {}): Promise<RawAnswer> {
    const call = this.start(path, headers)
    call.stream.end(body)
    return call.done
  }

  close(): void {
    this.session.destroy()
  }
}
