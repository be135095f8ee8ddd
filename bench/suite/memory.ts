import { kvDefinition } from '@orrery/adapter-etcd'
import { Client, credentials } from '@grpc/grpc-js'
import { openStore } from '@orrery/store'
import { startEtcd } from './etcd-peer.ts'
import { residentBytes } from './process-usage.ts'
import type { Row, Scenario } from './report.ts'
import { scatteredKey, withDirectory } from './temporary.ts'

const keys = 1_000_000
const value = new Uint8Array(256).fill(7)
const megabyte = 2 ** 20

/** What a million keys cost. */
export const memoryOfKeys: Scenario = {
  name: 'memory',
  run: () =>
    withDirectory(async (directory) => {
      await using store = await openStore({ directory }, { quotaBytes: 2 ** 33 })
      const bare = measure()
      let next = 0
      await Promise.all(
        Array.from({ length: 256 }, async () => {
          while (next < keys) await store.put({ key: scatteredKey(next++, 1_000_003), value })
        }),
      )
      await store.flush()
      const full = measure()
      const used = (full.heapUsed + full.external - bare.heapUsed - bare.external) / megabyte
      const resident = residentBytes([process.pid]) / megabyte
      const rows: Row[] = [
        {
          what: '1,000,000 keys of 16 B x 256 B: heap and external memory',
          ours: `${used.toFixed(0)} MB`,
          goal: '<= 250 MB',
          reached: used <= 250,
        },
      ]
      const theirs = await etcdResident()
      const what = 'the same: resident memory of the process, LMDB map included'
      if (theirs === undefined) return [...rows, { what, ours: `${resident.toFixed(0)} MB` }]
      return [
        ...rows,
        {
          what,
          ours: `${resident.toFixed(0)} MB`,
          goal: '<= 1.2 x etcd',
          peer: `${(theirs / megabyte).toFixed(0)} MB`,
          reached: resident <= (1.2 * theirs) / megabyte,
        },
      ]
    }),
}

function measure(): NodeJS.MemoryUsage {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage()
}

/** Fills an etcd with the same keys, in txns of 100. */
async function etcdResident(): Promise<number | undefined> {
  const etcd = await startEtcd()
  if (etcd === undefined) return undefined
  const client = new Client(etcd.endpoint, credentials.createInsecure())
  const { path, requestSerialize } = kvDefinition.Txn
  const send = (from: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const success = Array.from({ length: 100 }, (_, i) => ({
        requestPut: { key: Buffer.from(scatteredKey(from + i, 1_000_003)), value },
      }))
      client.makeUnaryRequest(
        path,
        requestSerialize,
        (bytes: Buffer) => bytes,
        { success },
        (error) => {
          if (error === null) resolve()
          else reject(error)
        },
      )
    })
  let next = 0
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (next < keys) {
        const from = next
        next += 100
        await send(from)
      }
    }),
  )
  // The backend of etcd commits every 100 ms.
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const resident = residentBytes(etcd.pids)
  client.close()
  etcd.stop()
  return resident
}
