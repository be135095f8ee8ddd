import {
  flag,
  frame,
  frameType,
  setting,
  settingsFrame,
  windowMaxBytes,
  windowUpdateFrame,
} from '../../support/raw-frames.ts'
import { call, request } from '../../support/raw-headers.ts'
import { connection, ok, section, type Session } from './session.ts'

const frames = section('RFC 9113, 6.5')
const settingsOf = (payload: Uint8Array, { flags = 0, streamId = 0 } = {}): Buffer =>
  frame({ type: frameType.settings, flags, streamId, payload })

const frameRules: readonly Session[] = [
  frames.rule(
    'an acknowledgement with a payload is a connection error',
    [settingsOf(Buffer.alloc(6), { flags: flag.ack })],
    connection.frameSizeError,
  ),
  frames.rule(
    'SETTINGS on a stream is a connection error',
    [settingsOf(Buffer.alloc(0), { streamId: 1 })],
    connection.protocolError,
  ),
  frames.rule(
    'SETTINGS of three bytes is a connection error',
    [settingsOf(Buffer.alloc(3))],
    connection.frameSizeError,
  ),
  frames.rule(
    'SETTINGS of seven bytes is a connection error',
    [settingsOf(Buffer.alloc(7))],
    connection.frameSizeError,
  ),
  frames.rule('empty SETTINGS are allowed', [settingsFrame(), call(1, 'Echo')], ok),
]

const values = section('RFC 9113, 6.5.2')
const valueRule = (id: number, value: number, text: string, accept: readonly string[]): Session =>
  values.rule(text, [settingsFrame([id, value]), call(1, 'Echo')], accept)

const valueRules: readonly Session[] = [
  valueRule(setting.enablePush, 0, 'ENABLE_PUSH may be 0', ok),
  valueRule(setting.enablePush, 1, 'ENABLE_PUSH may be 1', ok),
  valueRule(setting.enablePush, 2, 'ENABLE_PUSH of 2 is a connection error', connection.protocolError),
  valueRule(setting.initialWindowSize, windowMaxBytes, 'INITIAL_WINDOW_SIZE may be 2^31 - 1', ok),
  valueRule(
    setting.initialWindowSize,
    windowMaxBytes + 1,
    'INITIAL_WINDOW_SIZE of 2^31 is a connection error',
    connection.flowControlError,
  ),
  valueRule(setting.maxFrameSize, 0xff_ffff, 'MAX_FRAME_SIZE may be 2^24 - 1', ok),
  valueRule(
    setting.maxFrameSize,
    0x100_0000,
    'MAX_FRAME_SIZE of 2^24 is a connection error',
    connection.protocolError,
  ),
  valueRule(
    setting.maxFrameSize,
    16_383,
    'MAX_FRAME_SIZE below 2^14 is a connection error',
    connection.protocolError,
  ),
  valueRule(setting.headerTableSize, 0, 'HEADER_TABLE_SIZE may be 0', ok),
  valueRule(setting.headerTableSize, 0xffff_ffff, 'HEADER_TABLE_SIZE may be 2^32 - 1', ok),
  valueRule(setting.maxConcurrentStreams, 0, 'MAX_CONCURRENT_STREAMS of 0 stops pushes only', ok),
  valueRule(0xff, 0xffff_ffff, 'unknown settings are ignored', ok),
  valueRule(0, 7, 'a setting of number 0 is ignored', ok),
  values.rule(
    'settings are applied in order, so that the last value of several counts',
    [settingsFrame([setting.initialWindowSize, 0], [setting.initialWindowSize, 65_535]), call(1, 'Echo')],
    ok,
  ),
  values.rule(
    'a wrong value counts even if a right one follows',
    [settingsFrame([setting.enablePush, 2], [setting.enablePush, 0]), call(1, 'Echo')],
    connection.protocolError,
  ),
]

const windows = section('RFC 9113, 6.9.2')
const windowRules: readonly Session[] = [
  windows.rule(
    'a change of INITIAL_WINDOW_SIZE that overflows an open stream is a connection error',
    [
      request(1, 'Never'),
      windowUpdateFrame(1, windowMaxBytes - 65_535),
      settingsFrame([setting.initialWindowSize, 65_536]),
    ],
    connection.flowControlError,
  ),
  windows.rule(
    'a change of INITIAL_WINDOW_SIZE does not touch the window of the connection',
    [
      windowUpdateFrame(0, windowMaxBytes - 65_535),
      settingsFrame([setting.initialWindowSize, windowMaxBytes]),
      call(1, 'Echo'),
    ],
    ok,
  ),
]

/** Section 6.5, and what SETTINGS do to windows. */
export const settingsSessions: readonly Session[] = [...frameRules, ...valueRules, ...windowRules]
