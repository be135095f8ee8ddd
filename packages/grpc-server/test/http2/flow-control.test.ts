import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RawConnection } from '../support/raw-connection.ts'
import {
  dataFrame,
  headersFrame,
  rstStreamFrame,
  setting,
  settingsFrame,
  windowUpdateFrame,
} from '../support/raw-frames.ts'
import {
  block,
  call,
  type Field,
  floodRequest,
  message,
  messagePrefix,
  request,
  requestFields,
} from '../support/raw-headers.ts'
import { type RawServer, startRawServer } from '../support/raw-server.ts'

let server: RawServer
beforeAll(async () => {
  server = await startRawServer()
})
afterAll(() => server[Symbol.asyncDispose]())

/** A client whose streams begin with a window of `bytes`. */
const clientWithWindow = (bytes: number): Promise<RawConnection> =>
  server.start({}, [setting.initialWindowSize, bytes])

/** Shows that a stream gets exactly so much: not less, and no more when the server has had its time. */
async function expectBytes(connection: RawConnection, streamId: number, bytes: number): Promise<void> {
  const stream = connection.stream(streamId)
  await connection.until(() => stream.dataBytes >= bytes, `${bytes} bytes of stream ${streamId}`)
  await connection.roundTrip()
  expect(stream.dataBytes).toBe(bytes)
}

describe('a server that sends', () => {
  test('RFC 9113, 6.9.1: never exceeds the window of a stream', async () => {
    await using connection = await clientWithWindow(100)
    connection.write(call(1, 'Flood', floodRequest(10, 1000)))
    await expectBytes(connection, 1, 100)
    connection.write(windowUpdateFrame(1, 50))
    await expectBytes(connection, 1, 150)
    connection.write(windowUpdateFrame(1, 100_000))
    expect((await connection.answer(1)).grpcStatus).toBe('0')
    expect(connection.stream(1).dataBytes).toBe(10 * 1005)
  })

  test('RFC 9113, 6.9.1: never exceeds the window of the connection, which all streams share', async () => {
    await using connection = await clientWithWindow(1_000_000)
    connection.write(call(1, 'Flood', floodRequest(30, 5000)), call(3, 'Flood', floodRequest(30, 5000)))
    const sum = (): number => connection.stream(1).dataBytes + connection.stream(3).dataBytes
    await connection.until(() => sum() >= 65_535)
    await connection.roundTrip()
    expect(sum()).toBe(65_535)
    connection.write(windowUpdateFrame(0, 1000))
    await connection.until(() => sum() >= 66_535)
    await connection.roundTrip()
    expect(sum()).toBe(66_535)
    connection.write(windowUpdateFrame(0, 1_000_000))
    expect((await connection.answer(1)).grpcStatus).toBe('0')
    expect((await connection.answer(3)).grpcStatus).toBe('0')
    expect(connection.violations).toEqual([])
  })

  test('RFC 9113, 6.9.2: a larger INITIAL_WINDOW_SIZE widens open streams', async () => {
    await using connection = await clientWithWindow(0)
    connection.write(call(1, 'Flood', floodRequest(1, 1000)))
    await expectBytes(connection, 1, 0)
    connection.write(settingsFrame([setting.initialWindowSize, 10]))
    await expectBytes(connection, 1, 10)
    connection.write(settingsFrame([setting.initialWindowSize, 2000]))
    expect((await connection.answer(1)).dataBytes).toBe(1005)
  })

  test('RFC 9113, 6.9.2: a smaller INITIAL_WINDOW_SIZE makes the windows of open streams negative', async () => {
    await using connection = await clientWithWindow(1000)
    connection.write(call(1, 'Flood', floodRequest(10, 1000)))
    await expectBytes(connection, 1, 1000)
    connection.write(settingsFrame([setting.initialWindowSize, 400]), windowUpdateFrame(1, 600))
    await expectBytes(connection, 1, 1000)
    connection.write(windowUpdateFrame(1, 1))
    await expectBytes(connection, 1, 1001)
    connection.write(settingsFrame([setting.initialWindowSize, 500]))
    await expectBytes(connection, 1, 1101)
  })

  test('RFC 9113, 6.9: needs no window for headers and trailers', async () => {
    await using connection = await clientWithWindow(0)
    const fields = requestFields('Echo').map(
      ([name, value]): Field => [name, name === ':path' ? '/no.Service/At' : value],
    )
    connection.write(headersFrame(1, block(fields)), dataFrame(1, message('x'), { endStream: true }))
    expect((await connection.answer(1)).grpcStatus).toBe('12')
  })

  test('a stream without a window holds up no other', async () => {
    await using connection = await clientWithWindow(5)
    connection.write(call(1, 'Flood', floodRequest(5, 1000)), call(3, 'Echo', ''))
    expect((await connection.answer(3)).grpcStatus).toBe('0')
    expect(connection.stream(1).isSettled).toBe(false)
  })

  test('a stream that is reset gives its share of the connection to the others', async () => {
    await using connection = await clientWithWindow(1_000_000)
    connection.write(call(1, 'Flood', floodRequest(100, 5000)))
    await expectBytes(connection, 1, 65_535)
    connection.write(call(3, 'Echo', 'next'), rstStreamFrame(1), windowUpdateFrame(0, 100))
    expect((await connection.answer(3)).content).toEqual(message('next'))
    expect(connection.stream(1).dataBytes).toBe(65_535)
  })

  test('RFC 9113, 4.2: frames are no longer than the client takes, whatever the message', async () => {
    await using connection = await clientWithWindow(1_000_000)
    connection.write(windowUpdateFrame(0, 1_000_000), call(1, 'Flood', floodRequest(3, 100_000)))
    expect((await connection.answer(1)).dataBytes).toBe(300_015)
    expect(connection.violations).toEqual([])
  })
})

describe('a server that receives', () => {
  const megabyte = Buffer.alloc(1_000_000, 'm')

  test('RFC 9113, 6.9.1: returns windows as handlers read', async () => {
    await using connection = await server.start()
    connection.write(request(1, 'Sink'))
    for (let n = 0; n < 20; n++)
      await connection.upload(1, message(megabyte.subarray(0, 50_000)), { endStream: n === 19 })
    expect((await connection.answer(1)).content).toEqual(message('1000000'))
  })

  test('returns windows for a message that is longer than they are', async () => {
    await using connection = await server.start()
    connection.write(request(1, 'Sink'))
    await connection.upload(1, message(megabyte), { endStream: true })
    expect((await connection.answer(1)).content).toEqual(message('1000000'))
  })

  test('stops the stream of a handler that does not read, and no other', async () => {
    await using connection = await server.start()
    connection.write(request(1, 'Hold'))
    const count = Math.ceil((connection.setting(setting.initialWindowSize) ?? 65_535) / 1000) + 50
    const small = Buffer.concat(Array.from({ length: count }, () => message(Buffer.alloc(995))))
    const all = connection.upload(1, small, { endStream: true })
    await connection.until(() => connection.uploadableBytes(1) === 0)
    await connection.roundTrip()
    expect(connection.uploadableBytes(1)).toBe(0)
    connection.write(request(3, 'Sink'))
    await connection.upload(3, message(megabyte), { endStream: true })
    expect((await connection.answer(3)).content).toEqual(message('1000000'))
    expect(connection.uploadableBytes(1)).toBe(0)
    server.service.held.at(-1)?.resume()
    await all
    expect((await connection.answer(1)).content).toEqual(message(String(count * 995)))
  })

  test('RFC 9113, 6.1: padding counts, and is given back', async () => {
    await using connection = await server.start()
    connection.write(request(1, 'Sink'))
    const padded = dataFrame(1, Buffer.alloc(0), { paddingBytes: 255 })
    // A frame of 256 bytes that count: within the smallest window, many of them exceed what is not given back.
    for (let n = 0; n < 20; n++) {
      connection.write(...Array.from({ length: 100 }, () => padded))
      await connection.roundTrip()
    }
    connection.write(dataFrame(1, message('x'), { endStream: true }))
    expect((await connection.answer(1)).content).toEqual(message('1'))
  })

  test('RFC 9113, 5.1: gives back what comes for streams that it has reset', async () => {
    await using connection = await server.start()
    connection.write(headersFrame(1, block(requestFields('Sink', ['Upper', 'x']))))
    await connection.answer(1)
    for (let n = 0; n < 200; n++) {
      connection.write(dataFrame(1, Buffer.alloc(16_384)))
      await connection.roundTrip()
    }
    connection.write(call(3, 'Echo'))
    expect((await connection.answer(3)).grpcStatus).toBe('0')
  })

  test('RFC 9113, 6.9: more than the window of a stream is an error', async () => {
    await using connection = await server.start()
    const before = server.server.stats().defended.windowExceeded
    const windowBytes = connection.setting(setting.initialWindowSize) ?? 65_535
    // Small messages: a server may widen the window for a long one that has begun.
    const messages = Buffer.concat(Array.from({ length: 16 }, () => message(Buffer.alloc(995))))
    const frames = Array.from({ length: Math.ceil(windowBytes / 16_000) + 1 }, () => dataFrame(1, messages))
    connection.write(request(1, 'Hold'), ...frames)
    const stream = connection.stream(1)
    await connection.until(() => stream.isSettled)
    expect(stream.reset).toBe('FLOW_CONTROL_ERROR')
    expect(server.server.stats().defended.windowExceeded).toBe(before + 1)
  })
})

describe('a message over the limit of the server', () => {
  test.each([
    ['by one byte', 1001],
    ['by far', 0xffff_ffff],
  ] as const)('%s is refused by its prefix alone', async (_, bytes) => {
    await using limited = await startRawServer({ receiveMessageMaxBytes: 1000 })
    await using connection = await limited.start()
    connection.write(request(1, 'Echo'), dataFrame(1, messagePrefix(bytes)))
    expect((await connection.answer(1)).grpcStatus).toBe('8')
    expect(limited.service.calls.Echo).toBe(0)
    expect(limited.server.stats().defended.messageTooLarge).toBe(1)
    connection.write(call(3, 'Echo', Buffer.alloc(1000)))
    expect((await connection.answer(3)).grpcStatus).toBe('0')
  })
})
