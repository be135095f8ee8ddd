import { createManualEnvironment } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import type { DefenceKind, GrpcServerOptions } from '../../src/index.ts'
import { RawConnection } from '../support/raw-connection.ts'
import {
  continuationFrame,
  dataFrame,
  frameType,
  headersFrame,
  pingFrame,
  preface,
  setting,
  settingsFrame,
  windowMaxBytes,
  windowUpdateFrame,
} from '../support/raw-frames.ts'
import {
  block,
  call,
  type Field,
  floodRequest,
  message,
  request,
  requestFields,
} from '../support/raw-headers.ts'
import { type RawServer, startRawServer } from '../support/raw-server.ts'

/** A call of somebody else, which also gives the server a turn of the event loop. */
async function serveOther(other: RawConnection, n: number): Promise<void> {
  other.write(call(n * 2 + 1, 'Echo'))
  const answer = await other.answer(n * 2 + 1)
  expect(answer.grpcStatus).toBe('0')
}

const isSettings = ({ type }: { type: number }): boolean => type === frameType.settings

interface SlowCase {
  readonly what: string
  readonly kind: DefenceKind
  readonly limits: GrpcServerOptions
  /** How long the server waits. Unit: ms. */
  readonly afterMs: number
  readonly begin: (connection: RawConnection) => Promise<void>
}

const handshake = async (connection: RawConnection): Promise<void> => {
  connection.write(preface, settingsFrame())
  await connection.roundTrip()
}

const call1 = call(1, 'Echo')

const slow: readonly SlowCase[] = [
  {
    what: 'says nothing',
    kind: 'handshakeTimeout',
    limits: { handshakeTimeoutMs: 3_000 },
    afterMs: 3_000,
    begin: async (connection) => {
      await connection.frame(isSettings)
    },
  },
  {
    what: 'stops within the preface',
    kind: 'handshakeTimeout',
    limits: { handshakeTimeoutMs: 3_000 },
    afterMs: 3_000,
    begin: async (connection) => {
      connection.write(preface.subarray(0, 10))
      await connection.frame(isSettings)
    },
  },
  {
    what: 'says nothing where HTTP/1.1 is spoken, too',
    kind: 'handshakeTimeout',
    limits: { handshakeTimeoutMs: 3_000, http1: () => undefined },
    afterMs: 3_000,
    begin: () => Promise.resolve(),
  },
  {
    what: 'stops within the preface where HTTP/1.1 is spoken, too',
    kind: 'handshakeTimeout',
    limits: { handshakeTimeoutMs: 3_000, http1: () => undefined },
    afterMs: 3_000,
    begin: (connection) => {
      connection.write(preface.subarray(0, 10))
      return Promise.resolve()
    },
  },
  {
    what: 'stops within a header block',
    kind: 'headersTimeout',
    limits: { headersTimeoutMs: 2_000 },
    afterMs: 2_000,
    begin: async (connection) => {
      await handshake(connection)
      connection.write(request(1, 'Echo', { endHeaders: false }))
    },
  },
  {
    what: 'stops within a HEADERS frame',
    kind: 'headersTimeout',
    limits: { headersTimeoutMs: 2_000 },
    afterMs: 2_000,
    begin: async (connection) => {
      await handshake(connection)
      connection.write(call1.subarray(0, 40))
    },
  },
  {
    what: 'drips a header block',
    kind: 'headersTimeout',
    limits: { headersTimeoutMs: 2_000, idleFramesMaxBurst: 1_000_000 },
    afterMs: 2_000,
    begin: async (connection) => {
      await handshake(connection)
      connection.write(request(1, 'Echo', { endHeaders: false }))
      connection.write(continuationFrame(1, Buffer.of(0), { endHeaders: false }))
    },
  },
]

describe('a client is cut off in time that', () => {
  test.each(slow.map((one) => [one.what, one] as const))(
    '%s',
    async (_, { kind, limits, afterMs, begin }) => {
      const environment = createManualEnvironment()
      await using server = await startRawServer({ ...limits, environment })
      await using other = await server.start()
      await using connection = await RawConnection.open({ port: server.port, polite: false })
      await begin(connection)
      const { clock } = environment
      // Two turns of somebody else: what the client has sent before was read by then.
      for (let n = 0; n < 2; n++) await serveOther(other, n)
      clock.advance(afterMs - 200)
      await serveOther(other, 2)
      expect(connection.isClosed).toBe(false)
      clock.advance(400)
      await connection.untilClosed()
      expect(server.server.stats().defended[kind]).toBe(1)
      await serveOther(other, 3)
    },
  )

  test('does not answer whether it is there', async () => {
    const environment = createManualEnvironment()
    const limits = { keepaliveTimeMs: 5_000, keepaliveTimeoutMs: 1_000 }
    await using server = await startRawServer({ ...limits, environment })
    await using polite = await server.start()
    await using connection = await server.start({ polite: false })
    for (let n = 0; n < 4 && !connection.isClosed; n++) {
      environment.clock.advance(5_050)
      if (n < 2) await serveOther(polite, n)
    }
    await connection.untilClosed()
    expect(server.server.stats().defended.keepaliveTimeout).toBe(1)
  })

  test('pings more often than it may', async () => {
    const environment = createManualEnvironment()
    await using server = await startRawServer({
      pingMinIntervalMs: 1_000,
      pingWithoutCalls: true,
      environment,
    })
    await using connection = await server.start()
    for (let n = 0; n < 5; n++) {
      await connection.roundTrip()
      environment.clock.advance(1_000)
    }
    expect(server.server.stats().defended.tooManyPings).toBe(0)
    connection.write(...Array.from({ length: 4 }, () => pingFrame('often')))
    await connection.untilClosed()
    expect(connection.goAway).toBe('ENHANCE_YOUR_CALM')
    const { payload } = await connection.frame(({ type }) => type === frameType.goAway)
    expect(payload.toString('latin1', 8)).toBe('too_many_pings')
    expect(server.server.stats().defended.tooManyPings).toBe(1)
  })
})

/** Serves somebody else until nothing changes for a while: whatever the server does by itself, it has done. */
async function settled(other: RawConnection, value: () => number, start = 0): Promise<number> {
  let same = 0
  let last = value()
  let n = start
  while (same < 20) {
    await serveOther(other, n++)
    same = value() === last ? same + 1 : 0
    last = value()
  }
  return n
}

/** What the kernel and the server have taken of what a client wrote. Unit: bytes. */
const takenBytes = ({ socket }: RawConnection): number => socket.bytesWritten - socket.writableLength

/** A method that there is not, with a name that comes back in the status. */
const path = `/no.Service/${'x'.repeat(9_000)}`

const wide = [setting.initialWindowSize, windowMaxBytes] as const

async function wideClient(server: RawServer): Promise<RawConnection> {
  const connection = await server.start({ polite: false }, wide)
  connection.write(windowUpdateFrame(0, windowMaxBytes - 65_535))
  await connection.roundTrip()
  return connection
}

describe('a client that does not read', () => {
  test('stops the stream that is sent to it, and nobody else', async () => {
    await using server = await startRawServer()
    await using other = await server.start()
    await using connection = await wideClient(server)
    connection.socket.pause()
    connection.write(call(1, 'Flood', floodRequest(1_000_000, 60_000)))
    await settled(other, () => server.service.flooded)
    expect(server.service.flooded).toBeGreaterThan(1)
    // What kernels hold is megabytes; 300 messages are 18 MB.
    expect(server.service.flooded).toBeLessThan(300)
  })

  test('gets the rest when it reads again', async () => {
    await using server = await startRawServer()
    await using other = await server.start()
    await using connection = await wideClient(server)
    connection.socket.pause()
    connection.write(call(1, 'Flood', floodRequest(500, 60_000)))
    await settled(other, () => server.service.flooded)
    expect(server.service.flooded).toBeLessThan(500)
    connection.socket.resume()
    expect((await connection.answer(1)).dataBytes).toBe(500 * 60_005)
  })

  test('is read from again when it reads', async () => {
    await using server = await startRawServer({ connectionSendMaxBytes: 2 ** 30 })
    await using other = await server.start()
    await using connection = await wideClient(server)
    connection.socket.pause()
    // Trailers are not held back by any window: 24 MB of them pile up, if the server goes on reading.
    const calls = 3_000
    const unknown = requestFields('Echo').map(
      ([name, value]): Field => [name, name === ':path' ? path : value],
    )
    const requests = Array.from({ length: calls }, (_, n) =>
      headersFrame(n * 2 + 1, block(unknown), { endStream: true }),
    )
    connection.write(...requests)
    await settled(other, () => takenBytes(connection))
    expect(server.server.stats().callsTotal).toBeLessThan(calls)
    connection.socket.resume()
    await connection.answer(calls * 2 - 1)
  })

  test('is not read from either, when it only asks for answers', async () => {
    await using server = await startRawServer({ idleFramesMaxBurst: 2 ** 31 })
    await using other = await server.start()
    await using connection = await wideClient(server)
    connection.socket.pause()
    const pings = Buffer.concat(Array.from({ length: 60_000 }, () => pingFrame('flood')))
    for (let n = 0; n < 60; n++) connection.write(pings)
    await settled(other, () => takenBytes(connection))
    expect(takenBytes(connection)).toBeLessThan(60 * pings.length)
    expect(server.server.stats().connections).toBe(2)
  })

  test('cannot pile up answers', async () => {
    await using server = await startRawServer({ connectionSendMaxBytes: 2_000_000 })
    await using other = await server.start()
    await using connection = await wideClient(server)
    connection.socket.pause()
    const content = Buffer.alloc(60_000)
    // Each request fits into the window that its stream begins with.
    for (let id = 1; id < 1_000; id += 2) {
      connection.write(request(id, 'Echo'))
      const whole = message(content)
      for (let at = 0; at < whole.length; at += 16_384) {
        const end = Math.min(whole.length, at + 16_384)
        connection.write(dataFrame(id, whole.subarray(at, end), { endStream: end === whole.length }))
      }
    }
    await settled(other, () => takenBytes(connection))
    const { sendMemory } = server.server.stats().defended
    expect(sendMemory).toBeGreaterThan(0)
    // Of 30 MB: what kernels and the socket hold, and the limit.
    expect((500 - sendMemory) * content.length).toBeLessThan(20_000_000)
  })

  test('is cut off when it takes nothing for too long', async () => {
    const environment = createManualEnvironment()
    await using server = await startRawServer({ stalledWriteTimeoutMs: 60_000, environment })
    await using other = await server.start()
    await using connection = await wideClient(server)
    connection.socket.pause()
    connection.write(call(1, 'Flood', floodRequest(1_000_000, 60_000)))
    const next = await settled(other, () => server.service.flooded)
    environment.clock.advance(59_000)
    await serveOther(other, next)
    expect(server.server.stats().connections).toBe(2)
    environment.clock.advance(2_000)
    await serveOther(other, next + 1)
    expect(server.server.stats().defended.stalledWrite).toBe(1)
    expect(server.server.stats().calls).toBe(0)
  })
})
