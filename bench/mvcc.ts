/**
 * The multi-version core on its in-memory backend, with a million random keys of 16 B and values of 256 B:
 * time per operation, memory, and the longest single call of what is sliced.
 *
 *     node --expose-gc --conditions=@orrery/source --import tsx bench/mvcc.ts
 *
 * A number of keys can be given as the argument.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { createRandom } from '@orrery/environment'
import { createMemoryBackend, createMvcc, prefixEnd } from '@orrery/mvcc'

const keyCount = Number(process.argv[2] ?? 1_000_000)
const random = createRandom(1)
const value = new Uint8Array(256).map((_, at) => at)
const keys = Array.from({ length: keyCount }, randomKey)
const backend = createMemoryBackend()
const mvcc = createMvcc({ backend })
while (mvcc.restoreStep(10_000));

function randomKey(): string {
  const bytes = Buffer.alloc(16)
  for (let at = 0; at < 16; at += 4) bytes.writeUInt32BE(random.uint32(), at)
  return bytes.toString('latin1')
}

function anyKey(): string {
  return keys[random.below(keyCount)] ?? ''
}

/**
 * Garbage collections seen so far: a long call is ours only if none fell into it. The steps of incremental marking
 * are not reported; `--trace-gc` tells how long the longest was.
 */
const collections: { readonly startMs: number; readonly durationMs: number }[] = []
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    collections.push({ startMs: startTime, durationMs: duration })
  }
}).observe({ entryTypes: ['gc'] })

async function collectedMs(startMs: number, endMs: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 10))
  return collections
    .filter((pause) => pause.startMs >= startMs && pause.startMs <= endMs)
    .reduce((sum, { durationMs }) => sum + durationMs, 0)
}

function print(label: string, figure: string): void {
  console.log(`${label.padEnd(48)} ${figure}`)
}

/** Times `count` calls together. */
function timeEach(label: string, count: number, operation: (at: number) => unknown): void {
  const startMs = performance.now()
  for (let at = 0; at < count; at++) operation(at)
  const us = ((performance.now() - startMs) * 1_000) / count
  print(label, `${us.toFixed(2).padStart(9)} us each, of ${count}`)
}

/** Times each step until one returns false. */
async function timeSteps(label: string, step: () => boolean): Promise<void> {
  const beginMs = performance.now()
  let longest = { startMs: beginMs, endMs: beginMs }
  let steps = 0
  for (let more = true; more; steps++) {
    const startMs = performance.now()
    more = step()
    const endMs = performance.now()
    if (endMs - startMs > longest.endMs - longest.startMs) longest = { startMs, endMs }
  }
  const totalMs = performance.now() - beginMs
  const longestMs = longest.endMs - longest.startMs
  const pausesMs = await collectedMs(longest.startMs, longest.endMs)
  print(
    label,
    `${totalMs.toFixed(0).padStart(9)} ms in ${steps} steps, longest ${longestMs.toFixed(2)} ms (${pausesMs.toFixed(2)} ms of it garbage collection)`,
  )
}

interface Memory {
  readonly heap: number
  readonly buffers: number
}

function memory(): Memory {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return { heap: heapUsed, buffers: arrayBuffers }
}

async function main(): Promise<void> {
  print('mvcc', `${keyCount} keys of 16 B, values of 256 B, Node ${process.version}`)
  const empty = memory()
  timeEach('put, new random keys', keyCount, (at) => mvcc.put({ key: keys[at] ?? '', value }))
  const full = memory()
  const perKey = (bytes: number): string => (bytes / keyCount).toFixed(0)
  print(
    'memory per key, without the key itself',
    `${perKey(full.heap - empty.heap).padStart(9)} B heap, ${perKey(full.buffers - empty.buffers)} B records`,
  )
  const count = 500_000
  timeEach('put, existing random keys', count, () => mvcc.put({ key: anyKey(), value }))
  timeEach('get', count, () => mvcc.range({ key: anyKey() }))
  timeEach('get, and read the value', count, () => mvcc.range({ key: anyKey() }).kvs[0]?.value)
  timeEach('range of 100', 20_000, () => mvcc.range({ key: anyKey(), rangeEnd: '\0', limit: 100 }))
  timeEach('count of all keys', 1_000, () => mvcc.range({ key: '\0', rangeEnd: '\0', countOnly: true }))
  timeEach('txn: compare, put, or else get', count, () => {
    const key = anyKey()
    return mvcc.txn({
      compare: [{ key, target: 'modRevision', result: 'greater', value: 0 }],
      success: [{ type: 'put', key, value }],
      failure: [{ type: 'range', key }],
    })
  })
  await fanOut()
  await slices()
}

/** Puts that a thousand watchers of one prefix get, and puts beside ten thousand watchers of other keys. */
async function fanOut(): Promise<void> {
  const streams = Array.from({ length: 1_000 }, () => mvcc.openWatchStream())
  for (const stream of streams) stream.create({ key: '/watched/', rangeEnd: prefixEnd('/watched/') })
  const fanOuts = 1_000
  timeEach('put that 1 000 streams get, all taken', fanOuts, () => {
    mvcc.put({ key: '/watched/key', value })
    for (const stream of mvcc.takeReadyStreams()) stream.take()
  })
  for (const stream of streams) stream.close()

  const aside = mvcc.openWatchStream()
  for (let at = 0; at < 10_000; at++) {
    const key = `/aside/${at}`
    aside.create(at % 2 === 0 ? { key } : { key, rangeEnd: prefixEnd(key) })
  }
  timeEach('put beside 10 000 watchers of other keys', 100_000, () => mvcc.put({ key: anyKey(), value }))
  aside.close()

  const late = mvcc.openWatchStream()
  late.create({ key: '/watched/', rangeEnd: prefixEnd('/watched/'), startRevision: 1 })
  await timeSteps('watchSyncStep(1 000) over all of history', () => mvcc.watchSyncStep(1_000))
  late.close()
}

async function slices(): Promise<void> {
  const hashing = mvcc.hashKv(0)
  await timeSteps('hashKv, step(1 000)', () => hashing.step(1_000))
  mvcc.compact(mvcc.revision)
  await timeSteps('compactStep(2 000)', () => mvcc.compactStep(2_000))
  mvcc.deleteRange({ key: '\0', rangeEnd: '\x80' })
  mvcc.put({ key: 'last', value })
  mvcc.compact(mvcc.revision)
  await timeSteps('compactStep(2 000), half of the keys deleted', () => mvcc.compactStep(2_000))
  const restored = createMvcc({ backend })
  await timeSteps('restoreStep(1 000)', () => restored.restoreStep(1_000))
}

await main()
