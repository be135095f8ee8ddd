// #region readme
import { openStore } from '@orrery/store'

await using store = await openStore({ directory: 'my-data' })

await store.put({ key: 'greeting', value: 'hello' })
const greeting = await store.get('greeting')
console.log(new TextDecoder().decode(greeting?.value), 'at revision', greeting?.modRevision)

// Whoever writes the key first leads, for as long as the lease is kept alive.
const lease = await store.leases.grant({ ttlMs: 10_000 })
const { succeeded } = await store.txn({
  compare: [{ key: 'leader', target: 'createRevision', result: 'equal', value: 0 }],
  success: [{ type: 'put', key: 'leader', value: 'me', lease: lease.id }],
})
console.log(succeeded ? 'I lead' : 'somebody else leads')
// #endregion readme
