import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readKeyFile } from '../../src/encryption/key-file.ts'
import { createLocalKeyPort } from '../../src/encryption/local-key-port.ts'
import { keyPortConformance } from '../../src/testing.ts'
import { codeOf, keyOf } from './support.ts'

describe('a key port on keys of this process', () => {
  test.each(keyPortConformance)('$name', async ({ run }) => {
    let keys: Record<string, Uint8Array> = { first: keyOf(1) }
    let current = 'first'
    await run({
      open: () => Promise.resolve(createLocalKeyPort({ keys, current })),
      rotate: () => {
        keys = { ...keys, second: keyOf(2) }
        current = 'second'
        return Promise.resolve()
      },
    })
  })

  test('keeps copies: what becomes of the keys that it was given does not matter', async () => {
    const given = keyOf(1)
    const port = createLocalKeyPort({ keys: { a: given }, current: 'a' })
    const wrapped = await port.wrap(keyOf(9))
    given.fill(0)
    expect(await port.unwrap(wrapped)).toEqual(Buffer.from(keyOf(9)))
    await port.close()
    expect(await codeOf(port.unwrap(wrapped))).toBe('CONFIG_CLOSED')
  })

  test('wraps nothing but 32 bytes', async () => {
    const port = createLocalKeyPort({ keys: { a: keyOf(1) }, current: 'a' })
    expect(await codeOf(port.wrap(new Uint8Array(16)))).toBe('CONFIG_INVALID')
  })

  test.each([
    ['no keys', {}, 'a'],
    ['another current key', { a: keyOf(1) }, 'b'],
    ['a current key that every object has', { a: keyOf(1) }, 'constructor'],
    ['a key of 16 bytes', { a: new Uint8Array(16).fill(1) }, 'a'],
    ['a key of zeros', { a: new Uint8Array(32) }, 'a'],
    ['an empty id', { '': keyOf(1) }, ''],
    ['an id with a line feed', { 'a\nb': keyOf(1) }, 'a\nb'],
    ['an id that is too long', { ['a'.repeat(129)]: keyOf(1) }, 'a'.repeat(129)],
  ])('is not made of %s', (_, keys: Readonly<Record<string, Uint8Array>>, current) => {
    expect(() => createLocalKeyPort({ keys, current })).toThrow(
      expect.objectContaining({ code: 'CONFIG_OPTION_INVALID' }) as Error,
    )
  })
})

describe('a key file', () => {
  let directory = ''
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orrery-keys-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  const key = Buffer.from(keyOf(5)).toString('base64')
  const good = JSON.stringify({ current: 'a', keys: { a: key, b: Buffer.from(keyOf(6)).toString('base64') } })
  const write = async (name: string, text: string, mode = 0o600): Promise<string> => {
    const file = join(directory, name)
    await writeFile(file, text)
    await chmod(file, mode)
    return file
  }

  test.each(['600', '400', '640'])('of the mode %s holds the keys of a port', async (mode) => {
    const keys = await readKeyFile(await write(`good-${mode}`, good, Number.parseInt(mode, 8)))
    expect(keys.current).toBe('a')
    expect(keys.keys).toEqual({ a: keyOf(5), b: keyOf(6) })
    const port = createLocalKeyPort(keys)
    expect(await port.unwrap(await port.wrap(keyOf(1)))).toEqual(Buffer.from(keyOf(1)))
  })

  test.skipIf(process.platform === 'win32').each(['644', '604', '602', '601', '660'])(
    'of the mode %s is refused, because others may get at it',
    async (mode) => {
      const read = readKeyFile(await write(`open-${mode}`, good, Number.parseInt(mode, 8)))
      await expect(read).rejects.toMatchObject({ code: 'CONFIG_OPTION_INVALID' })
    },
  )

  test.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['no keys', '{"current":"a"}'],
    ['no current key', `{"keys":{"a":"${key}"}}`],
    ['a current key that is not there', `{"current":"b","keys":{"a":"${key}"}}`],
    ['a key of 31 bytes', `{"current":"a","keys":{"a":"${Buffer.alloc(31, 1).toString('base64')}"}}`],
    ['a key that is no base64', `{"current":"a","keys":{"a":"${'*'.repeat(43)}="}}`],
    ['a key that is no text', '{"current":"a","keys":{"a":1}}'],
  ])('with %s is refused, and no key stands in the message', async (name, text) => {
    const error: unknown = await readKeyFile(await write(name.replaceAll(' ', '-'), text)).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'CONFIG_OPTION_INVALID' })
    expect(String(error)).not.toContain(key)
  })

  test('that is cut off is refused, and no key stands in the message', async () => {
    const error: unknown = await readKeyFile(await write('cut', good.slice(0, -3))).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ code: 'CONFIG_OPTION_INVALID' })
    expect(inspect(error)).not.toContain(key.slice(0, 8))
  })

  test('that is too large is not read', async () => {
    const read = readKeyFile(await write('large', `${good}${' '.repeat(1_048_576)}`))
    await expect(read).rejects.toMatchObject({ code: 'CONFIG_OPTION_INVALID' })
  })

  test('that is not there fails as the file system does', async () => {
    await expect(readKeyFile(join(directory, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
