import { CodedError, createRandom, hasCode, InvariantError, invariant } from '@orrery/environment'
import { systemClock, systemEnvironment } from '@orrery/environment/system'
import { createManualClock, createManualEnvironment } from '@orrery/environment/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

class KiteError extends CodedError<'KITE_TANGLED' | 'KITE_LOST'> {}

describe('coded errors', () => {
  test('carry code, class name, message and cause', () => {
    const cause = new Error('wind')
    const error = new KiteError('KITE_TANGLED', 'the line is in a tree', { cause })
    expect(error).toMatchObject({
      code: 'KITE_TANGLED',
      name: 'KiteError',
      message: 'KITE_TANGLED: the line is in a tree',
      cause,
    })
  })

  test('are told apart by code and not by class', () => {
    const foreign = Object.assign(new Error('x'), { code: 'KITE_LOST' })
    expect(hasCode(foreign, 'KITE_TANGLED', 'KITE_LOST')).toBe(true)
    expect(hasCode(foreign, 'KITE_TANGLED')).toBe(false)
    expect(hasCode({ code: 'KITE_LOST' }, 'KITE_LOST')).toBe(false)
  })

  test('are not what a broken invariant throws', () => {
    expect(() => {
      invariant(false, 'two leaders')
    }).toThrow(InvariantError)
  })
})

describe('random', () => {
  test('is determined by its seed, so that old seeds replay', () => {
    const draw = createRandom(42)
    expect([draw.uint32(), draw.uint32(), draw.uint32()]).toMatchInlineSnapshot(`
      [
        509326843,
        164909939,
        2331740700,
      ]
    `)
  })

  test('a fork depends on seed and label, not on how far its parent was read', () => {
    const read = createRandom(7)
    read.uint32()
    expect(read.fork('disk').uint32()).toBe(createRandom(7).fork('disk').uint32())
    expect(read.fork('disk').uint32()).not.toBe(read.fork('net').uint32())
    expect(createRandom(8).fork('disk').uint32()).not.toBe(createRandom(7).fork('disk').uint32())
  })

  test('stays within its bounds and reaches both ends', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
        const random = createRandom(seed)
        const draw = random.below(bound)
        const unit = random.float()
        const id = random.id63()
        return draw >= 0 && draw < bound && unit >= 0 && unit < 1 && id > 0n && id < 1n << 63n
      }),
    )
    const random = createRandom(1)
    expect(new Set(Array.from({ length: 100 }, () => random.below(3)))).toEqual(new Set([0, 1, 2]))
    expect(() => random.below(0)).toThrow(RangeError)
  })
})

describe('the manual clock', () => {
  test('runs due timers in order of time, then of setting, each at its own time', () => {
    const clock = createManualClock(1_000)
    const ran: string[] = []
    const note = (name: string) => () => ran.push(`${name}@${String(clock.nowMs())}`)
    clock.setTimer(20, note('late'))
    clock.setTimer(10, note('first'))
    clock.setTimer(10, () => {
      note('second')()
      clock.setTimer(5, note('nested'))
    })
    clock.setTimer(10, note('cancelled')).cancel()
    clock.setTimer(21, note('not yet'))
    clock.advance(20)
    expect(ran).toEqual(['first@1010', 'second@1010', 'nested@1015', 'late@1020'])
    expect(clock.nowMs()).toBe(1_020)
    expect(clock.pending).toBe(1)
    expect(() => {
      clock.advance(-1)
    }).toThrow(RangeError)
  })

  test('runs deferred callbacks before time moves', () => {
    const clock = createManualClock()
    const ran: number[] = []
    clock.defer(() => {
      ran.push(clock.nowMs())
      clock.defer(() => ran.push(clock.nowMs()))
    })
    clock.defer(() => ran.push(-1)).cancel()
    clock.advance(5)
    expect(ran).toEqual([0, 0])
  })

  test('keeps monotonic time apart from the time of day', () => {
    const { clock } = createManualEnvironment()
    clock.shiftWall(-3_600_000)
    expect([clock.nowMs(), clock.wallMs()]).toEqual([0, -3_600_000])
  })
})

describe('the system environment', () => {
  test('does not treat a far deadline as an immediate one', async () => {
    let ran = false
    const timer = systemClock.setTimer(2 ** 40, () => {
      ran = true
    })
    await new Promise<void>((resolve) => {
      systemClock.defer(() => systemClock.setTimer(5, resolve))
      setTimeout(resolve, 50)
    })
    timer.cancel()
    expect(ran).toBe(false)
  })

  test('takes the parts that a host brings', () => {
    const { logger } = createManualEnvironment()
    expect(systemEnvironment({ logger }).logger).toBe(logger)
    expect(systemEnvironment().random.uint32()).not.toBe(systemEnvironment().random.uint32())
  })
})
