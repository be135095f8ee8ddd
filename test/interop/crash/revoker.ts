/**
 * The other process that is killed: it revokes a lease with many keys, a few at a time. What an earlier
 * process has begun it only watches: the store goes on with it by itself.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openStore } from '@orrery/store'
import { perform } from './operation.ts'
import { printReport } from './report.ts'
import { leaseKeys, type RevokerReport } from './revoker-report.ts'

const report = (told: RevokerReport): void => {
  printReport(told)
}
const [directory = ''] = process.argv.slice(2)
const store = await openStore({ directory }, { quotaBytes: 0, leaseRevokeMaxKeys: 3 })

const [left] = await store.leases.list()
const found = left === undefined ? undefined : await store.leases.timeToLive(left, { keys: true })
const begun = found?.keys !== undefined && found.keys.length < leaseKeys
if (begun) {
  const value = { text: 'late', bytes: 4 }
  report({
    type: 'refused',
    code: await perform(store, { type: 'put', key: 'late', value, lease: String(left) }),
  })
  while ((await store.leases.list()).length > 0) await nextTurn()
}
const { count } = await store.range({ key: '\0', rangeEnd: '\0', countOnly: true })
report({
  type: 'found',
  leaseKeys: found?.keys?.length ?? 0,
  leases: (await store.leases.list()).length,
  keys: count,
})

const [kept] = await store.leases.list()
const { id } = kept === undefined ? await store.leases.grant({ ttlMs: 250_000 }) : { id: kept }
if (kept === undefined) {
  const put = (n: number) => store.put({ key: `leased/${n}`, lease: id })
  await Promise.all(Array.from({ length: leaseKeys }, (_, n) => put(n)))
  await store.put({ key: 'unleased' })
}
report({ type: 'revoking' })
await store.leases.revoke(id)
report({ type: 'revoked' })
// The process waits for its end.
setInterval(() => {}, 1_000)
