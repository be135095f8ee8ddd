// Registers a fleet in a store on disk, and tells what it costs here: what the scenario `registry-memory` begins with.
//   fill-registry <directory> <instances>
import { createRegistry } from '@orrery/registry'
import { openStore } from '@orrery/store'
import { fleetInstance, registerFleet } from './registry.ts'
import { memoryNow, memorySince } from './registry-memory.ts'

/** Well below the time to live of a fleet. Unit: ms. */
const heartbeatIntervalMs = 8_000

const [directory = '', instances = '0'] = process.argv.slice(2)
const store = await openStore({ directory }, { quotaBytes: 2 ** 33 })
const registry = createRegistry({ store })
await registry.start()
const bare = memoryNow()
// Without heartbeats the first ones would expire before the last ones come: each a second revision, and a longer value.
const heartbeats = setInterval(() => {
  const { instances: registered } = registry.stats()
  for (let n = 0; n < registered; n++) {
    const { namespace, service, id = '' } = fleetInstance(n)
    registry.heartbeat({ namespace, service, id })
  }
}, heartbeatIntervalMs)
await registerFleet(registry, Number(instances), 1_024)
clearInterval(heartbeats)
if (registry.stats().healthy !== Number(instances)) throw new Error('a part of the fleet has expired')
await store.compact({ revision: store.status().revision, physical: true })
await store.flush()
process.stdout.write(JSON.stringify(memorySince(bare)))
await registry.close()
await store.close()
process.exit(0)
