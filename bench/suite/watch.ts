import { createMemoryStore } from '@orrery/store'
import { count, medianOf, type Scenario } from './report.ts'

const watchers = 1_000
const puts = 500

/** One put to a thousand watchers of the same process, each with an iterator of its own. */
export const watchFanOut: Scenario = {
  name: 'watch',
  run: async () => {
    await using store = createMemoryStore()
    const value = new Uint8Array(256)
    let received = 0
    let wake = (): void => {}
    const readers = Array.from({ length: watchers }, async () => {
      for await (const { events } of store.watch({ key: 'watched' })) {
        received += events.length
        if (received === watchers * puts) wake()
      }
    })
    const rate = await medianOf(7, async () => {
      received = 0
      const all = new Promise<void>((resolve) => {
        wake = resolve
      })
      const startMs = performance.now()
      for (let i = 0; i < puts; i++) await store.put({ key: 'watched', value })
      await all
      return (watchers * puts * 1_000) / (performance.now() - startMs)
    })
    await store.close()
    await Promise.allSettled(readers)
    return [
      {
        what: `watch fan-out in the process, one put to ${count(watchers)} iterators`,
        ours: `${(rate / 1e6).toFixed(2)} M events/s`,
        goal: '>= 2 M events/s',
        reached: rate >= 2e6,
      },
    ]
  },
}
