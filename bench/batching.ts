/**
 * What it costs to submit items one by one and have them worked on in batches, results included.
 *
 *     node --conditions=@orrery/source --import tsx bench/batching.ts
 */
import { createBatcher } from '@orrery/batching'
import { systemClock } from '@orrery/environment/system'

const itemCount = 1_000_000

async function measure(label: string, burst: number, lingerMaxMs: number): Promise<void> {
  const run = (items: readonly number[]): Promise<readonly number[]> => Promise.resolve(items)
  const parts = { clock: systemClock, run, sizeOf: () => 300 }
  const batcher = createBatcher<number, number>(parts, { lingerMaxMs, queueMaxItems: itemCount })
  const waiting: Promise<number>[] = []
  const { user, system } = process.cpuUsage()
  const startMs = performance.now()
  for (let item = 0; item < itemCount; item++) {
    waiting.push(batcher.submit(item))
    if (waiting.length === burst) await Promise.all(waiting.splice(0))
  }
  await Promise.all(waiting)
  const ms = performance.now() - startMs
  const cpu = process.cpuUsage()
  const cpuUs = (cpu.user + cpu.system - user - system) / itemCount
  const { batches } = batcher.stats()
  console.log(
    `${label.padEnd(40)} ${((ms * 1_000) / itemCount).toFixed(3)} µs each, ${cpuUs.toFixed(3)} µs CPU, ${batches} batches`,
  )
  await batcher.close()
}

console.log(`batching, ${itemCount} items with a promise each, Node ${process.version}`)
// The clock's timers do not keep the process alive.
const alive = setInterval(() => {}, 1_000)
for (let round = 0; round < 3; round++) {
  await measure('bursts of 1', 1, 0)
  await measure('bursts of 10', 10, 0)
  await measure('bursts of 1 000', 1_000, 0)
  await measure('bursts of 10 000, linger 1 ms', 10_000, 1)
}
clearInterval(alive)
