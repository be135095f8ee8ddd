import { createManualClock, type ManualClock } from '@orrery/environment/testing'
import type { Clock } from '@orrery/environment'
import { expect, test } from 'vitest'
import { Ticker } from '../src/ticker.ts'

/** Ticks that were counted, at their times. */
function begin(clock: Clock): { ticks: number[]; ticker: Ticker } {
  const ticks: number[] = []
  const ticker = new Ticker({ clock, tickMs: 100, tick: () => void ticks.push(clock.nowMs()) })
  ticker.start()
  return { ticks, ticker }
}

/** A clock of a process that can stand still: deferred callbacks run when the test says so. */
function stallable(): { clock: Clock; manual: ManualClock; stallMs: number; turns: (() => void)[] } {
  const manual = createManualClock()
  const turns: (() => void)[] = []
  const state = { manual, stallMs: 0, turns }
  const clock: Clock = {
    nowMs: () => manual.nowMs() + state.stallMs,
    wallMs: () => manual.wallMs(),
    setTimer: (delayMs, callback) => manual.setTimer(delayMs, callback),
    defer: (callback) => {
      turns.push(callback)
      return { cancel: () => void turns.splice(turns.indexOf(callback), 1) }
    },
  }
  return Object.assign(state, { clock })
}

test('time that passes evenly counts evenly, and small delays do not add up', () => {
  const stalled = stallable()
  const { ticks, ticker } = begin(stalled.clock)
  stalled.manual.advance(250)
  expect(ticks).toEqual([100, 200])
  // 30 ms late for the tick at 300: the one after comes at 400 all the same.
  stalled.stallMs = 80
  stalled.manual.advance(50)
  expect(ticks.at(-1)).toBe(380)
  stalled.manual.advance(20)
  expect(ticks).toEqual([100, 200, 380, 400])
  ticker.stop()
})

test('a pause counts as one tick, after the input that waited has had two turns', () => {
  const stalled = stallable()
  const { ticks, ticker } = begin(stalled.clock)
  stalled.stallMs = 5_000
  stalled.manual.advance(100)
  expect(ticks).toEqual([])
  expect(stalled.turns).toHaveLength(1)
  stalled.turns.shift()?.()
  expect(ticks).toEqual([])
  expect(stalled.turns).toHaveLength(1)
  stalled.turns.shift()?.()
  expect(ticks).toEqual([5_100])
  stalled.manual.advance(99)
  expect(ticks).toHaveLength(1)
  stalled.manual.advance(1)
  expect(ticks).toEqual([5_100, 5_200])
  ticker.stop()
})

test('nothing ticks after the end, be it in a pause or in a tick', () => {
  const stalled = stallable()
  const { ticks, ticker } = begin(stalled.clock)
  stalled.stallMs = 5_000
  stalled.manual.advance(100)
  ticker.stop()
  expect([ticks.length, stalled.turns.length, stalled.manual.pending]).toEqual([0, 0, 0])

  const clock = createManualClock()
  let count = 0
  const other: Ticker = new Ticker({
    clock,
    tickMs: 100,
    tick: () => {
      count++
      other.stop()
    },
  })
  other.start()
  clock.advance(1_000)
  expect([count, clock.pending]).toEqual([1, 0])
})
