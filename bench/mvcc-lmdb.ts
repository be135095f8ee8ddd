/**
 * mvcc-lmdb: what a put, a get and a scan cost the thread that calls them, with the worker writing at the
 * same time, and how long a batch takes to become durable.
 *
 * node --expose-gc --conditions=@orrery/source --import tsx bench/mvcc-lmdb.ts [records] [directory]
 */
import { systemEnvironment } from '@orrery/environment/system'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

const records = Number(process.argv[2] ?? 500_000)
const directory = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'bench-mvcc-lmdb-'))
/** Puts between two turns of the event loop, as an apply loop makes them. */
const putsPerTurn = 100
/** Where a store would make its callers wait. Unit: bytes. */
const pendingMaxBytes = 64 * 1024 * 1024

const microseconds = (ms: number, count: number): string => `${((ms * 1_000) / count).toFixed(2)} us`
const print = (name: string, value: string): void => {
  process.stdout.write(`${name.padEnd(52)}${value}\n`)
}

print('mvcc-lmdb', `${cpus()[0]?.model ?? 'unknown'}, ${String(cpus().length)} cpus, Node ${process.version}`)
print('workload', `${String(records)} records of 280 B (16 B key, 256 B value)`)

const environment = systemEnvironment()
let backend = await openLmdbBackend({ path: join(directory, 'backend'), environment })
const block = new Uint8Array(64 * 1024).fill(7)
const recordAt = (i: number): Uint8Array => block.subarray((i % 200) * 280, (i % 200) * 280 + 280)

const commits: number[] = []
let lastDurableMs = performance.now()
backend.onDurable = () => {
  const now = performance.now()
  commits.push(now - lastDurableMs)
  lastDurableMs = now
}

const startMs = performance.now()
let putMs = 0
let stalls = 0
for (let i = 0; i < records; ) {
  const turnMs = performance.now()
  for (const end = Math.min(records, i + putsPerTurn); i < end; i++) {
    backend.put(i + 1, 0, false, recordAt(i))
    backend.seal(i + 1)
  }
  putMs += performance.now() - turnMs
  await nextTurn()
  while (backend.pendingBytes > pendingMaxBytes) {
    stalls++
    await nextTurn()
  }
}
const busyMs = performance.now() - startMs
await backend.flush()
const durableMs = performance.now() - startMs
commits.sort((a, b) => a - b)
const quantile = (q: number): string => `${(commits[Math.floor(commits.length * q)] ?? 0).toFixed(1)} ms`
print('put and seal, in the calls alone', microseconds(putMs, records))
print('put and seal, with handing over and dropping', microseconds(busyMs, records))
print('the same, until durable', microseconds(durableMs, records))
print('turns spent waiting for the disk', String(stalls))
print('between durable batches, p50 / p99', `${quantile(0.5)} / ${quantile(0.99)}`)
print('size / in use', `${String(backend.sizeBytes >> 20)} MiB / ${String(backend.sizeInUseBytes >> 20)} MiB`)

async function measure(name: string, count: number, work: (i: number) => unknown): Promise<void> {
  for (let i = 0; i < count / 10; i++) work(i)
  globalThis.gc?.()
  const from = performance.now()
  for (let i = 0; i < count; ) {
    for (const end = Math.min(count, i + 1_000); i < end; i++) work(i)
    await nextTurn()
  }
  print(name, microseconds(performance.now() - from, count))
}

await measure('get of a durable record, random', records, (i) => backend.get(((i * 7_919) % records) + 1, 0))
await measure('get of a durable record, recent', records, (i) => backend.get(records - (i % 1_000), 0))
for (let i = 0; i < 5_000; i++) backend.put(records + i + 1, 0, false, recordAt(i))
await measure('get of a pending record', records, (i) => backend.get(records + ((i * 7_919) % 5_000) + 1, 0))

const scanMs = performance.now()
let seen = 0
backend.scan(1, 0, () => {
  seen++
  return true
})
const perSecond = Math.round((seen / (performance.now() - scanMs)) * 1_000)
print('scan', `${String(perSecond)} records/s`)

backend.seal(records + 1)
await backend.flush()
const deletes = Math.floor(records / 2)
const deleteMs = performance.now()
for (let i = 0; i < deletes; ) {
  for (const end = Math.min(deletes, i + putsPerTurn); i < end; i++) backend.delete(i * 2 + 1, 0, false)
  backend.seal(records + 1)
  await nextTurn()
}
print('delete', microseconds(performance.now() - deleteMs, deletes))
await backend.flush()
print('size / in use', `${String(backend.sizeBytes >> 20)} MiB / ${String(backend.sizeInUseBytes >> 20)} MiB`)
await backend.close()

const openMs = performance.now()
backend = await openLmdbBackend({ path: join(directory, 'backend'), environment })
print('open', `${(performance.now() - openMs).toFixed(1)} ms`)
await backend.close()
rmSync(directory, { recursive: true })
