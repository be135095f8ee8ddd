import { expect, test } from 'vitest'
import { inOrder } from '../../src/archive/in-order.ts'

test('results are in the order of the items, however long each takes', async () => {
  const turns = [5, 0, 3, 1, 2]
  const ended: number[] = []
  const results = await inOrder(turns, 3, async (count) => {
    for (let turn = 0; turn < count; turn++) await Promise.resolve()
    ended.push(count)
    return count * 10
  })
  expect(results).toEqual([50, 0, 30, 10, 20])
  expect(ended).not.toEqual(turns)
})

test('no more are worked on at a time than may be', async () => {
  let running = 0
  let most = 0
  await inOrder(Array.from({ length: 20 }), 4, async () => {
    most = Math.max(most, ++running)
    await Promise.resolve()
    running--
  })
  expect(most).toBe(4)
})

test('after a failure none is begun any more, and what was begun has ended when it is told', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const all = inOrder(
    Array.from({ length: 20 }, (_, index) => index),
    2,
    async (index) => {
      begun.push(index)
      if (index === 2) throw new Error('third')
      for (let turn = 0; turn < 5; turn++) await Promise.resolve()
      ended.push(index)
    },
  )
  await expect(all).rejects.toThrow('third')
  expect(begun.length).toBeLessThan(6)
  expect(ended).toEqual(begun.filter((index) => index !== 2))
})
