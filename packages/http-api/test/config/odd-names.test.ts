import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConfigApi, group, startConfigApi } from './support.ts'

let api: ConfigApi
let origin: string

beforeAll(async () => {
  api = await startConfigApi()
  origin = await api.listen()
})

afterAll(async () => {
  await api[Symbol.asyncDispose]()
})

/** What a server says, without what a client would make of it. */
interface RawAnswer {
  readonly status: number
  readonly body: unknown
}

/** Sends a path byte for byte: clients of HTTP would resolve its dots and escape what they do not like. */
async function put(path: string, body: object): Promise<RawAnswer> {
  const json = JSON.stringify(body)
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  let text = ''
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  socket.on('error', over).on('close', over).setEncoding('utf8')
  socket.on('data', (chunk: string) => (text += chunk))
  socket.write(
    `PUT ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
  )
  await api.until(() => isOver)
  const [head = '', rest = ''] = text.split('\r\n\r\n')
  return { status: Number(head.slice(9, 12)), body: JSON.parse(rest) as unknown }
}

/** Puts a file, a group and a template of a name. */
async function putAll(name: string): Promise<readonly RawAnswer[]> {
  return [
    await put(`${group}/files/${name}`, {}),
    await put(`/config/v1/namespaces/default/groups/${name}`, {}),
    await put(`/config/v1/templates/${name}`, { content: 'x' }),
  ]
}

const refused: readonly (readonly [what: string, name: string])[] = [
  ['a null character', 'a%00b'],
  ['a tab', 'a%09b'],
  ['a line end', 'a%0d%0ab'],
  ['a line separator', 'a%E2%80%A8b'],
  ['an override of direction', 'a%E2%80%AEb'],
  ['an isolate', 'a%E2%81%A6b'],
  ['a space without width', 'a%E2%80%8Bb'],
  ['a byte order mark', '%EF%BB%BFa'],
  ['emoji that are joined', '%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7'],
  ['a letter with its accent apart', 'e%CC%81'],
  ['a no-break space', 'a%C2%A0b'],
  ['a space before', '%20a'],
  ['a space behind', 'a%20'],
  ['a backslash', '..%5c..%5cetc'],
  ['the folder above', '..'],
  ['the folder above, escaped', '%2e%2e'],
  ['nothing', ''],
]

const broken: readonly (readonly [what: string, name: string])[] = [
  ['that is none', 'a%zzb'],
  ['that is cut', 'a%2'],
  ['of nothing', 'a%'],
  ['of half a character', 'a%E2%82'],
  ['of ISO 8859', 'gr%FC%DFe'],
  ['of a byte that is never in UTF-8', 'a%FFb'],
  ['of a slash in too many bytes', 'a%C0%AFb'],
  ['of a dot in too many bytes', '%C0%AE%C0%AE'],
  ['of a null character in too many bytes', 'a%C0%80'],
  ['of half of a surrogate pair', 'a%ED%A0%80'],
  ['of a surrogate pair, each half by itself', '%ED%A0%BD%ED%B8%80'],
  ['beyond Unicode', '%F4%90%80%80'],
]

describe('a name in a path', () => {
  test.each(refused)('may not be of %s', async (_what, name) => {
    const { files, groups, revision } = api.hub.stats()
    for (const answer of await putAll(name)) {
      expect(answer).toEqual({
        status: 400,
        body: { code: 'CONFIG_INVALID', message: expect.any(String) as string },
      })
    }
    expect(api.hub.stats()).toMatchObject({ files, groups, revision })
  })

  test.each(broken)('may have no escape %s', async (_what, name) => {
    const { files, groups, revision } = api.hub.stats()
    for (const { status } of await putAll(name)) expect(status).toBe(400)
    expect(api.hub.stats()).toMatchObject({ files, groups, revision })
  })

  test.each([
    ['a plain one', 'x'.repeat(257), 414],
    ['one in three bytes a character', '%E4%B8%96'.repeat(257), 414],
    ['one in two code units a character', '%F0%9F%98%80'.repeat(129), 414],
    ['one that does not even fit into a head', 'x'.repeat(20_000), 431],
  ])('may not be too long: %s', async (_what, name, status) => {
    const { files, groups, revision } = api.hub.stats()
    for (const answer of await putAll(name)) expect(answer.status).toBe(status)
    expect(api.hub.stats()).toMatchObject({ files, groups, revision })
  })

  test.each([
    ['what looks like a slash', 'a%EF%BC%8F..%EF%BC%8Fb', 'a\uff0f..\uff0fb'],
    ['what looks like dots', '%EF%BC%8E%EF%BC%8E', '\uff0e\uff0e'],
    ['what looks like another letter', '%D0%B0.yaml', '\u0430.yaml'],
    ['an escape that is escaped', '%252e%252e%252fetc', '%2e%2e%2fetc'],
    ['a plus sign', 'a+b', 'a+b'],
    ['what ends a path', 'a%3Fb%23c', 'a?b#c'],
    ['a percent sign', '100%25', '100%'],
    ['what others take for parameters', 'a;b=c', 'a;b=c'],
    ['a slash', 'a%2Fb', 'a/b'],
    ['a letter that is its own accent', 'caf%C3%A9', 'caf\u00e9'],
    ['the longest one', '%F0%9F%98%80'.repeat(128), '\u{1f600}'.repeat(128)],
  ])('is taken as it is, once: %s', async (_what, name, file) => {
    const before = api.hub.stats().files
    expect(await put(`${group}/files/${name}`, {})).toMatchObject({ status: 200, body: { file } })
    expect(api.hub.stats().files).toBe(before + 1)
    expect(api.hub.files.get({ namespace: 'default', group: 'shop', file })?.file).toBe(file)
  })
})

describe('a name that stands elsewhere', () => {
  const names = ['a\u0000b', 'e\u0301', 'a\u202eb', '\ud800', 'a\u200db', '../a', ' a', 'x'.repeat(257)]

  test.each(names.map((name) => [name]))('is no other one in a body: %j', async (name) => {
    const target = { namespace: 'default', group: 'shop', file: name }
    const query = { targets: [target], timeoutMs: 0 }
    const known = { targets: [{ ...target, file: 'a' }], known: [target], timeoutMs: 0 }
    for (const body of [query, known]) {
      const answer = await api.call('POST', '/config/v1/poll', body)
      expect([answer.status, answer.json]).toMatchObject([400, { code: 'CONFIG_INVALID' }])
    }
    expect(api.hub.stats()).toMatchObject({ polls: 0, watchers: 0 })
  })

  test.each(['a%00b', 'e%CC%81', 'a%E2%80%AEb', '%ED%A0%80', 'a%C0%AFb', '..%2Fa', 'a%zz'])(
    'is no other one in a query string: %s',
    async (name) => {
      const answer = await api.call('GET', `${group}/watch?file=${name}`)
      expect([answer.status, answer.json]).toMatchObject([400, { code: 'CONFIG_INVALID' }])
      expect(api.hub.stats()).toMatchObject({ polls: 0, watchers: 0 })
    },
  )
})
