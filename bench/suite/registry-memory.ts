import { spawnSync } from 'node:child_process'
import { createRegistry } from '@orrery/registry'
import { openStore } from '@orrery/store'
import { residentBytes } from './process-usage.ts'
import type { Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const instances = 1_000_000

/** What a million instances cost in one process: with the store on disk under them, its map included. */
export const memoryOfInstances: Scenario = {
  name: 'registry-memory',
  run: () =>
    withDirectory(async (directory) => {
      const fill = ['bench/suite/fill-registry.ts', directory, String(instances)]
      const filled = spawnSync(process.execPath, [...process.execArgv, ...fill], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const bare = measure()
      await using store = await openStore({ directory }, { quotaBytes: 2 ** 33 })
      await using registry = createRegistry({ store })
      await registry.start()
      const full = measure()
      if (registry.stats().instances !== instances) throw new Error('the fleet is not complete')
      const resident = (full.residentBytes - bare.residentBytes) / instances
      const heap = (full.heapBytes - bare.heapBytes) / instances
      return [
        {
          what: '1,000,000 instances with 4 labels on the store on disk, after a restart: resident memory for each, LMDB map included',
          ours: `${resident.toFixed(0)} B`,
          goal: '<= 1,200 B',
          reached: resident <= 1_200,
        },
        { what: 'the same: heap and external memory', ours: `${heap.toFixed(0)} B` },
        {
          what: 'the same in the process that has just registered them, garbage that V8 keeps included',
          ours: `${(Number(filled.stdout.toString()) / instances).toFixed(0)} B`,
        },
      ]
    }),
}

function measure(): { readonly residentBytes: number; readonly heapBytes: number } {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return { residentBytes: residentBytes([process.pid]), heapBytes: heapUsed + external }
}
