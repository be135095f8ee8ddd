import { systemClock } from '@orrery/environment/system'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'

/** Time stands still until the test lets it pass; turns of the event loop are real. */
export interface VirtualTime {
  readonly environment: ManualEnvironment
  /** Timers that are set. */
  pending(): number
  /** Lets everything that can happen without time happen. */
  settle(): Promise<void>
  /** Lets time pass in steps that a store takes for the flow of time, and not for a pause. Unit: ms. */
  pass(ms: number): Promise<void>
  /** Lets time pass until the work is done. */
  until<T>(work: Promise<T>): Promise<T>
  /** Lets time pass until something is so. Fails after 120 s of it. */
  untilSo(condition: () => boolean): Promise<void>
}

const stepMs = 10

export function createVirtualTime(seed = 1): VirtualTime {
  const manual = createManualEnvironment(seed)
  const { clock } = manual
  const environment = {
    ...manual,
    clock: { ...clock, pending: 0, defer: (callback: () => void) => systemClock.defer(callback) },
  }
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve))
  }
  const pass = async (ms: number): Promise<void> => {
    await settle()
    for (let left = ms; left > 0; left -= stepMs) {
      clock.advance(Math.min(stepMs, left))
      await settle()
    }
  }
  return {
    environment,
    pending: () => clock.pending,
    settle,
    pass,
    until: async (work) => {
      let isOver = false
      const over = (): void => {
        isOver = true
      }
      work.then(over, over)
      await settle()
      // Set by a callback, which the type checker does not see.
      while (!(isOver as boolean)) await pass(stepMs)
      return await work
    },
    untilSo: async (condition) => {
      const endMs = clock.nowMs() + 120_000
      await settle()
      while (!condition()) {
        if (clock.nowMs() > endMs) throw new Error('it did not come to pass in 120 s')
        await pass(stepMs)
      }
    },
  }
}

/** What the work fails with; undefined: nothing. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  return undefined
}
