import { dataFrame, headersFrame } from '../../support/raw-frames.ts'
import { block, type Field, message, request, requestFields } from '../../support/raw-headers.ts'
import { malformed, ok, section, type Session } from './session.ts'

const some = message('hello')
const echo = requestFields('Echo')
const end = dataFrame(1, some, { endStream: true })

/** A call of Echo with these fields. */
const callWith = (fields: readonly Field[]): Buffer[] => [headersFrame(1, block(fields)), end]
const without = (name: string): Field[] => echo.filter(([candidate]) => candidate !== name)
const replaced = (name: string, value: string): Field[] =>
  echo.map((field) => (field[0] === name ? [name, value] : field))

const framing = section('RFC 9113, 8.1')
const trailersOf = (fields: readonly Field[], { endStream = true } = {}): Buffer =>
  headersFrame(1, block(fields), { endStream })

const framingRules: readonly Session[] = [
  framing.rule(
    'trailers end a request',
    [request(1, 'Echo'), dataFrame(1, some), trailersOf([['x-trailer', 'y']])],
    ok,
  ),
  framing.rule(
    'trailers that do not end the stream are malformed',
    [request(1, 'Sink'), dataFrame(1, some), trailersOf([['x-trailer', 'y']], { endStream: false })],
    malformed,
  ),
  framing.rule(
    'trailers with a pseudo field are malformed',
    [request(1, 'Sink'), dataFrame(1, some), trailersOf([[':path', '/raw.Raw/Sink']])],
    malformed,
  ),
  framing.rule(
    'trailers with an upper-case name are malformed',
    [request(1, 'Sink'), dataFrame(1, some), trailersOf([['X-Trailer', 'y']])],
    malformed,
  ),
  framing.rule('trailers may be empty', [request(1, 'Echo'), dataFrame(1, some), trailersOf([])], ok),
]

const length = section('RFC 9113, 8.1.1')
const withLength = (...values: readonly string[]): Field[] =>
  requestFields('Echo', ...values.map((value): Field => ['content-length', value]))

const lengthRules: readonly Session[] = [
  length.rule('content-length that is right is allowed', callWith(withLength(String(some.length))), ok),
  length.rule(
    'content-length that is right for several frames is allowed',
    [
      headersFrame(1, block(withLength('10'))),
      dataFrame(1, some.subarray(0, 3), { paddingBytes: 9 }),
      dataFrame(1, some.subarray(3), { endStream: true }),
    ],
    ok,
  ),
  length.rule('less content than content-length is malformed', callWith(withLength('11')), malformed),
  length.rule('more content than content-length is malformed', callWith(withLength('9')), malformed),
  length.rule(
    'more content than content-length is malformed before the stream ends',
    [headersFrame(1, block(requestFields('Sink', ['content-length', '9']))), dataFrame(1, some)],
    malformed,
  ),
  length.rule(
    'no content with a content-length is malformed',
    [headersFrame(1, block(withLength('1')), { endStream: true })],
    malformed,
  ),
  length.rule(
    'less content than content-length is malformed when trailers end it',
    [headersFrame(1, block(withLength('11'))), dataFrame(1, some), trailersOf([['x', 'y']])],
    malformed,
  ),
  length.rule('a content-length that is no number is malformed', callWith(withLength('ten')), malformed),
  length.rule('a content-length with a sign is malformed', callWith(withLength('+10')), malformed),
  length.rule('two content-lengths that differ are malformed', callWith(withLength('10', '11')), malformed),
]

const names = section('RFC 9113, 8.2.1')
const field = (name: string, value = 'value'): Buffer[] => callWith(requestFields('Echo', [name, value]))

const nameRules: readonly Session[] = [
  names.rule('an upper-case letter in a name is malformed', field('x-Test'), malformed),
  names.rule('an empty name is malformed', field(''), malformed),
  ...['\0', '\x01', '\t', '\n', '\r', ' ', '\x7f', '\x80', '\xff'].map((character) =>
    names.rule(`a name with ${JSON.stringify(character)} is malformed`, field(`x${character}y`), malformed),
  ),
  names.rule('a colon inside a name is malformed', field('x:y'), malformed),
  ...['\0', '\n', '\r'].map((character) =>
    names.rule(
      `a value with ${JSON.stringify(character)} is malformed`,
      field('x', `a${character}b`),
      malformed,
    ),
  ),
  ...[' ', '\t'].flatMap((space) => [
    names.rule(
      `a value that starts with ${JSON.stringify(space)} is malformed`,
      field('x', `${space}a`),
      malformed,
    ),
    names.rule(
      `a value that ends with ${JSON.stringify(space)} is malformed`,
      field('x', `a${space}`),
      malformed,
    ),
  ]),
  names.rule('a value may be empty', field('x', ''), ok),
  names.rule('a value may have spaces inside', field('x', 'a b\tc'), ok),
  names.rule(
    'a NUL in a pseudo field is malformed',
    callWith(replaced(':authority', 'local\0host')),
    malformed,
  ),
]

const hops = section('RFC 9113, 8.2.2')
const hopRules: readonly Session[] = [
  ...['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'].map((name) =>
    hops.rule(`${name} is malformed`, field(name, 'x'), malformed),
  ),
  hops.rule(
    'te other than trailers is malformed',
    callWith(replaced('te', 'trailers, deflate;q=0.5')),
    malformed,
  ),
  hops.rule('te of trailers is allowed', callWith(echo), ok),
]

const pseudo = section('RFC 9113, 8.3')
const pseudoRules: readonly Session[] = [
  pseudo.rule(
    'a pseudo field after another field is malformed',
    callWith([...without(':path'), [':path', '/raw.Raw/Echo']]),
    malformed,
  ),
  pseudo.rule('an unknown pseudo field is malformed', callWith([[':test', 'x'], ...echo]), malformed),
  pseudo.rule('a response pseudo field is malformed', callWith([[':status', '200'], ...echo]), malformed),
  ...[':method', ':scheme', ':path', ':authority'].map((name) =>
    pseudo.rule(
      `${name} twice is malformed`,
      callWith([...echo.slice(0, 4).filter(([candidate]) => candidate === name), ...echo]),
      malformed,
    ),
  ),
]

const requests = section('RFC 9113, 8.3.1')
const requestRules: readonly Session[] = [
  ...[':method', ':scheme', ':path'].map((name) =>
    requests.rule(`a request without ${name} is malformed`, callWith(without(name)), malformed),
  ),
  requests.rule('an empty :path is malformed', callWith(replaced(':path', '')), malformed),
  requests.rule('a request without :authority and host may be refused', callWith(without(':authority')), [
    ...ok,
    ...malformed,
  ]),
  requests.rule('a block without fields is malformed', [headersFrame(1, Buffer.alloc(0)), end], malformed),
  requests.rule(
    'host may stand for :authority',
    callWith([...without(':authority'), ['host', 'localhost']]),
    ok,
  ),
]

const tunnel = section('RFC 9113, 8.5')
const tunnelRules: readonly Session[] = [
  tunnel.rule(
    'CONNECT with :scheme and :path is malformed',
    callWith(replaced(':method', 'CONNECT')),
    malformed,
  ),
]

/** Section 8. */
export const requestSessions: readonly Session[] = [
  ...framingRules,
  ...lengthRules,
  ...nameRules,
  ...hopRules,
  ...pseudoRules,
  ...requestRules,
  ...tunnelRules,
]
