import type { Message } from '@orrery/raft'
import { encodeMessages } from '@orrery/raft'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { messageBytes, MessageQueue } from '../src/message-queue.ts'

function beat(round: number): Message {
  return { type: 'heartbeat', from: 1n, to: 2n, term: 1, commitIndex: 0, round }
}

function append(length: number): Message {
  const payload = new Uint8Array(length)
  const entries = [{ index: 1, term: 1, type: 'command', payload } as const]
  const log = { previousIndex: 0, previousTerm: 0, commitIndex: 0, lastIndex: 1 }
  return { type: 'append', from: 1n, to: 2n, term: 1, entries, ...log }
}

test('messages come out in the order in which they went in, as much as was asked for', () => {
  const step = fc.oneof(fc.constant('push' as const), fc.integer({ min: 1, max: 1_000 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = new MessageQueue({ maxBytes: 2_000, reserveBytes: 1 })
      const model: Message[] = []
      steps.forEach((each, n) => {
        if (each === 'push') {
          const fits = (model.length + 1) * messageBytes(beat(n)) <= 2_000
          expect(queue.push(beat(n))).toBe(fits)
          if (fits) model.push(beat(n))
          return
        }
        const count = Math.max(1, Math.floor(each / messageBytes(beat(0))))
        expect(queue.take(each)).toEqual(model.splice(0, count))
        expect(queue.length).toBe(model.length)
      })
    }),
  )
})

test('a long queue that is taken in small pieces stays in order', () => {
  const queue = new MessageQueue({ maxBytes: 10_000_000, reserveBytes: 1 })
  for (let n = 0; n < 5_000; n++) queue.push(beat(n))
  const taken: Message[] = []
  while (queue.length > 0) taken.push(...queue.take(1_000))
  expect(taken).toEqual(Array.from({ length: 5_000 }, (_, n) => beat(n)))
})

test('a queue full of entries still takes heartbeats', () => {
  const queue = new MessageQueue({ maxBytes: 10_000, reserveBytes: 1_000 })
  let appends = 0
  while (queue.push(append(100))) appends++
  expect(appends).toBeGreaterThan(10)
  let beats = 0
  while (queue.push(beat(beats))) beats++
  expect(beats).toBeGreaterThanOrEqual(10)
  expect(queue.clear()).toBe(appends + beats)
  expect(queue.push(append(100))).toBe(true)
})

test('a message is never larger than it is counted', () => {
  const largest = { from: 2n ** 64n - 1n, to: 2n ** 64n - 1n, term: Number.MAX_SAFE_INTEGER }
  const term = Number.MAX_SAFE_INTEGER
  const payload = new Uint8Array(1_000)
  const members = Array.from({ length: 50 }, (_, n) => BigInt(n + 1))
  const membership = {
    voters: members,
    outgoingVoters: members,
    learners: [],
    nextLearners: [],
    leavesAutomatically: true,
  }
  const index = Number.MAX_SAFE_INTEGER - 100
  const entries = Array.from({ length: 9 }, (_, n) => {
    return { index: index + n + 1, term, type: 'command', payload } as const
  })
  const log = { previousIndex: index, previousTerm: 1, commitIndex: index, lastIndex: index + 10 }
  const messages: Message[] = [
    { type: 'append', ...largest, entries, ...log },
    { type: 'propose', ...largest, term: 0, proposals: [{ type: 'command', payload }] },
    { type: 'snapshot', ...largest, snapshot: { index, term, membership } },
    {
      type: 'appendResponse',
      ...largest,
      index,
      isRejected: true,
      hintIndex: index,
      hintTerm: term,
      isLogReset: true,
    },
  ]
  for (const message of messages) {
    expect(encodeMessages([message]).length, message.type).toBeLessThanOrEqual(messageBytes(message))
  }
})
