import { spawnSync } from 'node:child_process'
import { createRegistry } from '@orrery/registry'
import { openStore } from '@orrery/store'
import { residentBytes } from './process-usage.ts'
import type { Scenario } from './report.ts'
import { withDirectory } from './temporary.ts'

const instances = 1_000_000

/** Memory of this process. */
export interface Memory {
  readonly residentBytes: number
  /** What is in use of the heap, and what belongs to it outside. */
  readonly heapBytes: number
}

/** What a million instances cost in one process: with the store on disk under them, its map included. */
export const memoryOfInstances: Scenario = {
  name: 'registry-memory',
  run: () =>
    withDirectory(async (directory) => {
      const registering = fill(directory)
      const bare = memoryNow()
      await using store = await openStore({ directory }, { quotaBytes: 2 ** 33 })
      await using registry = createRegistry({ store })
      await registry.start()
      const restarted = memorySince(bare)
      if (registry.stats().instances !== instances) throw new Error('the fleet is not complete')
      return [
        {
          what: '1,000,000 instances with 4 labels on the store on disk, after a restart: resident memory for each, LMDB map included',
          ours: each(restarted.residentBytes),
          goal: '<= 1,200 B',
          reached: restarted.residentBytes / instances <= 1_200,
        },
        { what: 'the same: heap and external memory in use', ours: each(restarted.heapBytes) },
        {
          what: 'the same in the process that has just registered them: resident, with what V8 keeps for later',
          ours: each(registering.residentBytes),
        },
        {
          what: 'heap and external memory in use there',
          ours: each(registering.heapBytes),
        },
      ]
    }),
}

/** Collects garbage and measures. */
export function memoryNow(): Memory {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return { residentBytes: residentBytes([process.pid]), heapBytes: heapUsed + external }
}

/** What has come since then. */
export function memorySince(before: Memory): Memory {
  const now = memoryNow()
  return {
    residentBytes: now.residentBytes - before.residentBytes,
    heapBytes: now.heapBytes - before.heapBytes,
  }
}

/** Registers the fleet in another process. @returns what it cost there */
function fill(directory: string): Memory {
  const script = ['bench/suite/fill-registry.ts', directory, String(instances)]
  const { status, stdout } = spawnSync(process.execPath, [...process.execArgv, ...script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error('the fleet could not be registered')
  return JSON.parse(stdout.toString()) as Memory
}

function each(bytes: number): string {
  return `${(bytes / instances).toFixed(0)} B`
}
