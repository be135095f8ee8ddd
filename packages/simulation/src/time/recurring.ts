import type { Random, Timer } from '@orrery/environment'
import { exponential } from './draw.ts'
import type { Simulation } from './simulation.ts'

/** How often something happens. */
export interface Recurrence {
  /** Between two times, exponentially distributed on top of `pauseMinMs`. Unit: ms. */
  readonly pauseMeanMs: number
  /** Between two times, at least. Unit: ms. @defaultValue `0` */
  readonly pauseMinMs?: number
}

/** Lets something happen again and again, until it is cancelled. */
export function recurring(
  simulation: Simulation,
  random: Random,
  recurrence: Recurrence,
  happen: () => void,
): Timer {
  let isCancelled = false
  const next = (): void => {
    const pauseMs = (recurrence.pauseMinMs ?? 0) + exponential(random, recurrence.pauseMeanMs)
    simulation.schedule(pauseMs, () => {
      if (isCancelled) return
      happen()
      next()
    })
  }
  next()
  return {
    cancel: () => {
      isCancelled = true
    },
  }
}
