import { createManualClock, createManualEnvironment } from '@orrery/environment/testing'
import { expect, test } from 'vitest'
import { Deadlines } from '../src/deadlines.ts'
import { QuietLog, quietMs, textOf } from '../src/quiet-log.ts'

test('a deadline is missed at its time, in order, with one timer for all', () => {
  const clock = createManualClock()
  const deadlines = new Deadlines(clock, 100)
  const missed: string[] = []
  deadlines.add(() => missed.push('a'))
  clock.advance(30)
  const kept = deadlines.add(() => missed.push('b'))
  deadlines.add(() => missed.push('c'))
  clock.advance(20)
  deadlines.add(() => missed.push('d'))
  expect(clock.pending).toBe(1)
  clock.advance(49)
  expect(missed).toEqual([])
  clock.advance(1)
  expect(missed).toEqual(['a'])
  kept()
  clock.advance(30)
  expect(missed).toEqual(['a', 'c'])
  clock.advance(20)
  expect(missed).toEqual(['a', 'c', 'd'])
  expect(clock.pending).toBe(0)
})

test('what is set while another deadline is missed has its whole time', () => {
  const clock = createManualClock()
  const deadlines = new Deadlines(clock, 100)
  const missed: number[] = []
  deadlines.add(() => deadlines.add(() => missed.push(clock.nowMs())))
  clock.advance(199)
  expect(missed).toEqual([])
  clock.advance(1)
  expect(missed).toEqual([200])
})

test('nothing is missed after the end', () => {
  const clock = createManualClock()
  const deadlines = new Deadlines(clock, 100)
  deadlines.add(() => expect.unreachable())
  deadlines.close()
  expect(clock.pending).toBe(0)
  clock.advance(100)
})

test('a line that comes again and again is logged once in a while, with how often it came', () => {
  const environment = createManualEnvironment()
  const log = new QuietLog(environment)
  for (let count = 0; count < 5; count++) log.write('warn', 'lost', { error: `${count}` })
  log.write('info', 'found', {})
  environment.clock.advance(quietMs)
  log.write('warn', 'lost', { error: 'last' })
  expect(environment.logger.lines).toEqual([
    { level: 'warn', message: 'lost', fields: { error: '0' } },
    { level: 'info', message: 'found', fields: {} },
    { level: 'warn', message: 'lost', fields: { error: 'last', skipped: 4 } },
  ])
})

test('an error without a text is known by its code', () => {
  expect(textOf(new Error('text'))).toBe('text')
  expect(textOf(Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED')
  expect(textOf(new AggregateError([]))).toBe('AggregateError')
  expect(textOf('text')).toBe('text')
})
