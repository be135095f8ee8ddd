import { describe, expect, test } from 'vitest'
import type { DefenceKind } from '../../src/index.ts'
import {
  continuationFrame,
  dataFrame,
  frame,
  frameType,
  headersFrame,
  pingFrame,
  priorityFrame,
  rstStreamFrame,
  setting,
  settingsAck,
  settingsFrame,
  windowMaxBytes,
  windowUpdateFrame,
} from '../support/raw-frames.ts'
import {
  block,
  call,
  type Field,
  indexed,
  indexedLiteral,
  literal,
  message,
  request,
  requestFields,
} from '../support/raw-headers.ts'
import { type RawServer, startRawServer } from '../support/raw-server.ts'

const echo = block(requestFields('Echo'))

/** Shows that a server counted this once, that it let the client know, and that it serves others. */
async function expectCalm(server: RawServer, kind: DefenceKind): Promise<void> {
  expect(server.server.stats().defended[kind]).toBe(1)
  await using other = await server.start()
  other.write(call(1, 'Echo'))
  expect((await other.answer(1)).grpcStatus).toBe('0')
}

describe('resets beyond the burst end the connection', () => {
  const ways: readonly { readonly way: string; readonly frames: (id: number) => readonly Buffer[] }[] = [
    { way: 'by the client', frames: (id) => [request(id, 'Never'), rstStreamFrame(id)] },
    {
      way: 'by the client, of calls that are answered at once',
      frames: (id) => [headersFrame(id, block(requestFields('Chat')), {}), rstStreamFrame(id)],
    },
    {
      way: 'for a window update by nothing',
      frames: (id) => [request(id, 'Never'), windowUpdateFrame(id, 0)],
    },
    {
      way: 'for a window that overflows',
      frames: (id) => [request(id, 'Never'), windowUpdateFrame(id, windowMaxBytes)],
    },
    {
      way: 'for DATA after the end',
      frames: (id) => [call(id, 'Never'), dataFrame(id, message('x'))],
    },
    {
      way: 'for HEADERS after the end',
      frames: (id) => [call(id, 'Never'), headersFrame(id, block([['x', 'y']]), { endStream: true })],
    },
    {
      way: 'for PRIORITY of a wrong length',
      frames: (id) => [
        request(id, 'Never'),
        frame({ type: frameType.priority, streamId: id, payload: Buffer.alloc(4) }),
      ],
    },
    { way: 'for malformed requests', frames: (id) => [headersFrame(id, block([[':method', 'POST']]))] },
    {
      way: 'for malformed trailers',
      frames: (id) => [request(id, 'Sink'), headersFrame(id, block([['Upper', 'x']]), { endStream: true })],
    },
    {
      way: 'for content beyond its length',
      frames: (id) => [
        headersFrame(id, block(requestFields('Sink', ['content-length', '1']))),
        dataFrame(id, message('x')),
      ],
    },
    {
      way: 'for metadata that is too large',
      frames: (id) => [headersFrame(id, block(requestFields('Echo', ['x', 'y'.repeat(3_000)])))],
    },
    {
      way: 'for more data than the window allows',
      frames: (id) => [
        request(id, 'Hold'),
        ...Array.from({ length: 5 }, () => dataFrame(id, Buffer.alloc(1_000))),
      ],
    },
  ]

  test.each(ways.map(({ way, frames }) => [way, frames] as const))('%s', async (_, frames) => {
    await using server = await startRawServer({
      resetsMaxBurst: 10,
      resetsPerSecond: 0,
      metadataMaxBytes: 2_000,
      receiveWindowBytes: 4_000,
    })
    await using connection = await server.start()
    for (let n = 0; n < 10; n++) connection.write(...frames(n * 2 + 1))
    await connection.roundTrip()
    connection.write(...frames(21))
    await connection.untilClosed()
    expect(connection.goAway).toBe('ENHANCE_YOUR_CALM')
    await expectCalm(server, 'resetFlood')
    expect(server.server.stats().calls).toBe(0)
  })
})

describe('frames without use beyond the burst end the connection', () => {
  const opened = request(1, 'Hold')
  const isGone = [request(1, 'Sink'), rstStreamFrame(1)]
  const floods: readonly {
    readonly what: string
    readonly before?: readonly Buffer[]
    readonly flood: Buffer
  }[] = [
    { what: 'SETTINGS', flood: settingsFrame([setting.initialWindowSize, 70_000]) },
    { what: 'empty SETTINGS', flood: settingsFrame() },
    { what: 'acknowledgements of SETTINGS', flood: settingsAck },
    { what: 'PING', flood: pingFrame('flood') },
    { what: 'acknowledgements of PING', flood: pingFrame('flood', { ack: true }) },
    { what: 'PRIORITY', flood: priorityFrame(1, { dependsOn: 0 }) },
    { what: 'unknown frames', flood: frame({ type: 0x42, payload: Buffer.alloc(4) }) },
    { what: 'empty DATA', before: [opened], flood: dataFrame(1, Buffer.alloc(0)) },
    {
      what: 'DATA of padding alone',
      before: [opened],
      flood: dataFrame(1, Buffer.alloc(0), { paddingBytes: 9 }),
    },
    {
      what: 'DATA of one byte',
      before: [opened, dataFrame(1, Buffer.of(0, 0, 0, 1, 0))],
      flood: dataFrame(1, Buffer.of(1)),
    },
    { what: 'DATA for a call that is gone', before: isGone, flood: dataFrame(1, Buffer.of(1)) },
    { what: 'RST_STREAM for a call that is gone', before: isGone, flood: rstStreamFrame(1) },
    { what: 'WINDOW_UPDATE of the connection', flood: windowUpdateFrame(0, 1) },
    { what: 'WINDOW_UPDATE of a stream', before: [opened], flood: windowUpdateFrame(1, 1) },
    { what: 'WINDOW_UPDATE of a call that is gone', before: isGone, flood: windowUpdateFrame(1, 1) },
    {
      what: 'header blocks of a call that the server has reset',
      before: [headersFrame(1, block([['x', 'y']]))],
      flood: headersFrame(1, block([['x', 'y']])),
    },
  ]

  test.each(floods.map((one) => [one.what, one] as const))('%s', async (_, { before = [], flood }) => {
    await using server = await startRawServer({ idleFramesMaxBurst: 100, idleFramesPerSecond: 0 })
    await using connection = await server.start({ polite: false })
    connection.write(...before, ...Array.from({ length: 90 }, () => flood))
    await connection.roundTrip()
    connection.write(...Array.from({ length: 20 }, () => flood))
    await connection.untilClosed()
    expect(connection.goAway).toBe('ENHANCE_YOUR_CALM')
    await expectCalm(server, 'idleFrameFlood')
    expect(server.server.stats().calls).toBe(0)
  })

  test('but not when calls go on in between', async () => {
    await using server = await startRawServer({ idleFramesMaxBurst: 100, idleFramesPerSecond: 0 })
    await using connection = await server.start()
    for (let n = 0; n < 100; n++) {
      connection.write(call(n * 2 + 1, 'Echo'), pingFrame('measure'), windowUpdateFrame(0, 100))
      expect((await connection.answer(n * 2 + 1)).grpcStatus).toBe('0')
    }
    expect(server.server.stats().defended.idleFrameFlood).toBe(0)
  })
})

describe('header blocks', () => {
  test.each([
    ['long', 10_000],
    ['short', 1],
    ['empty', 0],
  ] as const)('without an end, of %s frames, end the connection', async (_, bytes) => {
    await using server = await startRawServer()
    await using connection = await server.start()
    connection.write(request(1, 'Echo', { endHeaders: false }))
    const part = literal(['x', 'y'.repeat(Math.max(0, bytes - 4))]).subarray(0, bytes)
    connection.write(
      ...Array.from({ length: 10_000 }, () => continuationFrame(1, part, { endHeaders: false })),
    )
    await connection.untilClosed()
    expect(connection.goAway).toBe('ENHANCE_YOUR_CALM')
    await expectCalm(server, 'headerBlockTooLong')
  })

  test('of more bytes than their metadata may have end the connection, in a few frames, too', async () => {
    await using server = await startRawServer({ metadataMaxBytes: 2_000 })
    await using connection = await server.start()
    const part = Buffer.alloc(10_000)
    connection.write(request(1, 'Echo', { endHeaders: false }))
    connection.write(...Array.from({ length: 3 }, () => continuationFrame(1, part, { endHeaders: false })))
    await connection.untilClosed()
    expect(connection.goAway).toBe('ENHANCE_YOUR_CALM')
    await expectCalm(server, 'headerBlockTooLong')
  })

  test('that expand thousands of times are refused, and the table stays in step', async () => {
    await using server = await startRawServer()
    await using connection = await server.start()
    const big = indexedLiteral(['x-big', 'y'.repeat(4_000)])
    const bomb = Buffer.concat([echo, big, ...Array.from({ length: 12_000 }, () => indexed(62))])
    connection.write(headersFrame(1, bomb, { endStream: true }))
    expect((await connection.answer(1)).reset).toBe('ENHANCE_YOUR_CALM')
    connection.write(
      headersFrame(3, Buffer.concat([echo, indexed(62)])),
      dataFrame(3, message('x'), { endStream: true }),
    )
    expect((await connection.answer(3)).grpcStatus).toBe('0')
    await expectCalm(server, 'metadataTooLarge')
  })

  const manyFields = Array.from({ length: 200 }, (_, n): Field => [`x-${n}`, 'y'])
  const oversized: readonly { readonly what: string; readonly fields: readonly Field[] }[] = [
    { what: 'a field over the limit', fields: [['x', 'y'.repeat(5_000)]] },
    { what: 'fields over the limit together', fields: manyFields.slice(0, 100) },
    { what: 'too many fields', fields: manyFields.slice(0, 50).map(([name]): Field => [name, '']) },
  ]
  const limits = { metadataMaxBytes: 3_000, metadataMaxFields: 40 }

  test.each(oversized.map(({ what, fields }) => [what, fields] as const))(
    'of a request with %s reset the call',
    async (_, fields) => {
      await using server = await startRawServer(limits)
      await using connection = await server.start()
      expect(connection.setting(setting.maxHeaderListSize)).toBe(3_000)
      connection.write(
        headersFrame(1, block(requestFields('Echo', ...fields)), { endStream: true }),
        call(3, 'Echo'),
      )
      expect((await connection.answer(3)).grpcStatus).toBe('0')
      expect(connection.stream(1).reset).toBe('ENHANCE_YOUR_CALM')
      await expectCalm(server, 'metadataTooLarge')
      expect(server.service.calls.Echo).toBe(2)
    },
  )

  test.each(oversized.map(({ what, fields }) => [what, fields] as const))(
    'of trailers with %s reset the call',
    async (_, fields) => {
      await using server = await startRawServer(limits)
      await using connection = await server.start()
      connection.write(
        request(1, 'Sink'),
        headersFrame(1, block(fields), { endStream: true }),
        call(3, 'Echo'),
      )
      expect((await connection.answer(3)).grpcStatus).toBe('0')
      expect(connection.stream(1).reset).toBe('ENHANCE_YOUR_CALM')
      await expectCalm(server, 'metadataTooLarge')
    },
  )
})

describe('what a server holds at a time', () => {
  test('RFC 9113, 5.1.2: a call beyond the announced number is refused, and may be repeated', async () => {
    await using server = await startRawServer({ concurrentStreamsMax: 2 })
    await using connection = await server.start()
    expect(connection.setting(setting.maxConcurrentStreams)).toBe(2)
    connection.write(call(1, 'Never'), call(3, 'Never'), call(5, 'Echo'))
    expect((await connection.answer(5)).reset).toBe('REFUSED_STREAM')
    expect(server.service.calls).toMatchObject({ Never: 2, Echo: 0 })
    connection.write(rstStreamFrame(1), call(7, 'Echo'))
    expect((await connection.answer(7)).grpcStatus).toBe('0')
    await expectCalm(server, 'tooManyStreams')
  })

  test('a connection beyond the limit is closed at once, and the others go on', async () => {
    await using server = await startRawServer({ connectionsMax: 2 })
    await using first = await server.start()
    const second = await server.start()
    await expect(server.start()).rejects.toThrow('closed')
    expect(server.server.stats().defended.tooManyConnections).toBe(1)
    first.write(call(1, 'Echo'))
    expect((await first.answer(1)).grpcStatus).toBe('0')
    await second.close()
    // The server hears of it when it reads next.
    await first.roundTrip()
    await expectCalm(server, 'tooManyConnections')
  })

  test('requests that wait for their handlers are bounded for a connection', async () => {
    await using server = await startRawServer({ connectionReceiveMaxBytes: 100_000 })
    await using connection = await server.start()
    for (const id of [1, 3]) {
      connection.write(request(id, 'Hold'))
      await connection.upload(id, Buffer.concat(Array.from({ length: 60 }, () => message(Buffer.alloc(995)))))
    }
    expect((await connection.answer(3)).grpcStatus).toBe('8')
    expect(connection.stream(1).isSettled).toBe(false)
    await expectCalm(server, 'receiveMemory')
  })

  test('answers that wait for a window are bounded for a connection', async () => {
    await using server = await startRawServer({ connectionSendMaxBytes: 100_000 })
    await using connection = await server.start({}, [setting.initialWindowSize, 0])
    for (const id of [1, 3]) {
      connection.write(request(id, 'Echo'))
      await connection.upload(id, message(Buffer.alloc(60_000)), { endStream: true })
    }
    expect((await connection.answer(3)).reset).toBe('ENHANCE_YOUR_CALM')
    connection.write(windowUpdateFrame(1, 100_000))
    expect((await connection.answer(1)).grpcStatus).toBe('0')
    await expectCalm(server, 'sendMemory')
  })

  test('calls that are reset take nothing of these limits any more', async () => {
    await using server = await startRawServer({
      connectionReceiveMaxBytes: 100_000,
      connectionSendMaxBytes: 100_000,
    })
    await using connection = await server.start({}, [setting.initialWindowSize, 0])
    const messages = Buffer.concat(Array.from({ length: 60 }, () => message(Buffer.alloc(995))))
    for (let id = 1; id < 40; id += 4) {
      connection.write(request(id, 'Hold'))
      await connection.upload(id, messages)
      connection.write(rstStreamFrame(id), request(id + 2, 'Echo'))
      await connection.upload(id + 2, message(Buffer.alloc(60_000)), { endStream: true })
      await connection.roundTrip()
      connection.write(rstStreamFrame(id + 2))
    }
    await connection.roundTrip()
    expect(server.server.stats()).toMatchObject({ calls: 0, defended: { receiveMemory: 0, sendMemory: 0 } })
  })
})

test('a client that sends something else than frames is turned away', async () => {
  await using server = await startRawServer()
  await using connection = await server.start()
  connection.write(Buffer.alloc(9 + 16_385, 0xff))
  await connection.untilClosed()
  expect(connection.goAway).toBe('FRAME_SIZE_ERROR')
  await expectCalm(server, 'protocolError')
})
