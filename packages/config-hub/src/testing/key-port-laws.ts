import assert from 'node:assert/strict'
import { dataKey, hex, law, neverOpens, rejects } from './key-port-case.ts'

const wrapping = [
  law('what was wrapped is unwrapped', async ({ port }) => {
    for (let number = 0; number < 8; number++) {
      const wrapped = await port.wrap(dataKey(number))
      assert.equal(hex(await port.unwrap(wrapped)), hex(dataKey(number)))
    }
  }),
  law('what wraps is the current key', async ({ port }) => {
    assert.ok(port.currentKeyId !== '', 'an empty id')
    assert.equal((await port.wrap(dataKey(1))).keyId, port.currentKeyId)
  }),
  law('a wrapped key does not hold the data key', async ({ port }) => {
    const { bytes } = await port.wrap(dataKey(1))
    assert.ok(!hex(bytes).includes(hex(dataKey(1)).slice(0, 16)))
  }),
  law('all who open the same keys unwrap what one of them wrapped', async ({ port, open }) => {
    const other = await open()
    assert.equal(other.currentKeyId, port.currentKeyId)
    assert.equal(hex(await other.unwrap(await port.wrap(dataKey(1)))), hex(dataKey(1)))
  }),
  law('what becomes of a data key after it was wrapped does not matter', async ({ port }) => {
    const key = dataKey(1)
    const wrapped = await port.wrap(key)
    key.fill(0)
    assert.equal(hex(await port.unwrap(wrapped)), hex(dataKey(1)))
  }),
  law('what was unwrapped belongs to the caller', async ({ port }) => {
    const wrapped = await port.wrap(dataKey(1))
    const first = await port.unwrap(wrapped)
    first.fill(0)
    const second = await port.unwrap(wrapped)
    assert.equal(hex(second), hex(dataKey(1)))
  }),
  law('calls may overlap', async ({ port }) => {
    const numbers = Array.from({ length: 64 }, (_, number) => number)
    const keys = await Promise.all(
      numbers.map(async (number) => port.unwrap(await port.wrap(dataKey(number)))),
    )
    assert.deepEqual(
      keys.map(hex),
      numbers.map((number) => hex(dataKey(number))),
    )
  }),
]

const refusals = [
  law('a wrapped key of which anything was changed is not unwrapped', async ({ port }) => {
    const wrapped = await port.wrap(dataKey(1))
    for (let index = 0; index < wrapped.bytes.length; index++) {
      const bytes = Uint8Array.from(wrapped.bytes)
      bytes[index] = (bytes[index] ?? 0) ^ (1 << (index % 8))
      await neverOpens(port.unwrap({ ...wrapped, bytes }), `byte ${index} changed`)
    }
  }),
  law('a wrapped key that lost or gained bytes is not unwrapped', async ({ port }) => {
    const wrapped = await port.wrap(dataKey(1))
    const { bytes } = wrapped
    for (const changed of [
      new Uint8Array(),
      bytes.slice(1),
      bytes.slice(0, -1),
      Uint8Array.of(...bytes, 0),
    ]) {
      await neverOpens(port.unwrap({ ...wrapped, bytes: changed }), `${changed.length} bytes`)
    }
  }),
  law('a key that is not there unwraps nothing', async ({ port }) => {
    const { bytes } = await port.wrap(dataKey(1))
    for (const keyId of ['', 'nobody has this one', '__proto__', 'constructor']) {
      await neverOpens(port.unwrap({ keyId, bytes }), `key ${keyId}`)
    }
  }),
]

const needs = ['rotate'] as const

const rotation = [
  law(
    'after a rotation another key wraps, and older ones still unwrap',
    async ({ port, open, rotate }) => {
      const before = await port.wrap(dataKey(1))
      await rotate()
      const rotated = await open()
      assert.notEqual(rotated.currentKeyId, port.currentKeyId)
      const after = await rotated.wrap(dataKey(1))
      assert.equal(after.keyId, rotated.currentKeyId)
      for (const wrapped of [before, after]) assert.equal(hex(await rotated.unwrap(wrapped)), hex(dataKey(1)))
    },
    { needs },
  ),
  law(
    'what one key wrapped, no other one unwraps',
    async ({ port, open, rotate }) => {
      const before = await port.wrap(dataKey(1))
      await rotate()
      const rotated = await open()
      const after = await rotated.wrap(dataKey(1))
      await neverOpens(rotated.unwrap({ ...before, keyId: after.keyId }), 'the newer key')
      await neverOpens(rotated.unwrap({ ...after, keyId: before.keyId }), 'the older key')
    },
    { needs },
  ),
]

const lifecycle = [
  law('a port that is closed refuses calls, and closing again does no harm', async ({ port, open }) => {
    const other = await open()
    const wrapped = await port.wrap(dataKey(1))
    await Promise.all([port.close(), port.close()])
    await port.close()
    await rejects(port.wrap(dataKey(1)), 'wrapping')
    await rejects(port.unwrap(wrapped), 'unwrapping')
    assert.equal(hex(await other.unwrap(wrapped)), hex(dataKey(1)))
  }),
]

/** The laws of a key port: run all of them against an implementation, or those whose `needs` it meets. */
export const keyPortLaws = [...wrapping, ...refusals, ...rotation, ...lifecycle]
