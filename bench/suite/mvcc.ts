import { systemEnvironment } from '@orrery/environment/system'
import { createMvcc } from '@orrery/mvcc'
import { openLmdbBackend } from '@orrery/mvcc-lmdb'
import { count, medianOf, type Row, type Scenario } from './report.ts'
import { scatteredKey, withDirectory } from './temporary.ts'

const keys = 100_003
const value = new Uint8Array(256).fill(7)

/** The core on LMDB: what etcd's own benchmarks of its store measure. */
export const mvccOnLmdb: Scenario = {
  name: 'mvcc',
  run: () =>
    withDirectory(async (path) => {
      const backend = await openLmdbBackend({ path, environment: systemEnvironment() })
      const mvcc = createMvcc({ backend })
      mvcc.restoreStep(1)
      let index = 0
      const names = Array.from({ length: keys }, (_, i) => scatteredKey(i, keys))
      const putAll = async (): Promise<number> => {
        const startMs = performance.now()
        for (const [i, key] of names.entries()) {
          mvcc.put({ key, value })
          backend.seal(++index)
          if (i % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve))
          if (backend.pendingBytes > 2 ** 26) await backend.flush()
        }
        await backend.flush()
        return ((performance.now() - startMs) * 1_000) / keys
      }
      const getAll = (): number => {
        const startMs = performance.now()
        let bytes = 0
        for (const key of names) bytes += mvcc.range({ key }).kvs[0]?.value.length ?? 0
        if (bytes !== keys * value.length) throw new Error('a key is missing')
        return ((performance.now() - startMs) * 1_000) / keys
      }
      const ranges = 5_000
      const rangeFrom = (start: (i: number) => string): number => {
        const startMs = performance.now()
        for (let i = 0; i < ranges; i++) {
          const { kvs } = mvcc.range({ key: start(i), rangeEnd: '\0', limit: 100 })
          if (kvs.length !== 100) throw new Error('a range is short')
        }
        return ((performance.now() - startMs) * 1_000) / ranges
      }
      const [lowest = ''] = [...names].sort()
      await putAll()
      const put = await medianOf(5, putAll)
      const get = await medianOf(5, getAll)
      const range = await medianOf(5, () => rangeFrom(() => lowest))
      const scattered = await medianOf(5, () => rangeFrom((i) => scatteredKey(i, keys - 100)))
      await backend.close()
      const rows: Row[] = [
        {
          what: '`mvcc` put on LMDB, 16 B key, 256 B value, flushed',
          ours: `${put.toFixed(2)} us`,
          goal: '<= 5 us',
          reached: put <= 5,
        },
        {
          what: '`mvcc` get of one key on LMDB',
          ours: `${get.toFixed(2)} us`,
          goal: '<= 2 us',
          reached: get <= 2,
        },
        {
          what: '`mvcc` range of 100 keys on LMDB, the same ones again',
          ours: `${range.toFixed(1)} us`,
          goal: '<= 60 us',
          reached: range <= 60,
        },
        {
          what: `the same, from anywhere in ${count(keys)} keys in scattered revisions`,
          ours: `${scattered.toFixed(1)} us`,
        },
      ]
      return rows
    }),
}
