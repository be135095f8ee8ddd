/** Opens a store and tells so; then writes until it is killed, and tells what was answered. */
import { writeSync } from 'node:fs'
import { openStore } from '@orrery/store'

const directory = process.argv[2]
if (directory === undefined) throw new Error('no directory given')
try {
  const store = await openStore({ directory })
  writeSync(1, 'open\n')
  for (let n = 1; ; n++) {
    await store.put({ key: 'n', value: String(n) })
    writeSync(1, `${n}\n`)
  }
} catch (error) {
  writeSync(1, `${error instanceof Error ? error.message : String(error)}\n`)
}
