import { openStore } from '@orrery/store'
import { count, type Scenario } from './report.ts'
import { scatteredKey, withDirectory } from './temporary.ts'

/** Measures the longest turn of the event loop, garbage collection included, until it is stopped. */
function watchTurns(): () => number {
  let longestMs = 0
  let lastMs = performance.now()
  let running = true
  const turn = (): void => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
    if (running) setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    running = false
    return longestMs
  }
}

/** Work that could stall a host: the compaction of a million revisions, the end of a hundred thousand leases. */
export const longestTurns: Scenario = {
  name: 'turns',
  run: () =>
    withDirectory(async (directory) => {
      await using store = await openStore({ directory })
      const value = new Uint8Array(64)
      const revisions = 1_000_000
      let next = 0
      await Promise.all(
        Array.from({ length: 256 }, async () => {
          while (next < revisions) await store.put({ key: scatteredKey(next++, 10_007), value })
        }),
      )
      const stopCompaction = watchTurns()
      const { revision } = store.status()
      await store.compact({ revision, physical: true })
      const compactionMs = stopCompaction()

      const leases = 100_000
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
      const stopExpiry = watchTurns()
      for (;;) {
        const { count: left } = await store.range({ key: 'leased/', rangeEnd: 'leased0', countOnly: true })
        if (left === 0) break
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      const expiryMs = stopExpiry()
      return [
        {
          what: `longest event-loop turn while ${count(revisions)} revisions are compacted`,
          ours: `${compactionMs.toFixed(1)} ms`,
          goal: '<= 20 ms',
          reached: compactionMs <= 20,
        },
        {
          what: `longest event-loop turn while ${count(leases)} leases expire, each with a key`,
          ours: `${expiryMs.toFixed(1)} ms`,
          goal: '<= 20 ms',
          reached: expiryMs <= 20,
        },
      ]
    }),
}
