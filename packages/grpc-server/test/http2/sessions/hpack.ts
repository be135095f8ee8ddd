import { dataFrame, headersFrame } from '../../support/raw-frames.ts'
import {
  block,
  hpackInteger,
  indexed,
  indexedLiteral,
  message,
  requestFields,
  tableSizeUpdate,
} from '../../support/raw-headers.ts'
import { connection, ok, section, type Session } from './session.ts'

const echo = block(requestFields('Echo'))
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const callOf = (streamId: number, ...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat([
    headersFrame(streamId, Buffer.concat(parts)),
    dataFrame(streamId, message('x'), { endStream: true }),
  ])
const wrong = connection.compressionError

const index = section('RFC 7541, 2.3.3')
const tables: readonly Session[] = [
  index.rule('an index beyond both tables is a decoding error', [callOf(1, echo, indexed(62))], wrong),
  index.rule(
    'a name by an index beyond both tables is a decoding error',
    [callOf(1, echo, hex('7f 00 01 61'))],
    wrong,
  ),
  index.rule(
    'an entry is there for the requests that follow',
    [callOf(1, echo, indexedLiteral(['x', 'y'])), callOf(3, echo, indexed(62))],
    ['1: ok, 3: ok'],
    { streams: [1, 3] },
  ),
]

const updates = section('RFC 7541, 4.2')
const sizeUpdates: readonly Session[] = [
  updates.rule(
    'a size update at the end of a block is a decoding error',
    [callOf(1, echo, tableSizeUpdate(0))],
    wrong,
  ),
  updates.rule(
    'two size updates at the start are allowed',
    [callOf(1, tableSizeUpdate(0), tableSizeUpdate(4096), echo)],
    ok,
  ),
  updates.rule(
    'a size update to nothing evicts',
    [
      callOf(1, echo, indexedLiteral(['x', 'y'])),
      callOf(3, tableSizeUpdate(0), tableSizeUpdate(4096), echo, indexed(62)),
    ],
    wrong,
  ),
]

const integers = section('RFC 7541, 5.1')
const strings = section('RFC 7541, 5.2')
const primitives: readonly Session[] = [
  integers.rule(
    'an integer without an end is a decoding error',
    [callOf(1, echo, hex('ff 80 80 80 80 80 80 80 80 80 80 01'))],
    wrong,
  ),
  integers.rule(
    'an integer that the block cuts off is a decoding error',
    [callOf(1, echo, hex('ff 80'))],
    wrong,
  ),
  integers.rule(
    'an integer may have leading zeros',
    [callOf(1, echo, indexedLiteral(['x', 'y']), hex('00 01 61 7f 81 80 00'), Buffer.alloc(128, 'v'))],
    ok,
  ),
  strings.rule(
    'a string that the block cuts off is a decoding error',
    [callOf(1, echo, hex('00 01 61 05 62'))],
    wrong,
  ),
  strings.rule(
    'a length beyond the block is a decoding error',
    [callOf(1, echo, Buffer.of(0, 1, 0x61), hpackInteger(2 ** 31, 7))],
    wrong,
  ),
  strings.rule(
    'Huffman padding of more than seven bits is a decoding error',
    [callOf(1, echo, hex('00 01 61 82 1f ff'))],
    wrong,
  ),
  strings.rule(
    'Huffman padding of zeros is a decoding error',
    [callOf(1, echo, hex('00 01 61 81 18'))],
    wrong,
  ),
  strings.rule(
    'Huffman EOS in a string is a decoding error',
    [callOf(1, echo, hex('00 01 61 84 ff ff ff ff'))],
    wrong,
  ),
  strings.rule('a Huffman string is read', [callOf(1, echo, hex('00 01 61 81 1f'))], ok),
  strings.rule('a Huffman string may be empty', [callOf(1, echo, hex('00 01 61 80'))], ok),
]

const formats = section('RFC 7541, 6')
const representations: readonly Session[] = [
  formats.rule('index 0 is a decoding error', [callOf(1, echo, indexed(0))], wrong),
  formats.rule('a literal that is never to be indexed is read', [callOf(1, echo, hex('10 01 61 01 62'))], ok),
  formats.rule(
    'a size update over the limit is a decoding error',
    [callOf(1, tableSizeUpdate(4097), echo)],
    wrong,
  ),
  formats.rule('a name by its static index is read', [callOf(1, echo, hex('0f 2b 01 61'))], ok),
]

/** RFC 7541, as far as a peer sees it. */
export const hpackSessions: readonly Session[] = [
  ...tables,
  ...sizeUpdates,
  ...primitives,
  ...representations,
]
