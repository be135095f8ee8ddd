/**
 * Appends `entry <index>` without end, and prints each index that has become durable. With a number as second argument, all entries but so
 * many are let go of.
 */
import { createWorkerDisk, openWal } from '@orrery/wal'

const directory = process.argv[2] ?? ''
const kept = Number(process.argv[3] ?? Infinity)
const wal = await openWal(
  {
    disk: createWorkerDisk(),
    directory,
    onDurable: (index) => {
      process.stdout.write(`${index}\n`)
      if (index > kept) void wal.compactPrefix(index - kept)
      for (let i = 0; i < 5; i++) append()
    },
  },
  { segmentMaxBytes: 8_192, recordMaxBytes: 4_096, preallocateBytes: 4_096 },
)

function append(): void {
  wal.append(0, new TextEncoder().encode(`entry ${wal.lastIndex + 1}`))
}

append()
