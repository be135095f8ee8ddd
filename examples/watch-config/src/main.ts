// #region readme
import { createMemoryStore } from '@orrery/store'

await using store = createMemoryStore()
await store.put({ key: 'config/color', value: 'red' })

// Read once, then follow from the next revision: no change falls in between.
const range = { key: 'config/', rangeEnd: 'config0' }
const { kvs, revision } = await store.range(range)
const config = new Map(kvs.map((kv) => [kv.keyString, new TextDecoder().decode(kv.value)]))
console.log(config)

void store.put({ key: 'config/color', value: 'blue' })
for await (const { events } of store.watch({ ...range, startRevision: revision + 1 })) {
  for (const { kv } of events) config.set(kv.keyString, new TextDecoder().decode(kv.value))
  console.log(config)
  break // or follow for as long as you like
}
// #endregion readme
