/**
 * The timer wheel with a million entries: time per operation and the longest single `advance`.
 *
 *     node --expose-gc --conditions=@orrery/source --import tsx bench/timer-wheel.ts
 */
import { createRandom } from '@orrery/environment'
import { createTimerWheel, WheelEntry } from '@orrery/timer-wheel'

const entryCount = 1_000_000
const random = createRandom(1)
const inMs = Array.from({ length: entryCount }, () => 5_000 + random.below(55_000))

function nsPerEntry(label: string, operation: (index: number) => void): void {
  const startMs = performance.now()
  for (let index = 0; index < entryCount; index += 1) operation(index)
  const ns = ((performance.now() - startMs) * 1e6) / entryCount
  console.log(`${label.padEnd(44)} ${ns.toFixed(0).padStart(7)} ns`)
}

function collected(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

console.log(
  `timer wheel, ${entryCount} entries, deadlines 5 to 60 s ahead, ticks of 100 ms, Node ${process.version}`,
)
const heapBefore = collected()
const wheel = createTimerWheel<WheelEntry>({ tickMs: 100 })
const entries = Array.from({ length: entryCount }, () => new WheelEntry())
const entryAt = (index: number) => entries[index] ?? new WheelEntry()
nsPerEntry('schedule', (index) => wheel.schedule(entryAt(index), inMs[index] ?? 0))
nsPerEntry('re-arm, in order', (index) => wheel.schedule(entryAt(index), 1_000 + (inMs[index] ?? 0)))
console.log(
  `${'memory per entry'.padEnd(44)} ${((collected() - heapBefore) / entryCount).toFixed(0).padStart(7)} B`,
)
const order = Array.from(entries, () => entryAt(random.below(entryCount)))
nsPerEntry('re-arm, in random order', (index) => {
  const entry = order[index] ?? entryAt(0)
  wheel.schedule(entry, entry.deadlineMs + 1_000)
})
nsPerEntry('postpone, in random order', (index) => {
  const entry = order[index] ?? entryAt(0)
  wheel.postpone(entry, entry.deadlineMs + 1_000)
})
nsPerEntry('postpone, in order', (index) => wheel.postpone(entryAt(index), 2_000 + (inMs[index] ?? 0)))
nsPerEntry('cancel', (index) => void wheel.cancel(entryAt(index)))
nsPerEntry('schedule again', (index) => wheel.schedule(entryAt(index), inMs[index] ?? 0))

/** Advances until nothing is due and returns the longest call. */
function drain(nowMs: number): { longestMs: number; calls: number; expired: number } {
  const result = { longestMs: 0, calls: 0, expired: 0 }
  while ((wheel.nextDeadlineMs() ?? Infinity) <= nowMs) {
    const startMs = performance.now()
    result.expired += wheel.advance(nowMs, { maxSteps: 10_000 }).length
    result.longestMs = Math.max(result.longestMs, performance.now() - startMs)
    result.calls += 1
  }
  return result
}

function printDrain(label: string, nowMs: number): void {
  const startMs = performance.now()
  const { longestMs, calls, expired } = drain(nowMs)
  const ns = ((performance.now() - startMs) * 1e6) / Math.max(1, expired)
  console.log(
    `${label.padEnd(44)} ${ns.toFixed(0).padStart(7)} ns each, longest of ${calls} calls ${longestMs.toFixed(2)} ms`,
  )
}

printDrain('expire, in one jump', 100_000)
for (const entry of entries) wheel.schedule(entry, 864_100_000)
printDrain('expire, one slot ten days ahead', 1_000_000_000)
