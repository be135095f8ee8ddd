/**
 * @orrery/wal: append to durable, on the disk of this machine.
 *
 * ```sh
 * node --conditions=@orrery/source --import tsx bench/wal.ts [directory]
 * ```
 *
 * So many entries of 300 B are in flight at any time: each that becomes durable is followed by another one.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWorkerDisk, openWal } from '@orrery/wal'

const payload = new Uint8Array(300).fill(1)
const durationMs = 3_000

interface Outcome {
  readonly entriesPerSecond: number
  readonly syncsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Keeps `inFlight` entries in flight for a while. */
async function measure(directory: string, inFlight: number): Promise<Outcome> {
  const disk = createWorkerDisk()
  const appendedAtMs: number[] = []
  const latenciesMs: number[] = []
  let seen = 0
  let records = 0
  let refill = (): void => {}
  const onDurable = (index: number): void => {
    const nowMs = performance.now()
    records++
    for (; seen < index; seen++) latenciesMs.push(nowMs - (appendedAtMs[seen] ?? nowMs))
    refill()
  }
  const wal = await openWal({ disk, directory, onDurable })
  refill = () => {
    const nowMs = performance.now()
    while (wal.lastIndex - seen < inFlight) {
      wal.append(1, payload)
      appendedAtMs.push(nowMs)
    }
  }
  const startMs = performance.now()
  refill()
  await new Promise((resolve) => setTimeout(resolve, durationMs))
  const elapsedSeconds = (performance.now() - startMs) / 1_000
  const outcome = { entries: seen, records }
  refill = () => {}
  await wal.close()
  await disk.close()
  latenciesMs.sort((a, b) => a - b)
  const at = (ratio: number): number => latenciesMs[Math.floor((latenciesMs.length - 1) * ratio)] ?? 0
  return {
    entriesPerSecond: outcome.entries / elapsedSeconds,
    syncsPerSecond: outcome.records / elapsedSeconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  }
}

const base = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'orrery-wal-'))
console.log(
  `node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown CPU'}, ${base}`,
)
console.log('in flight    entries/s    syncs/s    p50 ms    p99 ms')
try {
  for (const inFlight of [1, 10, 100, 256, 1_000]) {
    const outcome = await measure(join(base, String(inFlight)), inFlight)
    const columns = [
      String(inFlight).padStart(9),
      outcome.entriesPerSecond.toFixed(0).padStart(12),
      outcome.syncsPerSecond.toFixed(0).padStart(10),
      outcome.p50Ms.toFixed(2).padStart(9),
      outcome.p99Ms.toFixed(2).padStart(9),
    ]
    console.log(columns.join(' '))
  }
} finally {
  rmSync(base, { recursive: true })
}
