import {
  continuationFrame,
  dataFrame,
  flag,
  frame,
  frameType,
  headersFrame,
  pingFrame,
  preface,
  priorityFrame,
  settingsFrame,
} from '../../support/raw-frames.ts'
import { block, call, literal, message, request, requestFields } from '../../support/raw-headers.ts'
import { connection, malformed, ok, section, type Session } from './session.ts'

/** The default of SETTINGS_MAX_FRAME_SIZE, which the server does not raise. Unit: bytes. */
const frameMaxBytes = 16_384

const { bare, rule: prefaceRule } = section('RFC 9113, 3.4')
const refused = ['connection cut', ...connection.protocolError]

/** Section 3.4: connection preface. */
const prefaces: readonly Session[] = [
  bare('another preface ends the connection', [Buffer.from('INVALID CONNECTION PREFACE\r\n\r\n')], refused),
  bare(
    'a preface with one wrong byte ends the connection',
    [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX', 'latin1')],
    refused,
  ),
  bare('PING before SETTINGS is a connection error', [preface, pingFrame('early')], refused),
  bare('HEADERS before SETTINGS is a connection error', [preface, call(1, 'Echo')], refused),
  bare(
    'an acknowledgement is no first SETTINGS',
    [preface, frame({ type: frameType.settings, flags: flag.ack }), pingFrame('early')],
    refused,
  ),
  bare(
    'requests may follow before the server has said anything',
    [preface, settingsFrame(), call(1, 'Echo')],
    ok,
  ),
  prefaceRule(
    'a second preface is a connection error',
    [preface],
    [...connection.protocolError, ...connection.frameSizeError],
  ),
]

const format = section('RFC 9113, 4.1')
const unknown = frame({ type: 0x16, flags: 0xff, streamId: 0, payload: Buffer.alloc(100) })

/** Section 4.1: frame format. */
const formats: readonly Session[] = [
  format.rule('frames of unknown types are ignored', [unknown, call(1, 'Echo')], ok),
  format.rule(
    'frames of unknown types are ignored on an open stream',
    [
      request(1, 'Echo'),
      frame({ type: 0xfe, streamId: 1, payload: Buffer.alloc(7) }),
      dataFrame(1, message('x'), { endStream: true }),
    ],
    ok,
  ),
  format.rule(
    'frames of unknown types are ignored on an idle stream',
    [frame({ type: 0x20, streamId: 7, payload: Buffer.alloc(7) }), call(1, 'Echo')],
    ok,
  ),
  format.rule(
    'undefined flags are ignored',
    [
      frame({ type: frameType.ping, flags: 0xfe, payload: Buffer.alloc(8) }),
      frame({ type: frameType.settings, flags: 0xfe }),
      frame({
        type: frameType.headers,
        flags: flag.endHeaders | 0xd2,
        streamId: 1,
        payload: block(requestFields('Echo')),
      }),
      frame({
        type: frameType.data,
        flags: flag.endStream | 0xf6,
        streamId: 1,
        payload: message('x'),
      }),
    ],
    ok,
  ),
  format.rule(
    'the reserved bit of the stream identifier is ignored',
    [
      frame({ type: frameType.ping, streamId: 0x8000_0000, payload: Buffer.alloc(8) }),
      frame({
        type: frameType.headers,
        flags: flag.endHeaders,
        streamId: 0x8000_0001,
        payload: block(requestFields('Echo')),
      }),
      dataFrame(1, message('x'), { endStream: true }),
    ],
    ok,
  ),
]

const size = section('RFC 9113, 4.2')
const tooLong = Buffer.alloc(frameMaxBytes + 1)
const sinkRequest = request(1, 'Sink')

/** Section 4.2: frame size. */
const sizes: readonly Session[] = [
  size.rule(
    'DATA of the maximum size is taken',
    [
      sinkRequest,
      dataFrame(1, message(Buffer.alloc(frameMaxBytes - 5))),
      dataFrame(1, Buffer.alloc(0), { endStream: true }),
    ],
    ok,
  ),
  size.rule(
    'DATA over the maximum size is an error of the stream or the connection',
    [sinkRequest, dataFrame(1, tooLong)],
    ['1: reset FRAME_SIZE_ERROR', ...connection.frameSizeError],
  ),
  size.rule(
    'HEADERS over the maximum size is a connection error',
    [
      headersFrame(
        1,
        Buffer.concat([block(requestFields('Echo')), literal(['x', 'x'.repeat(frameMaxBytes)])]),
      ),
    ],
    connection.frameSizeError,
  ),
  size.rule(
    'CONTINUATION over the maximum size is a connection error',
    [request(1, 'Echo', { endHeaders: false }), continuationFrame(1, tooLong)],
    connection.frameSizeError,
  ),
  size.rule(
    'SETTINGS over the maximum size is a connection error',
    [frame({ type: frameType.settings, payload: Buffer.alloc(frameMaxBytes + 2) })],
    connection.frameSizeError,
  ),
  size.rule(
    'an unknown frame over the maximum size is a connection error, its length alone tells',
    [frame({ type: 0x77, streamId: 0, length: 0xff_ffff })],
    connection.frameSizeError,
  ),
]

const blocks = section('RFC 9113, 4.3')
const opened = request(1, 'Echo', { endHeaders: false })

/** Section 4.3: field section compression and decompression. */
const headerBlocks: readonly Session[] = [
  blocks.rule(
    'a block that cannot be decoded is a connection error',
    [headersFrame(1, Buffer.of(0x40))],
    connection.compressionError,
  ),
  blocks.rule(
    'trailers that cannot be decoded are a connection error',
    [request(1, 'Sink'), headersFrame(1, Buffer.of(0x80), { endStream: true })],
    connection.compressionError,
  ),
  blocks.rule(
    'PRIORITY inside a header block is a connection error',
    [opened, priorityFrame(1, { dependsOn: 0 }), continuationFrame(1, Buffer.alloc(0))],
    connection.protocolError,
  ),
  blocks.rule(
    'HEADERS of another stream inside a header block is a connection error',
    [opened, request(3, 'Echo')],
    connection.protocolError,
  ),
  blocks.rule(
    'HEADERS of the same stream inside a header block is a connection error',
    [opened, headersFrame(1, block([['x', 'y']]))],
    connection.protocolError,
  ),
  blocks.rule(
    'PING inside a header block is a connection error',
    [opened, pingFrame('x')],
    connection.protocolError,
  ),
  blocks.rule(
    'an unknown frame inside a header block is a connection error',
    [opened, unknown],
    connection.protocolError,
  ),
  blocks.rule(
    'the table is kept in step by a malformed request',
    [
      headersFrame(
        1,
        Buffer.concat([
          block([['Upper', 'x'], ...requestFields('Echo')]),
          Buffer.from('400178', 'hex'),
          Buffer.from('0179', 'hex'),
        ]),
        {
          endStream: true,
        },
      ),
      headersFrame(3, Buffer.concat([block(requestFields('Echo')), Buffer.of(0xbe)])),
      dataFrame(3, message('x'), { endStream: true }),
    ],
    [`${malformed[0]}, 3: ok`],
    { streams: [1, 3] },
  ),
]

/** Sections 3 and 4. */
export const connectionSessions: readonly Session[] = [...prefaces, ...formats, ...sizes, ...headerBlocks]
