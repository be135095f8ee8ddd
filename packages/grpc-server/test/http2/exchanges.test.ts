import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HpackDecoder } from '../../src/hpack/decoder.ts'
import { RawConnection } from '../support/raw-connection.ts'
import {
  dataFrame,
  flag,
  frameType,
  goAwayFrame,
  pingFrame,
  preface,
  rstStreamFrame,
  setting,
  settingsFrame,
} from '../support/raw-frames.ts'
import { call, message, request } from '../support/raw-headers.ts'
import { type RawServer, startRawServer } from '../support/raw-server.ts'

let server: RawServer
beforeAll(async () => {
  server = await startRawServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const isAck = ({ flags }: { flags: number }): boolean => (flags & flag.ack) !== 0

test('RFC 9113, 3.4: the first frame of the server is SETTINGS, before the client has said anything', async () => {
  await using connection = await RawConnection.open({ port: server.port, polite: false })
  await connection.until(() => connection.frames.length > 0)
  const [first] = connection.frames
  expect(first).toMatchObject({ type: frameType.settings, flags: 0, streamId: 0 })
  expect(connection.setting(setting.enablePush) ?? 0).toBe(0)
  expect(connection.setting(setting.maxFrameSize) ?? 16_384).toBe(16_384)
})

test('RFC 9113, 6.5.3: SETTINGS are acknowledged in order, each once', async () => {
  await using connection = await server.start()
  connection.write(
    settingsFrame(),
    pingFrame('between'),
    settingsFrame([setting.enablePush, 0]),
    pingFrame('after'),
  )
  await connection.frame(
    ({ type, payload }) => type === frameType.ping && payload.toString() === 'after\0\0\0',
  )
  const answers = connection.frames.filter((frame) => isAck(frame)).map(({ type }) => type)
  const { settings, ping } = frameType
  expect(answers).toEqual([settings, settings, ping, settings, ping])
})

test('RFC 9113, 6.7: PING is answered with its payload, and answers are not', async () => {
  await using connection = await server.start()
  connection.write(pingFrame('answer', { ack: true }), pingFrame('12345678'))
  await connection.frame(({ type, payload }) => type === frameType.ping && payload.toString() === '12345678')
  await connection.roundTrip()
  const pings = connection.frames.filter(({ type }) => type === frameType.ping)
  expect(pings.map(({ payload }) => payload.toString())).toEqual(['12345678', '1       '])
  expect(pings.every(isAck)).toBe(true)
})

describe('RFC 9113, 6.8', () => {
  test('calls that are open finish after GOAWAY of the client, and then the server closes', async () => {
    await using connection = await server.start()
    connection.write(request(1, 'Sink'), goAwayFrame())
    await connection.roundTrip()
    connection.write(dataFrame(1, message('rest'), { endStream: true }))
    expect((await connection.answer(1)).content).toEqual(message('4'))
    await connection.untilClosed()
    expect(connection.goAway ?? 'NO_ERROR').toBe('NO_ERROR')
  })

  test('a client that leaves without calls is let go', async () => {
    await using connection = await server.start()
    connection.write(goAwayFrame())
    await connection.untilClosed()
    expect(connection.goAway ?? 'NO_ERROR').toBe('NO_ERROR')
  })

  test('what follows GOAWAY at once opens nothing that stays', async () => {
    await using own = await startRawServer()
    await using connection = await own.start()
    connection.write(goAwayFrame(), call(1, 'Never'), rstStreamFrame(1), call(3, 'Never'))
    await connection.untilClosed()
    await using other = await own.start()
    await other.roundTrip()
    expect(own.server.stats()).toMatchObject({ calls: 0, connections: 1 })
  })

  test('a server that closes lets calls finish, refuses later ones by number, and says so', async () => {
    await using own = await startRawServer()
    await using connection = await own.start()
    connection.write(request(1, 'Sink'))
    await connection.roundTrip()
    const closed = own.server.close()
    const first = await connection.frame(({ type }) => type === frameType.goAway)
    expect(first.payload.readUInt32BE(0)).toBe(0x7fff_ffff)
    await connection.until(
      () => connection.frames.filter(({ type }) => type === frameType.goAway).length === 2,
    )
    const last = connection.frames.findLast(({ type }) => type === frameType.goAway)
    expect(last?.payload.readUInt32BE(0)).toBe(1)
    connection.write(dataFrame(1, message('rest'), { endStream: true }))
    expect((await connection.answer(1)).grpcStatus).toBe('0')
    await Promise.all([connection.untilClosed(), closed])
    expect(connection.goAway).toBe('NO_ERROR')
  })

  test('RFC 9113, 5.4.1: an error names the last call that was taken', async () => {
    await using connection = await server.start()
    connection.write(call(5, 'Never'), dataFrame(0, message('x')))
    await connection.untilClosed()
    const last = connection.frames.findLast(({ type }) => type === frameType.goAway)
    expect(last?.payload.readUInt32BE(0)).toBe(5)
    expect(connection.goAway).toBe('PROTOCOL_ERROR')
  })
})

describe('RFC 7541, 4.2', () => {
  const limits = { listMaxBytes: 100_000, listMaxFields: 1_000 }

  test('a client that gives no table gets blocks that need none', async () => {
    await using connection = await server.start({}, [setting.headerTableSize, 0])
    connection.write(call(1, 'Echo'), call(3, 'Echo'))
    await connection.answer(1)
    await connection.answer(3)
    const decoder = new HpackDecoder({ tableMaxBytes: 0 })
    const blocks = connection.frames.filter(({ type }) => type === frameType.headers)
    expect(blocks).toHaveLength(4)
    for (const { payload, fields } of blocks) {
      const flat: string[] = []
      decoder.decode(payload, 0, payload.length, flat, limits)
      expect(flat).toEqual(fields.flat())
    }
  })

  test('a table that shrinks and grows between two blocks is announced', async () => {
    await using connection = await server.start()
    connection.write(call(1, 'Echo'))
    await connection.answer(1)
    connection.write(
      settingsFrame([setting.headerTableSize, 0]),
      settingsFrame([setting.headerTableSize, 4_096]),
    )
    connection.write(call(3, 'Echo'))
    expect((await connection.answer(3)).grpcStatus).toBe('0')
    const block = connection.frames.find(({ type, streamId }) => type === frameType.headers && streamId === 3)
    expect(block?.payload[0]).toBe(0x20)
  })
})

test('RFC 9113, 8.1: a call that ends before its request does lets the client stop', async () => {
  await using limited = await startRawServer({ receiveMessageMaxBytes: 10 })
  await using connection = await limited.start()
  connection.write(request(1, 'Sink'), dataFrame(1, message('longer than ten')))
  await connection.answer(1)
  await connection.until(() => connection.stream(1).reset !== undefined)
  expect(connection.stream(1)).toMatchObject({ grpcStatus: '8', reset: 'NO_ERROR' })
})

test('a session is complete with its preface cut from its SETTINGS', async () => {
  await using connection = await RawConnection.open({ port: server.port, polite: false })
  connection.write(preface)
  await connection.until(() => connection.frames.length > 0)
  connection.write(settingsFrame(), call(1, 'Echo'))
  expect((await connection.answer(1)).grpcStatus).toBe('0')
})

test('many calls in one piece are answered, each with its own content', async () => {
  await using connection = await server.start()
  const ids = Array.from({ length: 200 }, (_, n) => n * 2 + 1)
  connection.write(...ids.map((id) => call(id, id % 4 === 1 ? 'Echo' : 'Chat', `content ${id}`)))
  for (const id of ids) expect((await connection.answer(id)).content).toEqual(message(`content ${id}`))
  expect(connection.violations).toEqual([])
})
