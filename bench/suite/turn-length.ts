import { monitorEventLoopDelay } from 'node:perf_hooks'

/**
 * The longest turn of the event loop while `work` goes on, garbage collection included: the longest time between
 * two runs of a timer of Node's own, which uses up neither the processor nor the heap.
 */
export async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  const turns = monitorEventLoopDelay({ resolution: 1 })
  turns.enable()
  await work()
  turns.disable()
  return turns.max / 1e6
}

/** The same of a loop that only spins: what the machine itself does to turns. */
export function spin(): Promise<number> {
  const endMs = performance.now() + 3_000
  return longestTurnMs(async () => {
    while (performance.now() < endMs) await new Promise((resolve) => setImmediate(resolve))
  })
}
