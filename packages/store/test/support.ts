import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { systemClock } from '@orrery/environment/system'
import type { Store } from '@orrery/store'
import { afterEach } from 'vitest'

const roots: string[] = []
const stores: Store[] = []

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()))
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true })
})

/** A path in a fresh directory that is removed after the test. Nothing exists there yet. */
export function freshPath(): string {
  const root = mkdtempSync(join(tmpdir(), 'orrery-store-'))
  roots.push(root)
  return join(root, 'store')
}

/** Closes a store after the test. */
export function closedLater<S extends Store>(store: S): S {
  stores.push(store)
  return store
}

/** Time stands still until the test advances it; turns of the event loop are real. */
export function stillEnvironment(seed = 1): ManualEnvironment {
  const environment = createManualEnvironment(seed)
  const { clock } = environment
  return { ...environment, clock: { ...clock, pending: 0, defer: (callback) => systemClock.defer(callback) } }
}

/** Lets everything that can happen without time happen. */
export async function nextTurns(count = 3): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  return undefined
}
