import {
  continuationFrame,
  dataFrame,
  headersFrame,
  priorityFrame,
  rstStreamFrame,
  windowUpdateFrame,
} from '../../support/raw-frames.ts'
import {
  block,
  call,
  indexed,
  indexedLiteral,
  message,
  request,
  requestFields,
} from '../../support/raw-headers.ts'
import { connection, ok, section, type Session } from './session.ts'

const states = section('RFC 9113, 5.1')
const trailers = block([['x-trailer', 'y']])
const some = message('x')

const idle: readonly Session[] = [
  states.rule('idle: DATA is a connection error', [dataFrame(1, some)], connection.protocolError),
  states.rule('idle: RST_STREAM is a connection error', [rstStreamFrame(1)], connection.protocolError),
  states.rule(
    'idle: WINDOW_UPDATE is a connection error',
    [windowUpdateFrame(1, 100)],
    connection.protocolError,
  ),
  states.rule(
    'idle: CONTINUATION is a connection error',
    [continuationFrame(1, trailers)],
    connection.protocolError,
  ),
  states.rule('idle: PRIORITY is allowed', [priorityFrame(5, { dependsOn: 0 }), call(1, 'Echo')], ok),
  states.rule(
    'idle streams of the server: DATA is a connection error',
    [dataFrame(2, some)],
    connection.protocolError,
  ),
  states.rule(
    'idle streams of the server: WINDOW_UPDATE is a connection error',
    [windowUpdateFrame(2, 100)],
    connection.protocolError,
  ),
]

const streamClosed = ['1: reset STREAM_CLOSED', 'connection STREAM_CLOSED']

const halfClosedRemote: readonly Session[] = [
  states.rule('half closed: DATA is a stream error', [call(1, 'Never'), dataFrame(1, some)], streamClosed),
  states.rule(
    'half closed: HEADERS is a stream error',
    [call(1, 'Never'), headersFrame(1, trailers, { endStream: true })],
    streamClosed,
  ),
  states.rule(
    'half closed: CONTINUATION is a connection error',
    [call(1, 'Never'), continuationFrame(1, trailers)],
    [...connection.protocolError, 'connection STREAM_CLOSED'],
  ),
  states.rule(
    'half closed: WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed',
    [
      call(1, 'Never'),
      windowUpdateFrame(1, 1),
      priorityFrame(1, { dependsOn: 0 }),
      rstStreamFrame(1),
      call(3, 'Echo'),
    ],
    ['3: ok'],
    { streams: [3] },
  ),
]

const afterReset = [request(1, 'Sink'), rstStreamFrame(1)]
const afterAnswer = [call(1, 'Echo'), { answerOf: 1 }]
/** Section 5.1 lets a server ignore frames on closed streams, since they may have been under way. */
const ignored = '1: open'

const closed: readonly Session[] = [
  states.rule(
    'closed by RST_STREAM: DATA moves nothing',
    [...afterReset, dataFrame(1, some)],
    [ignored, ...streamClosed],
  ),
  states.rule(
    'closed by RST_STREAM: HEADERS opens nothing',
    [...afterReset, request(1, 'Echo', { endStream: true })],
    [ignored, ...streamClosed, ...connection.protocolError],
  ),
  states.rule(
    'closed by RST_STREAM: CONTINUATION is a connection error',
    [...afterReset, continuationFrame(1, trailers)],
    [...connection.protocolError, 'connection STREAM_CLOSED'],
  ),
  states.rule(
    'closed by RST_STREAM: a second one is allowed',
    [...afterReset, rstStreamFrame(1), call(3, 'Echo')],
    ['3: ok'],
    {
      streams: [3],
    },
  ),
  states.rule(
    'closed by END_STREAM: DATA is a connection error or ignored',
    [...afterAnswer, dataFrame(1, some)],
    ['1: ok', '1: ok, then reset STREAM_CLOSED', 'connection STREAM_CLOSED'],
  ),
  states.rule(
    'closed by END_STREAM: HEADERS is a connection error',
    [...afterAnswer, request(1, 'Echo', { endStream: true })],
    ['1: ok, then reset STREAM_CLOSED', 'connection STREAM_CLOSED', ...connection.protocolError],
  ),
  states.rule(
    'closed by END_STREAM: WINDOW_UPDATE, PRIORITY and RST_STREAM are allowed',
    [
      ...afterAnswer,
      windowUpdateFrame(1, 1),
      priorityFrame(1, { dependsOn: 0 }),
      rstStreamFrame(1),
      call(3, 'Echo'),
    ],
    ['3: ok'],
    { streams: [3] },
  ),
  states.rule(
    'closed by the server: header blocks under way keep the table in step',
    [
      headersFrame(1, block([...requestFields('Sink'), ['Upper', 'x']])),
      headersFrame(1, indexedLiteral(['x-trailer', 'y']), { endStream: true }),
      headersFrame(3, Buffer.concat([block(requestFields('Echo')), indexed(62)])),
      dataFrame(3, some, { endStream: true }),
    ],
    ['1: reset PROTOCOL_ERROR, 3: ok'],
    { streams: [1, 3] },
  ),
  states.rule(
    'closed by the server: DATA under way is ignored',
    [
      headersFrame(1, block([...requestFields('Sink'), ['Upper', 'x']])),
      dataFrame(1, some),
      dataFrame(1, some, { endStream: true }),
      call(3, 'Echo'),
    ],
    ['1: reset PROTOCOL_ERROR, 3: ok'],
    { streams: [1, 3] },
  ),
]

const ids = section('RFC 9113, 5.1.1')
const unexpected = [...connection.protocolError, 'connection STREAM_CLOSED']

const identifiers: readonly Session[] = [
  ids.rule('an even identifier is a connection error', [call(2, 'Echo')], connection.protocolError),
  ids.rule(
    'an identifier that decreases is a connection error',
    [call(5, 'Never'), call(3, 'Echo')],
    unexpected,
    { streams: [] },
  ),
  ids.rule('identifiers may be skipped', [call(7, 'Echo'), call(21, 'Echo')], ['7: ok, 21: ok'], {
    streams: [7, 21],
  }),
  ids.rule('the largest identifier is taken', [call(0x7fff_ffff, 'Echo')], ['2147483647: ok'], {
    streams: [0x7fff_ffff],
    goesOn: false,
  }),
  ids.rule(
    'DATA on a skipped stream is that on a closed one',
    [call(5, 'Never'), dataFrame(3, some)],
    ['3: open', '3: reset STREAM_CLOSED', ...unexpected],
    { streams: [3] },
  ),
]

const priority = section('RFC 9113, 5.3.2')
const selfDependent = ['1: ok', '1: reset PROTOCOL_ERROR']

const priorities: readonly Session[] = [
  priority.rule(
    'priority in HEADERS is read over',
    [
      request(1, 'Echo', { priority: { dependsOn: 0, exclusive: true, weight: 255 } }),
      dataFrame(1, some, { endStream: true }),
    ],
    ok,
  ),
  priority.rule(
    'a stream that depends on itself by HEADERS harms no other',
    [request(1, 'Echo', { priority: { dependsOn: 1 } }), dataFrame(1, some, { endStream: true })],
    selfDependent,
  ),
  priority.rule(
    'a stream that depends on itself by PRIORITY harms no other',
    [request(1, 'Echo'), priorityFrame(1, { dependsOn: 1 }), dataFrame(1, some, { endStream: true })],
    selfDependent,
  ),
]

/** Section 5. */
export const streamSessions: readonly Session[] = [
  ...idle,
  ...halfClosedRemote,
  ...closed,
  ...identifiers,
  ...priorities,
]
