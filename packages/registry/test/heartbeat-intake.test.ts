import { describe, expect, test } from 'vitest'
import type { HeartbeatIntakeOptions } from '../src/health/forwarding-options.ts'
import { createHeartbeatIntake } from '../src/health/heartbeat-intake.ts'
import { createRing } from '../src/health/ring.ts'
import type { HeartbeatBatch, HeartbeatReply } from '../src/ports.ts'

function begin(options: HeartbeatIntakeOptions = {}) {
  const intake = createHeartbeatIntake({ batchMaxBeats: 3, ...options })
  const accepted: string[] = []
  let sequence = 0
  return {
    intake,
    accepted,
    receive: (nowMs: number, batch: Partial<HeartbeatBatch> = {}): HeartbeatReply =>
      intake.receive(
        { from: 'm', life: 'm.1', sequence: ++sequence, ringRevision: 1, beats: [], isLast: false, ...batch },
        {
          nowMs,
          ringRevision: 7,
          accept: (path) => {
            if (path.startsWith('unknown')) return false
            accepted.push(path)
            return true
          },
        },
      ),
    ring: (revision: number, names: string, nowMs: number): void => {
      const members = Array.from(names, (name) => ({ name, address: name, createRevision: 1 }))
      intake.setRing(createRing(members, revision), 'o', nowMs)
    },
    /** At these times: whether evidence is complete. */
    complete: (...timesMs: readonly number[]) => timesMs.map((nowMs) => intake.isComplete(nowMs)),
  }
}

describe('an intake', () => {
  test('is complete while it has heard of nobody', () => {
    const { intake, complete } = begin()
    expect(complete(0, 1e9)).toEqual([true, true])
    expect(intake.silent(0)).toEqual([])
    expect(intake.lostUntilMs(1e9)).toBe(-Infinity)
  })

  test('tells its ring, and the positions of what was not accepted', () => {
    const { receive, accepted } = begin()
    const reply = receive(0, { beats: ['a', 'unknown/1', 'b', 'unknown/2'] })
    expect(reply).toEqual({ ringRevision: 7, refused: [1, 3] })
    expect(accepted).toEqual(['a', 'b'])
  })

  test('waits for a sender that is silent, and forgets it when it can vouch for nothing more', () => {
    const { intake, receive, complete } = begin()
    receive(1_000)
    expect(complete(1_000, 1_500, 1_501)).toEqual([true, true, false])
    expect(intake.silent(1_501)).toEqual(['m'])
    expect(complete(3_200, 3_201)).toEqual([false, true])
    expect(intake.silent(3_201)).toEqual([])
  })

  test('tells until when a sender that vanished may have vouched for what never came', () => {
    const { intake, receive } = begin()
    receive(1_000)
    expect(intake.lostUntilMs(3_200)).toBe(-Infinity)
    expect(intake.lostUntilMs(9_999)).toBe(3_200)
    receive(10_000)
    expect(intake.lostUntilMs(10_000)).toBe(3_200)
    expect(intake.lostUntilMs(20_000)).toBe(12_200)
  })

  test('lets a sender go at once that says farewell, and listens to it no more', () => {
    const { intake, receive, complete, accepted } = begin()
    receive(0)
    receive(100, { isLast: true, beats: ['a'] })
    expect(complete(100, 700, 5_000)).toEqual([true, true, true])
    expect(intake.lostUntilMs(5_000)).toBe(-Infinity)
    expect(receive(5_001, { beats: ['b'] }).refused).toEqual([0])
    expect(complete(6_000)).toEqual([true])
    expect(accepted).toEqual(['a'])
  })

  test('does not take a full batch for a sign that nothing waits, but for one of life', () => {
    const { receive, complete, intake } = begin()
    receive(0)
    for (let nowMs = 100; nowMs <= 5_000; nowMs += 100) receive(nowMs, { beats: ['a', 'b', 'c'] })
    expect(complete(5_000)).toEqual([false])
    expect(intake.lostUntilMs(5_000)).toBe(-Infinity)
    receive(5_100, { beats: ['a', 'b'] })
    expect(complete(5_100)).toEqual([true])
  })

  test('is not complete after a first batch that is full', () => {
    const { receive, complete } = begin()
    receive(0, { beats: ['a', 'b', 'c'] })
    expect(complete(0)).toEqual([false])
  })

  test('refuses what was overtaken or comes twice, and does not count it as heard', () => {
    const { receive, complete, accepted } = begin()
    receive(0, { sequence: 5, beats: ['a'] })
    expect(receive(400, { sequence: 4, beats: ['b', 'c'] }).refused).toEqual([0, 1])
    expect(receive(400, { sequence: 5, beats: ['a'] }).refused).toEqual([0])
    expect(accepted).toEqual(['a'])
    expect(complete(501)).toEqual([false])
  })

  test('remembers what a forgotten sender sent last', () => {
    const { receive, complete, accepted } = begin()
    receive(0, { sequence: 5 })
    expect(complete(10_000)).toEqual([true])
    expect(receive(10_000, { sequence: 4, beats: ['a'] }).refused).toEqual([0])
    receive(10_000, { sequence: 6, beats: ['b'] })
    expect(accepted).toEqual(['b'])
    expect(complete(10_600)).toEqual([false])
  })

  test('tells lives of one name apart: each may have vouched for something', () => {
    const { intake, receive, complete, accepted } = begin()
    receive(0, { life: 'm.1', sequence: 9, beats: ['a'] })
    receive(100, { life: 'm.2', sequence: 1, beats: ['b'] })
    receive(200, { life: 'm.1', sequence: 10, beats: ['c'] })
    expect(accepted).toEqual(['a', 'b', 'c'])
    receive(650, { life: 'm.2', sequence: 2 })
    expect(complete(650, 701)).toEqual([true, false])
    expect(intake.silent(701)).toEqual(['m'])
  })

  test('waits for all senders', () => {
    const { intake, receive } = begin()
    receive(0, { from: 'b' })
    receive(0, { from: 'a' })
    receive(400, { from: 'c' })
    expect(intake.silent(501)).toEqual(['a', 'b'])
  })

  test('refuses more lives than it tells apart, unless some are gone', () => {
    const { receive, complete } = begin({ sendersMax: 2 })
    receive(0, { life: 'x' })
    receive(0, { life: 'y', isLast: true })
    receive(1, { life: 'z' })
    expect(() => receive(2, { life: 'w' })).toThrow(expect.objectContaining({ code: 'REGISTRY_OVERLOADED' }))
    expect(complete(3_000)).toEqual([true])
    receive(3_000, { life: 'w' })
  })

  test('refuses options that make no sense', () => {
    const refused = expect.objectContaining({ code: 'REGISTRY_OPTION_INVALID' }) as Error
    for (const options of [
      { silenceMs: 2_000 },
      { batchMaxBeats: 1 },
      { catchUpMaxMs: 2_200 },
      { sendersMax: 0 },
    ]) {
      expect(() => createHeartbeatIntake(options)).toThrow(refused)
    }
  })
})

describe('an intake that is told the members', () => {
  test('is not complete until all others know them', () => {
    const { intake, ring, receive, complete } = begin()
    ring(5, 'mno', 0)
    expect(intake.silent(0)).toEqual(['m', 'n'])
    receive(100, { from: 'm', life: 'm', ringRevision: 5 })
    receive(100, { from: 'n', life: 'n', ringRevision: 4 })
    expect(complete(100)).toEqual([false])
    receive(200, { from: 'n', life: 'n', ringRevision: 6 })
    expect(complete(200)).toEqual([true])
  })

  test('does not wait for ever', () => {
    const { ring, complete } = begin()
    ring(5, 'mo', 0)
    expect(complete(4_999, 5_000)).toEqual([false, true])
  })

  test('does not wait when somebody left, nor for him', () => {
    const { ring, receive, complete } = begin()
    ring(5, 'mno', 0)
    receive(100, { from: 'm', life: 'm', ringRevision: 5 })
    expect(complete(100)).toEqual([false])
    ring(4, 'mo', 200)
    expect(complete(200)).toEqual([true])
  })

  test('waits again when somebody joins', () => {
    const { ring, receive, complete } = begin()
    ring(5, 'mo', 0)
    receive(100, { ringRevision: 5 })
    ring(8, 'mno', 200)
    receive(250, { ringRevision: 8 })
    expect(complete(250)).toEqual([false])
    receive(300, { from: 'n', life: 'n', ringRevision: 8 })
    expect(complete(300)).toEqual([true])
  })

  test('does not wait when it is alone', () => {
    const { ring, complete } = begin()
    ring(5, 'o', 0)
    expect(complete(0)).toEqual([true])
  })
})
