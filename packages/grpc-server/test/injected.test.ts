import { connect } from 'node:http2'
import { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { type sendUnaryData, ServerCredentials, type ServerUnaryCall } from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { createGrpcServer } from '../src/index.ts'

const same = (bytes: Buffer): Buffer => bytes
const definition = {
  echo: {
    path: '/s/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  },
}

function frame(message: string): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, Buffer.from(message)])
}

/** One end of a pipe that hands on the very memory that is written, unlike a kernel. */
class End extends Duplex {
  other: End | undefined

  override _read(): void {
    // The other end pushes.
  }

  override _write(bytes: Buffer, _encoding: string, callback: () => void): void {
    this.other?.push(bytes)
    callback()
  }

  override _final(callback: () => void): void {
    this.other?.push(null)
    callback()
  }
}

test('what waits in a stream that is no socket is not written over by later answers', async () => {
  const server = createGrpcServer()
  server.addService(definition, {
    echo: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
      callback(null, call.request),
  })
  const near = new End()
  const far = new End()
  near.other = far
  far.other = near
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(far)
  const session = connect('http://injected', { createConnection: () => near })
  const echo = (message: string): Promise<string> => {
    const headers = {
      ':method': 'POST',
      ':path': '/s/Echo',
      'content-type': 'application/grpc',
      te: 'trailers',
    }
    const stream = session.request(headers)
    stream.end(frame(message))
    return text(stream)
  }
  const messages = Array.from({ length: 50 }, (_, i) => `message ${i} ${'x'.repeat(i * 40)}`)
  const answers = await Promise.all(messages.map((message) => echo(message)))
  expect(answers.map((answer) => answer.slice(5))).toEqual(messages)
  const kept: Buffer[] = []
  near.on('data', (bytes: Buffer) => kept.push(bytes))
  const copies: Buffer[] = []
  near.on('data', (bytes: Buffer) => copies.push(Buffer.from(bytes)))
  for (const message of messages.slice(0, 5)) await echo(message)
  expect(kept).toEqual(copies)
  session.destroy()
  server.forceShutdown()
})
