import { generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { createManualClock } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { createContentCodec } from '../../src/encryption/content-codec.ts'
import { KeyPortError } from '../../src/encryption/key-port-error.ts'
import type { ContentPlace } from '../../src/encryption/ports.ts'
import { CountingPort, codeOf } from './support.ts'

const place: ContentPlace = { path: 'a/b/c', at: 1 }
const plain = Buffer.from('secret')

function build(options: Parameters<typeof createContentCodec>[1] = {}) {
  const clock = createManualClock()
  const port = new CountingPort()
  return { clock, port, codec: createContentCodec({ port, clock }, options) }
}

/** Sealed contents of several data keys, opened through another codec, which has none of them yet. */
async function sealedBy(port: CountingPort, count: number) {
  const codec = createContentCodec({ port, clock: createManualClock() })
  const sealed = []
  for (let index = 0; index < count; index++) {
    const dataKey = await codec.newDataKey()
    sealed.push({ dataKey, content: await codec.seal(plain, place, dataKey) })
  }
  codec.close()
  return sealed
}

describe('the codec of encrypted contents', () => {
  test('opens what it sealed', async () => {
    const { codec } = build()
    const dataKey = await codec.newDataKey()
    const sealed = await codec.seal(plain, place, dataKey)
    expect(await codec.open(sealed, place, dataKey)).toEqual(plain)
    expect(await codeOf(codec.open(sealed, { ...place, at: 2 }, dataKey))).toBe('CONFIG_DECRYPTION_FAILED')
  })

  test('makes another data key each time', async () => {
    const { codec } = build()
    const first = await codec.newDataKey()
    const second = await codec.newDataKey()
    const sealed = await codec.seal(plain, place, first)
    expect(await codeOf(codec.open(sealed, place, second))).toBe('CONFIG_DECRYPTION_FAILED')
  })

  test('without a port fails with CONFIG_KEYS_MISSING', async () => {
    const codec = createContentCodec({ port: undefined, clock: createManualClock() })
    const dataKey = { keyId: 'a', bytes: new Uint8Array(60) }
    expect(await codeOf(codec.newDataKey())).toBe('CONFIG_KEYS_MISSING')
    expect(await codeOf(codec.seal(plain, place, dataKey))).toBe('CONFIG_KEYS_MISSING')
    expect(await codeOf(codec.open(plain, place, dataKey))).toBe('CONFIG_KEYS_MISSING')
    expect(await codeOf(codec.rewrap(dataKey))).toBe('CONFIG_KEYS_MISSING')
  })

  test('asks the port once for a key that many need at the same time, and not again while it has it', async () => {
    const { port, codec } = build()
    const [one] = await sealedBy(port, 1)
    if (one === undefined) throw new Error('nothing was sealed')
    const open = () => codec.open(one.content, place, one.dataKey)
    expect(await Promise.all([open(), open(), open()])).toEqual([plain, plain, plain])
    expect(await open()).toEqual(plain)
    expect(port.unwraps).toBe(1)
  })

  test('does not ask the port for a key that it has just made', async () => {
    const { port, codec } = build()
    const dataKey = await codec.newDataKey()
    await codec.open(await codec.seal(plain, place, dataKey), place, dataKey)
    expect(port.unwraps).toBe(0)
  })

  test('zeroes a key when its time is up, used or not, and sets no timer when it has none', async () => {
    const { clock, port, codec } = build({ maxAgeMs: 1_000 })
    const [one] = await sealedBy(port, 1)
    if (one === undefined) throw new Error('nothing was sealed')
    await codec.open(one.content, place, one.dataKey)
    clock.advance(999)
    await codec.open(one.content, place, one.dataKey)
    expect(port.given[0]?.some((byte) => byte !== 0)).toBe(true)
    clock.advance(1)
    await Promise.resolve()
    expect(port.given[0]?.every((byte) => byte === 0)).toBe(true)
    expect(codec.cachedKeys).toBe(0)
    expect(clock.pending).toBe(0)
    await codec.open(one.content, place, one.dataKey)
    expect(port.unwraps).toBe(2)
  })

  test('with too many keys zeroes the oldest', async () => {
    const { port, codec } = build({ maxItems: 2 })
    const all = await sealedBy(port, 3)
    for (const { content, dataKey } of all) await codec.open(content, place, dataKey)
    expect(codec.cachedKeys).toBe(2)
    expect(port.given.map((key) => key.every((byte) => byte === 0))).toEqual([true, false, false])
  })

  test('without a place in memory opens contents all the same, and keeps no key', async () => {
    const { port, codec } = build({ maxItems: 0 })
    const all = await sealedBy(port, 3)
    const opened = all.map(({ content, dataKey }) => codec.open(content, place, dataKey))
    expect(await Promise.all(opened)).toEqual([plain, plain, plain])
    await Promise.resolve()
    expect(codec.cachedKeys).toBe(0)
    expect(port.given.every((key) => key.every((byte) => byte === 0))).toBe(true)
  })

  test('tells why a key was not unwrapped, and asks again the next time', async () => {
    const { port, codec } = build()
    const [one] = await sealedBy(port, 1)
    if (one === undefined) throw new Error('nothing was sealed')
    port.failure = new Error('out of reach')
    const failed = codec.open(one.content, place, one.dataKey)
    await expect(failed).rejects.toMatchObject({ code: 'CONFIG_DECRYPTION_FAILED', cause: port.failure })
    await expect(failed).rejects.toBeInstanceOf(KeyPortError)
    port.failure = undefined
    expect(await codec.open(one.content, place, one.dataKey)).toEqual(plain)
  })

  test('tells as it is what a key port says with a code of ours', async () => {
    const { port, codec } = build()
    const [one] = await sealedBy(port, 1)
    if (one === undefined) throw new Error('nothing was sealed')
    port.failure = Object.assign(new Error('revoked'), { code: 'CONFIG_DECRYPTION_FAILED' })
    await expect(codec.open(one.content, place, one.dataKey)).rejects.toBe(port.failure)
  })

  test('does not believe a port that unwraps something else', async () => {
    const { port, codec } = build()
    port.unwrap = () => Promise.resolve(new Uint8Array(16))
    const opened = codec.open(new Uint8Array(40), place, { keyId: 'k1', bytes: new Uint8Array(60) })
    expect(await codeOf(opened)).toBe('CONFIG_DECRYPTION_FAILED')
  })

  test('refuses more calls of the port than it may have in flight', async () => {
    const { port, codec } = build({ pendingMaxItems: 2 })
    const all = await sealedBy(port, 3)
    let openGate = (): void => undefined
    port.gate = new Promise((resolve) => (openGate = resolve))
    const opened = all.map(({ content, dataKey }) => codeOf(codec.open(content, place, dataKey)))
    expect(await opened[2]).toBe('CONFIG_OVERLOADED')
    openGate()
    expect(await Promise.all(opened)).toEqual(['succeeded', 'succeeded', 'CONFIG_OVERLOADED'])
  })

  test('wraps a data key anew when the port has another current key', async () => {
    const { port, codec } = build()
    const dataKey = await codec.newDataKey()
    const sealed = await codec.seal(plain, place, dataKey)
    expect(await codec.rewrap(dataKey)).toBeUndefined()
    port.currentKeyId = 'k2'
    const rewrapped = await codec.rewrap(dataKey)
    expect(rewrapped?.keyId).toBe('k2')
    if (rewrapped !== undefined) expect(await codec.open(sealed, place, rewrapped)).toEqual(plain)
  })

  test('gives a data key out to nobody but the owner of a private key', async () => {
    const { port, codec } = build()
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
    const [one] = await sealedBy(port, 1)
    if (one === undefined) throw new Error('nothing was sealed')
    expect(await codeOf(codec.dataKeyFor('garbage', one.dataKey))).toBe('CONFIG_PUBLIC_KEY_INVALID')
    expect(port.unwraps).toBe(0)
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const given = await codec.dataKeyFor(pem, one.dataKey)
    const key = privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, given)
    expect(key).toEqual(Buffer.from(port.given[0] ?? []))
  })

  test('when it is closed zeroes its keys, and what is in flight when its use ends', async () => {
    const { clock, port, codec } = build()
    const [one, two] = await sealedBy(port, 2)
    if (one === undefined || two === undefined) throw new Error('nothing was sealed')
    await codec.open(one.content, place, one.dataKey)
    const opened = codec.open(two.content, place, two.dataKey)
    codec.close()
    codec.close()
    expect(await opened).toEqual(plain)
    await Promise.resolve()
    expect(port.given.map((key) => key.every((byte) => byte === 0))).toEqual([true, true])
    expect(codec.cachedKeys).toBe(0)
    expect(clock.pending).toBe(0)
    expect(await codeOf(codec.open(one.content, place, one.dataKey))).toBe('CONFIG_CLOSED')
  })
})
