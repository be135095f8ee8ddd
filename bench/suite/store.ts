import { kvDefinition } from '@orrery/adapter-etcd'
import { openStore } from '@orrery/store'
import { isInstalled, startEtcd } from './etcd-peer.ts'
import { h2load } from './h2load.ts'
import { alternate, count, medianOf, type Scenario } from './report.ts'
import { scatteredKey, withDirectory } from './temporary.ts'

const inFlight = 256
const puts = 200_000

/** Durable puts through the store, beside etcd over loopback with as many requests in flight. */
export const durablePut: Scenario = {
  name: 'store',
  run: () =>
    withDirectory(async (directory) => {
      await using store = await openStore({ directory })
      const value = new Uint8Array(256).fill(7)
      const ours = async (): Promise<number> => {
        let next = 0
        const startMs = performance.now()
        const writers = Array.from({ length: inFlight }, async () => {
          while (next < puts) await store.put({ key: scatteredKey(next++, 100_003), value })
        })
        await Promise.all(writers)
        return (puts * 1_000) / (performance.now() - startMs)
      }
      await ours()
      const what = `durable put through \`store\`, 256 B, ${inFlight} in flight`
      const etcd = isInstalled('h2load') ? await startEtcd() : undefined
      if (etcd === undefined) {
        const rate = await medianOf(5, ours)
        return [{ what, ours: `${count(rate)}/s`, goal: '>= 100,000/s', reached: rate >= 100_000 }]
      }
      const message = kvDefinition.Put.requestSerialize({
        key: Buffer.from(scatteredKey(1, 10)),
        value,
      })
      const load = {
        endpoint: etcd.endpoint,
        methods: ['etcdserverpb.KV/Put'],
        message,
        connections: 4,
        streams: inFlight / 4,
      }
      const theirs = (): Promise<number> => h2load({ ...load, requests: 50_000 })
      await theirs()
      const { a, b, ratio } = await alternate(5, ours, theirs)
      etcd.stop()
      return [
        { what, ours: `${count(a)}/s`, goal: '>= 100,000/s', reached: a >= 100_000 },
        {
          what: 'the same beside etcd 3.4.23 over loopback',
          ours: `${ratio.toFixed(1)} x`,
          goal: '>= 3 x',
          peer: `${count(b)}/s`,
          reached: ratio >= 3,
        },
      ]
    }),
}
