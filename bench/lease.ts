/**
 * The lessor with a million leases of one key each: time per operation, memory, and the longest single call.
 *
 *     node --expose-gc --conditions=@orrery/source --import tsx bench/lease.ts
 */
import { createRandom } from '@orrery/environment'
import { createLessor } from '@orrery/lease'

const leaseCount = 1_000_000
const random = createRandom(1)
const ids = Array.from({ length: leaseCount }, () => random.id63())
const keys = ids.map((_, index) => Buffer.from(`/registry/services/instance-${index}`).toString('latin1'))

interface Timing {
  readonly label: string
  readonly units: number
  readonly calls: number
  readonly totalMs: number
  readonly longestMs: number
}

function print({ label, units, calls, totalMs, longestMs }: Timing): void {
  const ns = (totalMs * 1e6) / units
  console.log(
    `${label.padEnd(44)} ${ns.toFixed(0).padStart(7)} ns each, longest of ${calls} calls ${longestMs.toFixed(2)} ms`,
  )
}

/** Times each call of `operation` until it returns `false`. */
function time(label: string, units: number, operation: (call: number) => boolean): void {
  let longestMs = 0
  let calls = 0
  const startMs = performance.now()
  let callStartMs = startMs
  for (let more = true; more; calls += 1) {
    more = operation(calls)
    const endMs = performance.now()
    if (endMs - callStartMs > longestMs) longestMs = endMs - callStartMs
    callStartMs = endMs
  }
  print({ label, units, calls, totalMs: performance.now() - startMs, longestMs })
}

/** Times one call per lease. */
function timeEach(label: string, operation: (id: bigint, index: number) => unknown): void {
  time(label, leaseCount, (index) => {
    operation(ids[index] ?? 1n, index)
    return index + 1 < leaseCount
  })
}

function collected(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

function printMemory(label: string, bytes: number): void {
  console.log(`${label.padEnd(44)} ${(bytes / leaseCount).toFixed(0).padStart(7)} B`)
}

console.log(
  `lessor, ${leaseCount} leases of 60 s with one key each, Node ${process.version} (a call includes ~50 ns of clock)`,
)
const heapEmpty = collected()
const lessor = createLessor()
lessor.promote({ nowMs: 0, extendMs: 0 })
lessor.promoteStep(1)
timeEach('grant', (id) => lessor.grant({ id, ttlMs: 60_000, nowMs: 0 }))
const heapGranted = collected()
printMemory('memory per lease, without its id', heapGranted - heapEmpty)
timeEach('attach', (id, index) => lessor.attach(id, keys[index] ?? ''))
printMemory('memory per attached key, without the key', collected() - heapGranted)
timeEach('renew', (id) => lessor.renew(id, 10_000))
timeEach('renew, in random order', () => lessor.renew(ids[random.below(leaseCount)] ?? 1n, 20_000))
timeEach('leaseOf', (_, index) => lessor.leaseOf(keys[index] ?? ''))
time('demote', 1, () => {
  lessor.demote()
  return false
})
lessor.promote({ nowMs: 30_000, extendMs: 1_000 })
time('promoteStep of 10 000 leases', leaseCount, () => !lessor.promoteStep(10_000))
time('expired, at most 1 000 leases', leaseCount, () => {
  for (const id of lessor.expired(5_000_000)) lessor.beginRevoke(id)
  return (lessor.nextDeadlineMs() ?? Infinity) <= 5_000_000
})
timeEach('revoke', (id) => lessor.revoke(id))

lessor.grant({ id: 1n, ttlMs: 60_000, nowMs: 5_000_000 })
time('attach 100 000 keys to one lease', 100_000, (call) => {
  lessor.attach(1n, keys[call] ?? '')
  return call + 1 < 100_000
})
time('takeKeys and detach, 1 000 keys a call', 100_000, () => {
  const taken = lessor.takeKeys(1n, 1_000)
  for (const key of taken) lessor.detach(1n, key)
  return taken.length > 0
})
