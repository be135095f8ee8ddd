import { createMemoryBackend } from '@orrery/mvcc'
import { backendConformance } from '@orrery/mvcc/testing'
import { describe, expect, test } from 'vitest'

describe('the backend in memory', () => {
  test.each(backendConformance)('$name', ({ run }) => run(createMemoryBackend()))

  test('knows how many bytes it holds', () => {
    const backend = createMemoryBackend()
    backend.put(2, 0, false, new Uint8Array(10))
    backend.put(3, 0, true, new Uint8Array(5))
    backend.setMeta('name', new Uint8Array(8))
    backend.setMeta('name', new Uint8Array(3))
    expect(backend.sizeBytes).toBe(18)
    backend.delete(2, 0, false)
    backend.setMeta('name', undefined)
    expect(backend.sizeBytes).toBe(5)
  })

  test('copies a record that outlives its neighbours, and so lets go of the memory they shared', () => {
    const backend = createMemoryBackend()
    const block = new Uint8Array(100_000)
    for (let main = 1; main <= 512; main++)
      backend.put(main, 0, false, block.subarray(main * 100, main * 100 + 100))
    for (let main = 1; main <= 500; main++) backend.delete(main, 0, false)
    expect(backend.get(512, 0)).toEqual(new Uint8Array(100))
    expect(backend.get(512, 0).buffer.byteLength).toBeLessThanOrEqual((512 * 100) / 4)
  })
})
