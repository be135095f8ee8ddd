import { createManualClock } from '@orrery/environment/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ApplyLoop } from '../src/apply-loop.ts'
import { BackgroundWork } from '../src/background-work.ts'
import type { Command } from '../src/command.ts'
import { createStoreBackend } from '../src/memory-store.ts'
import type { Proposal } from '../src/ports.ts'
import { ProposalQueue } from '../src/proposals.ts'
import { StateMachine } from '../src/state-machine.ts'

describe('background work', () => {
  test('kinds of work take turns, within and across turns of the event loop', () => {
    const clock = createManualClock()
    const done: string[] = []
    const left = { a: 5, b: 3, c: 0 }
    const step = (name: keyof typeof left) => (): boolean => {
      if (left[name] === 0) return false
      done.push(name)
      return --left[name] > 0
    }
    const work = new BackgroundWork({ clock, turnMaxMs: 5, steps: [step('a'), step('b'), step('c')] })
    work.kick()
    work.kick()
    expect(clock.pending).toBe(1)
    clock.runDeferred()
    expect(done.join('')).toBe('abababaa')
    expect(clock.pending).toBe(0)
  })

  test('a turn ends when its time is used up, after each kind had a slice', () => {
    const manual = createManualClock()
    let nowMs = 0
    const slices = { slow: 0, fast: 0 }
    const turns: string[] = []
    const work = new BackgroundWork({
      clock: { ...manual, nowMs: () => nowMs },
      turnMaxMs: 5,
      steps: [
        () => {
          turns.push(`slow ${++slices.slow}, fast ${slices.fast}`)
          nowMs += 20
          return slices.slow < 3
        },
        () => ++slices.fast < 3,
      ],
    })
    work.kick()
    manual.runDeferred()
    expect(turns).toEqual(['slow 1, fast 0', 'slow 2, fast 1', 'slow 3, fast 2'])
    expect(slices.fast).toBe(3)
  })

  test('work that comes up meanwhile is not forgotten', () => {
    const clock = createManualClock()
    let runs = 0
    const work: BackgroundWork = new BackgroundWork({
      clock,
      turnMaxMs: 5,
      steps: [
        () => {
          if (++runs === 1) work.kick()
          return false
        },
      ],
    })
    work.kick()
    clock.runDeferred()
    expect(runs).toBe(2)
  })

  test('stopped work does nothing more', () => {
    const clock = createManualClock()
    let runs = 0
    const work = new BackgroundWork({ clock, turnMaxMs: 5, steps: [() => ++runs > 0] })
    work.kick()
    work.stop()
    work.kick()
    clock.runDeferred()
    expect([runs, clock.pending]).toEqual([0, 0])
  })
})

describe('the apply loop', () => {
  /** Applies the commands at one go; each takes a while. Returns the commands of each turn of the event loop. */
  async function turnsOf(commands: readonly Command[], commandMs: number): Promise<number[]> {
    let nextTurn: (() => void) | undefined
    let nowMs = 0
    let applied = 0
    const state = new StateMachine(createStoreBackend(), { leaseTtlMinMs: 1 })
    state.restore(0)
    state.restored()
    const queue = new ProposalQueue()
    const loop = new ApplyLoop({
      clock: {
        ...createManualClock(),
        nowMs: () => nowMs,
        defer: (callback) => {
          nextTurn = callback
          return { cancel: () => {} }
        },
      },
      log: {
        take: () => queue.take(commands.length),
        applied: () => {},
        get waiting() {
          return queue.size
        },
        rejectAll: (error) => queue.rejectAll(error),
        onIdle: undefined,
      },
      state: () => state,
      turnMaxMs: 5,
      isCongested: () => false,
      onApplied: () => {
        applied++
        nowMs += commandMs
      },
      onSlice: () => {},
    })
    for (const [n, command] of commands.entries()) {
      queue.push(n + 1, { command, isLeaderOnly: false, resolve: () => {}, reject: () => {} })
    }
    const turns: number[] = []
    nextTurn = () => loop.commit()
    while (nextTurn !== undefined) {
      const turn: () => void = nextTurn
      nextTurn = undefined
      const before = applied
      turn()
      for (let n = 0; n < 50; n++) await Promise.resolve()
      if (applied > before) turns.push(applied - before)
    }
    return turns
  }

  test('ends a turn when its time is used up, also amid commands that take long', async () => {
    const slow: Command[] = Array.from({ length: 10 }, () => ({ type: 'leaseRevoke', id: 1n }))
    expect(await turnsOf(slow, 2)).toEqual([3, 3, 3, 1])
    expect(await turnsOf(slow, 60)).toEqual(slow.map(() => 1))
  })

  test('goes on in the same turn while there is time', async () => {
    const puts: Command[] = Array.from({ length: 1_000 }, () => ({ type: 'put', request: { key: 'a' } }))
    expect(await turnsOf(puts, 0.001)).toEqual([1_000])
  })
})

describe('the queue of proposals', () => {
  const proposal = (reject: (error: unknown) => void = () => {}): Proposal => ({
    command: { type: 'compact', revision: 1 },
    isLeaderOnly: false,
    resolve: () => {},
    reject,
  })

  test('gives proposals in order, each once, none that is not committed', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(30), { maxLength: 60 }), (steps) => {
        const queue = new ProposalQueue()
        let pushed = 0
        let taken = 0
        for (const [n, count] of steps.entries()) {
          if (n % 2 === 0) {
            for (let i = 0; i < count; i++) queue.push(++pushed, proposal())
          } else {
            const committed = Math.min(pushed, taken + count)
            for (let next = queue.take(committed); next !== undefined; next = queue.take(committed)) {
              expect(next.index).toBe(++taken)
            }
            expect(taken).toBe(committed)
          }
          expect(queue.size).toBe(pushed - taken)
        }
      }),
    )
  })

  test('stays small while it never runs empty', () => {
    const queue = new ProposalQueue()
    queue.push(1, proposal())
    for (let index = 2; index < 30_000; index++) {
      queue.push(index, proposal())
      expect(queue.take(index)?.index).toBe(index - 1)
    }
    expect(queue.size).toBe(1)
  })

  test('answers everybody with an error when told to', () => {
    const queue = new ProposalQueue()
    const errors: unknown[] = []
    const failure = new Error('failed')
    for (const index of [1, 2, 3])
      queue.push(
        index,
        proposal((error) => errors.push(error)),
      )
    queue.take(1)
    queue.rejectAll(failure)
    expect([errors, queue.size]).toEqual([[failure, failure], 0])
  })
})
