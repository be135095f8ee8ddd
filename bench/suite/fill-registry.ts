// Registers a fleet in a store on disk: what the scenario `registry-memory` begins with.
//   fill-registry <directory> <instances>
import { createRegistry } from '@orrery/registry'
import { openStore } from '@orrery/store'
import { residentBytes } from './process-usage.ts'
import { registerFleet } from './registry.ts'

const [directory = '', instances = '0'] = process.argv.slice(2)
const store = await openStore({ directory }, { quotaBytes: 2 ** 33 })
const registry = createRegistry({ store })
await registry.start()
globalThis.gc?.()
const bare = residentBytes([process.pid])
await registerFleet(registry, Number(instances), 1_024)
await store.compact({ revision: store.status().revision, physical: true })
await store.flush()
globalThis.gc?.()
globalThis.gc?.()
process.stdout.write(`${residentBytes([process.pid]) - bare}\n`)
await registry.close()
await store.close()
process.exit(0)
