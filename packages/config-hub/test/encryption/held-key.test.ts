import { expect, test } from 'vitest'
import { HeldKey } from '../../src/encryption/held-key.ts'
import { keyOf } from './support.ts'

test('a key that the cache let go of is zeroed when the last one who holds it is done', async () => {
  const bytes = keyOf(1)
  const key = new HeldKey(Promise.resolve(bytes))
  key.hold()
  key.hold()
  key.discard()
  key.release()
  await Promise.resolve()
  expect(bytes).toEqual(keyOf(1))
  key.release()
  await Promise.resolve()
  expect(bytes).toEqual(keyOf(0))
})

test('a key that never came is nothing to zero', async () => {
  const key = new HeldKey(Promise.reject(new Error('out of reach')))
  key.hold()
  key.discard()
  await expect(key.bytes).rejects.toThrow('out of reach')
  key.release()
})
