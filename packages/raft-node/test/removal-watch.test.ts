import { expect, test } from 'vitest'
import { type Transport, TransportError } from '../src/index.ts'
import { RemovalWatch, removedReason } from '../src/removal-watch.ts'

function begin(answer: (to: unknown) => Promise<Uint8Array>): {
  watch: RemovalWatch
  asked: unknown[]
  removed: () => number
  refused: string[]
} {
  const asked: unknown[] = []
  let removed = 0
  const refused: string[] = []
  const request: Transport['request'] = (to) => {
    asked.push(to)
    return answer(to)
  }
  const watch = new RemovalWatch({
    transport: { request } as Transport,
    peers: () => [2n, 3n],
    electionTimeoutMs: 1_000,
    onRemoved: () => {
      removed++
    },
    onRefused: (reason) => void refused.push(reason),
  })
  return { watch, asked, removed: () => removed, refused }
}

const settle = (): Promise<void> => new Promise(setImmediate)
const refusal =
  (reason: string): (() => Promise<Uint8Array>) =>
  () =>
    Promise.reject(new TransportError('TRANSPORT_REFUSED', reason))

test('a member without a leader for two election timeouts asks the others, and learns that it was removed', async () => {
  const { watch, asked, removed } = begin(refusal(`the peer says: ${removedReason}`))
  watch.tick(0, false)
  watch.tick(1_999, false)
  expect(asked).toEqual([])
  watch.tick(2_000, false)
  expect(asked).toEqual([2n, 3n])
  await settle()
  expect(removed()).toBe(2)
})

test('a member that is led asks nobody, and begins anew when it is not', () => {
  const { watch, asked } = begin(refusal(removedReason))
  watch.tick(0, false)
  watch.tick(1_500, true)
  watch.tick(2_000, false)
  watch.tick(3_999, false)
  expect(asked).toEqual([])
  watch.tick(4_000, false)
  expect(asked).toHaveLength(2)
})

test('other refusals, silence and answers tell nothing', async () => {
  for (const answer of [
    refusal('not a member'),
    () => Promise.reject(new TransportError('TRANSPORT_UNREACHABLE', removedReason)),
    () => Promise.resolve(Buffer.alloc(0)),
  ]) {
    const { watch, removed, refused } = begin(answer)
    watch.tick(0, false)
    watch.tick(2_000, false)
    await settle()
    expect(removed()).toBe(0)
    expect(refused).toEqual([])
  }
})

test('whoever has not answered is not asked again', async () => {
  let answer: (bytes: Uint8Array) => void = () => {}
  const { watch, asked } = begin(() => new Promise((resolve) => (answer = resolve)))
  for (const nowMs of [0, 2_000, 4_000, 6_000]) watch.tick(nowMs, false)
  expect(asked).toEqual([2n, 3n])
  answer(Buffer.alloc(0))
  await settle()
  watch.tick(8_000, false)
  expect(asked).toEqual([2n, 3n, 3n])
})

test('a member learns that it is not taken for one when no majority is left without those who refuse it', async () => {
  for (const reason of ['another data directory', 'another cluster']) {
    const some = new Set<unknown>([2n])
    const { watch, refused, removed } = begin((to) =>
      some.has(to) ? refusal(`the peer says: ${reason}`)() : Promise.resolve(Buffer.alloc(0)),
    )
    watch.tick(0, false)
    watch.tick(2_000, false)
    await settle()
    expect(refused).toEqual([])
    some.add(3n)
    watch.tick(4_000, false)
    await settle()
    expect(refused).toEqual([reason])
    expect(removed()).toBe(0)
  }
})

test('refusals from before a leader was found count no more', async () => {
  const some = new Set<unknown>([2n])
  const { watch, refused } = begin((to) =>
    some.has(to) ? refusal('another cluster')() : Promise.resolve(Buffer.alloc(0)),
  )
  watch.tick(0, false)
  watch.tick(2_000, false)
  await settle()
  watch.tick(2_100, true)
  some.clear()
  some.add(3n)
  watch.tick(3_000, false)
  watch.tick(5_000, false)
  await settle()
  expect(refused).toEqual([])
})
