/** Appends `entry <index>` without end, and prints each index that has become durable. */
import { createWorkerDisk, openWal } from '@orrery/wal'

const directory = process.argv[2] ?? ''
const wal = await openWal(
  {
    disk: createWorkerDisk(),
    directory,
    onDurable: (index) => {
      process.stdout.write(`${index}\n`)
      for (let i = 0; i < 5; i++) append()
    },
  },
  { segmentMaxBytes: 8_192, recordMaxBytes: 4_096, preallocateBytes: 8_192 },
)

function append(): void {
  wal.append(0, new TextEncoder().encode(`entry ${wal.lastIndex + 1}`))
}

append()
