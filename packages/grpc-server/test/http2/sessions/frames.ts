import {
  continuationFrame,
  dataFrame,
  flag,
  frame,
  frameType,
  headersFrame,
  pingFrame,
  rstStreamFrame,
  windowMaxBytes,
  windowUpdateFrame,
} from '../../support/raw-frames.ts'
import { block, call, message, request, requestFields } from '../../support/raw-headers.ts'
import { connection, ok, section, type Session } from './session.ts'

const echo = block(requestFields('Echo'))
const some = message('x')
const streamOrConnection = (error: string): string[] => [`1: reset ${error}`, `connection ${error}`]

const data = section('RFC 9113, 6.1')
const paddedData = (payload: Uint8Array): Buffer =>
  frame({ type: frameType.data, flags: flag.padded | flag.endStream, streamId: 1, payload })

const dataRules: readonly Session[] = [
  data.rule('DATA on stream 0 is a connection error', [dataFrame(0, some)], connection.protocolError),
  data.rule(
    'padding is read over',
    [request(1, 'Echo'), dataFrame(1, some, { endStream: true, paddingBytes: 255 })],
    ok,
  ),
  data.rule(
    'padding of no bytes is padding',
    [request(1, 'Echo'), dataFrame(1, some, { endStream: true, paddingBytes: 0 })],
    ok,
  ),
  data.rule(
    'DATA may be padding alone',
    [request(1, 'Echo'), dataFrame(1, some), paddedData(Buffer.of(9, 0, 0, 0, 0, 0, 0, 0, 0, 0))],
    ok,
  ),
  data.rule(
    'DATA may be empty',
    [
      request(1, 'Echo'),
      dataFrame(1, Buffer.alloc(0)),
      dataFrame(1, some),
      dataFrame(1, Buffer.alloc(0), { endStream: true }),
    ],
    ok,
  ),
  data.rule(
    'padding as long as the payload is a connection error',
    [request(1, 'Echo'), paddedData(Buffer.of(4, 0, 0, 0))],
    connection.protocolError,
  ),
  data.rule(
    'padding longer than the payload is a connection error',
    [request(1, 'Echo'), paddedData(Buffer.of(200, 0, 0, 0))],
    connection.protocolError,
  ),
  data.rule(
    'padded DATA without a pad length is an error',
    [request(1, 'Echo'), paddedData(Buffer.alloc(0))],
    [...streamOrConnection('FRAME_SIZE_ERROR'), ...connection.protocolError],
  ),
]

const headers = section('RFC 9113, 6.2')
const flaggedHeaders = (flags: number, payload: Uint8Array): Buffer =>
  frame({ type: frameType.headers, flags: flag.endHeaders | flags, streamId: 1, payload })

const headersRules: readonly Session[] = [
  headers.rule(
    'HEADERS on stream 0 is a connection error',
    [headersFrame(0, echo)],
    connection.protocolError,
  ),
  headers.rule(
    'padding is read over',
    [request(1, 'Echo', { paddingBytes: 100 }), dataFrame(1, some, { endStream: true })],
    ok,
  ),
  headers.rule(
    'padding and priority are read over together',
    [
      request(1, 'Echo', { paddingBytes: 3, priority: { dependsOn: 0 } }),
      dataFrame(1, some, { endStream: true }),
    ],
    ok,
  ),
  headers.rule(
    'padding longer than the payload is a connection error',
    [flaggedHeaders(flag.padded, Buffer.concat([Buffer.of(255), echo.subarray(0, 100)]))],
    connection.protocolError,
  ),
  headers.rule(
    'padding that leaves no room for priority is a connection error',
    [flaggedHeaders(flag.padded | flag.priority, Buffer.of(4, 0, 0, 0, 0, 0, 0, 0))],
    [...connection.protocolError, ...connection.frameSizeError],
  ),
  headers.rule(
    'HEADERS too short for its priority is a connection error',
    [flaggedHeaders(flag.priority, Buffer.alloc(4))],
    connection.frameSizeError,
  ),
  headers.rule(
    'padded HEADERS without a pad length is a connection error',
    [flaggedHeaders(flag.padded, Buffer.alloc(0))],
    [...connection.frameSizeError, ...connection.protocolError],
  ),
]

const priority = section('RFC 9113, 6.3')
const priorityOf = (streamId: number, bytes: number): Buffer =>
  frame({ type: frameType.priority, streamId, payload: Buffer.alloc(bytes) })

const priorityRules: readonly Session[] = [
  priority.rule('PRIORITY on stream 0 is a connection error', [priorityOf(0, 5)], connection.protocolError),
  priority.rule(
    'PRIORITY of four bytes is a stream error',
    [request(1, 'Never'), priorityOf(1, 4)],
    streamOrConnection('FRAME_SIZE_ERROR'),
  ),
  priority.rule(
    'PRIORITY of six bytes is a stream error',
    [request(1, 'Never'), priorityOf(1, 6)],
    streamOrConnection('FRAME_SIZE_ERROR'),
  ),
  priority.rule(
    'PRIORITY of four bytes on a stream that cannot be reset, since it is idle, is a connection error or ignored',
    [call(5, 'Never'), priorityOf(2, 4)],
    ['2: open', ...connection.frameSizeError],
    { streams: [2] },
  ),
]

const reset = section('RFC 9113, 6.4')
const resetOf = (streamId: number, bytes: number): Buffer =>
  frame({ type: frameType.rstStream, streamId, payload: Buffer.alloc(bytes) })

const resetRules: readonly Session[] = [
  reset.rule('RST_STREAM on stream 0 is a connection error', [rstStreamFrame(0)], connection.protocolError),
  reset.rule(
    'RST_STREAM of three bytes is a connection error',
    [request(1, 'Never'), resetOf(1, 3)],
    connection.frameSizeError,
  ),
  reset.rule(
    'RST_STREAM of five bytes is a connection error',
    [request(1, 'Never'), resetOf(1, 5)],
    connection.frameSizeError,
  ),
  reset.rule(
    'RST_STREAM with an unknown error code resets',
    [
      request(1, 'Never'),
      frame({ type: frameType.rstStream, streamId: 1, payload: Buffer.from('deadbeef', 'hex') }),
      call(3, 'Echo'),
    ],
    ['3: ok'],
    { streams: [3] },
  ),
]

const push = section('RFC 9113, 6.6')
const pushRules: readonly Session[] = [
  push.rule(
    'PUSH_PROMISE from a client is a connection error',
    [
      request(1, 'Echo'),
      frame({
        type: frameType.pushPromise,
        flags: flag.endHeaders,
        streamId: 1,
        payload: Buffer.concat([Buffer.of(0, 0, 0, 2), echo]),
      }),
    ],
    connection.protocolError,
  ),
]

const ping = section('RFC 9113, 6.7')
const pingRules: readonly Session[] = [
  ping.rule(
    'PING on a stream is a connection error',
    [frame({ type: frameType.ping, streamId: 1, payload: Buffer.alloc(8) })],
    connection.protocolError,
  ),
  ping.rule(
    'PING of seven bytes is a connection error',
    [frame({ type: frameType.ping, payload: Buffer.alloc(7) })],
    connection.frameSizeError,
  ),
  ping.rule(
    'PING of nine bytes is a connection error',
    [frame({ type: frameType.ping, payload: Buffer.alloc(9) })],
    connection.frameSizeError,
  ),
  ping.rule(
    'an acknowledgement that nobody waits for is ignored',
    [pingFrame('strange', { ack: true }), call(1, 'Echo')],
    ok,
  ),
]

const goAway = section('RFC 9113, 6.8')
const goAwayRules: readonly Session[] = [
  goAway.rule(
    'GOAWAY on a stream is a connection error',
    [frame({ type: frameType.goAway, streamId: 1, payload: Buffer.alloc(8) })],
    connection.protocolError,
  ),
  goAway.rule(
    'GOAWAY of seven bytes is a connection error',
    [frame({ type: frameType.goAway, payload: Buffer.alloc(7) })],
    connection.frameSizeError,
  ),
]

const window = section('RFC 9113, 6.9')
const windowOf = (streamId: number, bytes: number): Buffer =>
  frame({ type: frameType.windowUpdate, streamId, payload: Buffer.alloc(bytes, 1) })

const windowRules: readonly Session[] = [
  window.rule(
    'an increment of zero for the connection is a connection error',
    [windowUpdateFrame(0, 0)],
    connection.protocolError,
  ),
  window.rule(
    'an increment of zero for a stream is a stream error',
    [request(1, 'Never'), windowUpdateFrame(1, 0)],
    streamOrConnection('PROTOCOL_ERROR'),
  ),
  window.rule(
    'WINDOW_UPDATE of three bytes is a connection error',
    [windowOf(0, 3)],
    connection.frameSizeError,
  ),
  window.rule(
    'WINDOW_UPDATE of five bytes on a stream is a connection error',
    [request(1, 'Never'), windowOf(1, 5)],
    connection.frameSizeError,
  ),
  window.rule(
    'the reserved bit of the increment is ignored',
    [frame({ type: frameType.windowUpdate, payload: Buffer.of(0x80, 0, 0, 1) }), call(1, 'Echo')],
    ok,
  ),
]

const overflow = section('RFC 9113, 6.9.1')
const overflowRules: readonly Session[] = [
  overflow.rule(
    'a window of 2^31 bytes for the connection is a connection error',
    [windowUpdateFrame(0, windowMaxBytes)],
    connection.flowControlError,
  ),
  overflow.rule(
    'a window of 2^31 bytes for a stream is a stream error',
    [request(1, 'Never'), windowUpdateFrame(1, windowMaxBytes)],
    streamOrConnection('FLOW_CONTROL_ERROR'),
  ),
  overflow.rule(
    'the largest windows are taken',
    [
      windowUpdateFrame(0, windowMaxBytes - 65_535),
      request(1, 'Echo'),
      windowUpdateFrame(1, windowMaxBytes - 65_535),
      dataFrame(1, some, { endStream: true }),
    ],
    ok,
  ),
]

const continuation = section('RFC 9113, 6.10')
const opened = headersFrame(1, echo.subarray(0, 10), { endHeaders: false })
const rest = dataFrame(1, some, { endStream: true })

const continuationRules: readonly Session[] = [
  continuation.rule(
    'a block may come in several frames',
    [
      opened,
      ...[10, 11, 12, 50].map((start, n, starts) =>
        continuationFrame(1, echo.subarray(start, starts[n + 1]), { endHeaders: n === 3 }),
      ),
      rest,
    ],
    ok,
  ),
  continuation.rule(
    'frames of a block may be empty',
    [
      headersFrame(1, Buffer.alloc(0), { endHeaders: false }),
      continuationFrame(1, echo, { endHeaders: false }),
      continuationFrame(1, Buffer.alloc(0)),
      rest,
    ],
    ok,
  ),
  continuation.rule(
    'CONTINUATION of another stream is a connection error',
    [opened, continuationFrame(3, echo.subarray(10))],
    connection.protocolError,
  ),
  continuation.rule(
    'CONTINUATION on stream 0 is a connection error',
    [opened, continuationFrame(0, echo.subarray(10))],
    connection.protocolError,
  ),
  continuation.rule(
    'CONTINUATION after a complete block is a connection error',
    [request(1, 'Echo'), continuationFrame(1, Buffer.alloc(0))],
    connection.protocolError,
  ),
  continuation.rule(
    'CONTINUATION after DATA is a connection error',
    [request(1, 'Sink'), dataFrame(1, some), continuationFrame(1, Buffer.alloc(0))],
    connection.protocolError,
  ),
  continuation.rule(
    'DATA inside a block is a connection error',
    [opened, dataFrame(1, some)],
    connection.protocolError,
  ),
]

/** Section 6, without SETTINGS. */
export const frameSessions: readonly Session[] = [
  ...dataRules,
  ...headersRules,
  ...priorityRules,
  ...resetRules,
  ...pushRules,
  ...pingRules,
  ...goAwayRules,
  ...windowRules,
  ...overflowRules,
  ...continuationRules,
]
