import type { Store } from '@orrery/store'
import { Counter, Registry } from 'prom-client'
import { etcdServicesDefaults } from '../services/options.ts'
import type { EtcdServices } from '../services/services.ts'
import { CallMetrics } from './call-metrics.ts'
import { KvMetrics } from './kv-metrics.ts'
import { meterServices } from './metered-services.ts'
import { registerProcessMetrics } from './process-metrics.ts'
import { registerStatusMetrics } from './status-metrics.ts'

/** The metrics of one etcd server, under the names that etcd's dashboards use. */
export interface EtcdMetrics {
  /**
   * The same services, counted. Mount the result on every transport: calls over gRPC and HTTP then count
   * alike, as in etcd, whose gateway is a gRPC client.
   */
  meter(services: EtcdServices): EtcdServices
  /** Counts one answer of `/health`; fits `onHealthChecked` of the health plugin. */
  readonly healthChecked: (healthy: boolean) => void
  /** All metrics now, in the text format of Prometheus. */
  expose(): Promise<string>
  /** Media type of {@link EtcdMetrics.expose}. */
  readonly contentType: string
}

/**
 * Creates the metrics of one server, in a registry of their own: several servers in one process do not meet.
 *
 * @param options `version`: the etcd version to present, by default that of the services
 */
export function createEtcdMetrics(
  { store }: { readonly store: Store },
  { version = etcdServicesDefaults.version }: { readonly version?: string | undefined } = {},
): EtcdMetrics {
  const registry = new Registry()
  const calls = new CallMetrics(registry)
  const kv = new KvMetrics(registry)
  registerStatusMetrics(registry, store, version)
  registerProcessMetrics(registry)
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] })
  const successes = counter('etcd_server_health_success', 'Answers of /health that were healthy.')
  const failures = counter('etcd_server_health_failures', 'Answers of /health that were not.')
  return {
    meter: (services) => meterServices(services, calls, kv),
    healthChecked: (healthy) => {
      ;(healthy ? successes : failures).inc()
    },
    expose: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
