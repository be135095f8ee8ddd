import { InvariantError } from '@orrery/environment'
import { createManualEnvironment } from '@orrery/environment/testing'
import { StoreError } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Backoff, pause, untilDone } from '../../src/leases/retry.ts'
import { createVirtualTime, errorOf } from '../virtual-time.ts'

const failure = 'it did not work'
const passing = new StoreError('STORE_NO_LEADER', 'nobody leads')

describe('pauses between attempts', () => {
  test('double up to the longest, less at most half, and begin anew when it worked', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), (seed, failures) => {
        const { random } = createManualEnvironment(seed)
        const backoff = new Backoff(random, { minMs: 100, maxMs: 5_000 })
        for (let n = 0; n < failures; n++) {
          const mostMs = Math.min(5_000, 100 * 2 ** n)
          const pauseMs = backoff.nextMs()
          expect(pauseMs).toBeGreaterThanOrEqual(mostMs / 2)
          expect(pauseMs).toBeLessThanOrEqual(mostMs)
        }
        expect(backoff.failures).toBe(failures)
        backoff.reset()
        expect(backoff.nextMs()).toBeLessThanOrEqual(100)
      }),
    )
  })

  test('end with the signal, and leave no timer behind', async () => {
    const { clock } = createManualEnvironment()
    const stop = new AbortController()
    const pausing = errorOf(pause(clock, { delayMs: 1_000, signal: stop.signal }))
    expect(clock.pending).toBe(1)
    stop.abort(new Error('enough'))
    expect(await pausing).toMatchObject({ message: 'enough' })
    expect(clock.pending).toBe(0)
    const late = errorOf(pause(clock, { delayMs: 1_000, signal: stop.signal }))
    expect(await late).toMatchObject({ message: 'enough' })
    expect(clock.pending).toBe(0)
  })
})

describe('trying until it works', () => {
  test('gives what the first attempt that works gives', async () => {
    const time = createVirtualTime()
    let attempts = 0
    const { signal } = new AbortController()
    const work = untilDone({ environment: time.environment, failure, signal }, () =>
      ++attempts < 4 ? Promise.reject(passing) : Promise.resolve('done'),
    )
    expect(await time.until(work)).toBe('done')
    expect(time.environment.logger.lines.map(({ message }) => message)).toEqual([failure, failure, failure])
  })

  test('ends where it is of no use to go on', async () => {
    const { signal } = new AbortController()
    for (const error of [new StoreError('STORE_CLOSED', 'closed'), new InvariantError('a bug')]) {
      const environment = createManualEnvironment()
      const work = untilDone({ environment, failure, signal }, () => Promise.reject(error))
      expect(await errorOf(work)).toBe(error)
      expect(environment.clock.pending).toBe(0)
    }
  })

  test('takes a failure after a long time for the first one', async () => {
    const time = createVirtualTime()
    const { environment } = time
    const stop = new AbortController()
    let attempts = 0
    const work = untilDone({ environment, failure, signal: stop.signal }, async () => {
      // The last one goes well for a minute.
      if (++attempts === 8) await new Promise<void>((resolve) => environment.clock.setTimer(60_000, resolve))
      throw passing
    }).catch(() => {})
    await time.untilSo(() => environment.logger.lines.length === 8)
    const delays = environment.logger.lines.map(({ fields }) => Number(fields.delayMs))
    expect(delays[6]).toBeGreaterThanOrEqual(2_500)
    expect(delays[7]).toBeLessThanOrEqual(100)
    stop.abort()
    await work
    expect(time.pending()).toBe(0)
  })
})
