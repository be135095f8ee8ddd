import type { Instance } from '@orrery/registry'

/** An instance as a registry has it. */
export function instance(changes: Partial<Instance> = {}): Instance {
  return {
    namespace: 'default',
    service: 'shop',
    id: 'a',
    host: '10.0.0.1',
    port: 8080,
    protocol: 'http',
    version: '',
    weight: 100,
    priority: 0,
    location: { region: '', zone: '', campus: '' },
    metadata: {},
    logicalSet: '',
    isolated: false,
    healthy: true,
    reportedHealthy: true,
    expired: false,
    healthReason: 'registered',
    healthChangedMs: 0,
    ttlMs: 90_000,
    heartbeatIntervalMs: 30_000,
    evictAfterMs: 60_000,
    extensions: {},
    revision: 1,
    createdRevision: 1,
    ...changes,
  }
}
