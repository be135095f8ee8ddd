/** Writes the crash story until it is killed; prints each index that is durable. */
import { systemEnvironment } from '@orrery/environment/system'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import { writeSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { applyEntry } from './crash-story.ts'

const path = process.argv[2]
if (path === undefined) throw new Error('no directory given')
const options = { batchMaxOperations: 60, lingerMaxMs: 1 }
const backend = await openLmdbBackend({ path, environment: systemEnvironment() }, options)
backend.onDurable = (index) => {
  writeSync(1, `${String(index)}\n`)
}
for (let index = backend.durableIndex + 1; ; index++) {
  applyEntry(index, backend)
  backend.seal(index)
  if (index % 5 === 0) await nextTurn()
  while (backend.pendingBytes > 1_000_000) await nextTurn()
}
