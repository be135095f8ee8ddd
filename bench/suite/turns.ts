import { openStore, type Store } from '@orrery/store'
import { count, median, type Scenario } from './report.ts'
import { scatteredKey, withDirectory } from './temporary.ts'
import { longestTurnMs, spin } from './turn-length.ts'

const rounds = 3
const revisions = 1_000_000
const leases = 100_000
const value = new Uint8Array(64)

async function compact(store: Store): Promise<number> {
  let next = 0
  await Promise.all(
    Array.from({ length: 256 }, async () => {
      while (next < revisions) await store.put({ key: scatteredKey(next++, 10_007), value })
    }),
  )
  return longestTurnMs(async () => {
    await store.compact({ revision: store.status().revision, physical: true })
  })
}

async function expire(store: Store): Promise<number> {
  let granted = 0
  await Promise.all(
    Array.from({ length: 256 }, async () => {
      while (granted < leases) {
        const key = `leased/${granted++}`
        const { id } = await store.leases.grant({ ttlMs: 20_000 })
        await store.put({ key, value, lease: id })
      }
    }),
  )
  return longestTurnMs(async () => {
    for (let left = leases; left > 0; ) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      left = (await store.range({ key: 'leased/', rangeEnd: 'leased0', countOnly: true })).count
    }
  })
}

/**
 * Work that could stall a host: the compaction of a million revisions, the end of a hundred thousand leases. Each
 * several times, for what else a machine does makes turns longer, too.
 */
export const longestTurns: Scenario = {
  name: 'turns',
  run: () =>
    withDirectory(async (directory) => {
      await using store = await openStore({ directory })
      const spinsMs: number[] = []
      const compactionsMs: number[] = []
      const expiriesMs: number[] = []
      for (let round = 0; round < rounds; round++) {
        spinsMs.push(await spin())
        compactionsMs.push(await compact(store))
        expiriesMs.push(await expire(store))
      }
      const row = (what: string, measuredMs: readonly number[]) => ({
        what: `longest event-loop turn while ${what}, median of ${rounds} times`,
        ours: `${median(measuredMs).toFixed(1)} ms (${measuredMs.map((ms) => ms.toFixed(1)).join(', ')})`,
        goal: '<= 20 ms',
        peer: `${median(spinsMs).toFixed(1)} ms`,
        reached: median(measuredMs) <= 20,
      })
      return [
        row(`${count(revisions)} revisions are compacted`, compactionsMs),
        row(`${count(leases)} leases expire, each with a key`, expiriesMs),
      ]
    }),
}
