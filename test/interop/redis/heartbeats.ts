import type { HeartbeatStore } from '@orrery/registry'
import { until } from './redis-server.ts'

/** What calls fail with while Redis is away. */
export const unavailable = { code: 'HEARTBEATS_UNAVAILABLE' }

/** Options of a store that notices soon what happens to its Redis. */
export const quick = { commandTimeoutMs: 500, reconnectMinMs: 5, reconnectMaxMs: 50 }

/** Resolves when the store has recorded. */
export async function recovered(store: HeartbeatStore, subjects = ['recovered']): Promise<void> {
  await until(() =>
    store.record(subjects).then(
      () => true,
      () => false,
    ),
  )
}

/** Names like those of instances. */
export function subjectsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `production/service-${index % 1_000}/instance-${index}`)
}
