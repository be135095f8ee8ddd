import type { Registry, RegistryStats } from '@orrery/registry'
import { Counter, Gauge, Registry as MetricsRegistry } from 'prom-client'

/** The metrics of one registry, in a registry of metrics of their own: several in one process do not meet. */
export interface RegistryMetrics {
  /** All of them now, in the text format of Prometheus. */
  expose(): Promise<string>
  /** Media type of {@link RegistryMetrics.expose}. */
  readonly contentType: string
}

/** Takes over what a registry counts. */
type Update = (stats: RegistryStats) => void

/** @param streams open streams of the API; absent: there is none */
export function createRegistryMetrics(registry: Registry, streams: () => number): RegistryMetrics {
  const metrics = new MetricsRegistry()
  const updates: readonly Update[] = [
    ...sizes(metrics),
    ...countersByLabel(metrics),
    gauge(metrics, 'orrery_registry_ready', 'Whether the registry serves.', () =>
      Number(registry.state === 'ready'),
    ),
    gauge(
      metrics,
      'orrery_registry_revision',
      'Up to which the views follow the store.',
      () => registry.revision,
    ),
    gauge(metrics, 'orrery_registry_http_streams', 'Open streams of /subscribe.', streams),
  ]
  return {
    contentType: metrics.contentType,
    expose: () => {
      const stats = registry.stats()
      for (const update of updates) update(stats)
      return metrics.metrics()
    },
  }
}

function sizes(metrics: MetricsRegistry): readonly Update[] {
  return [
    gauge(metrics, 'orrery_registry_namespaces', 'Namespaces.', (stats) => stats.namespaces),
    gauge(metrics, 'orrery_registry_services', 'Services.', (stats) => stats.services),
    gauge(metrics, 'orrery_registry_instances', 'Instances.', (stats) => stats.instances),
    gauge(metrics, 'orrery_registry_healthy_instances', 'Healthy instances.', (stats) => stats.healthy),
    gauge(
      metrics,
      'orrery_registry_judged_instances',
      'Instances that this member judges.',
      (stats) => stats.judged,
    ),
    gauge(
      metrics,
      'orrery_registry_subscriptions',
      'Subscriptions, over any protocol.',
      (stats) => stats.subscriptions,
    ),
    gauge(
      metrics,
      'orrery_registry_protection_active',
      'Whether evictions are held back, of the whole registry.',
      ({ protection }) => Number(protection.active),
    ),
    gauge(
      metrics,
      'orrery_registry_protected_services',
      'Services whose evictions are held back.',
      ({ protection }) => protection.services,
    ),
    gauge(
      metrics,
      'orrery_registry_evictions_held_back',
      'Instances that would be evicted otherwise.',
      ({ protection }) => protection.heldBack,
    ),
    queueLengths(metrics),
  ]
}

function countersByLabel(metrics: MetricsRegistry): readonly Update[] {
  return [
    counter(
      metrics,
      ['orrery_registry_heartbeats_total', 'answer'],
      'Heartbeats, by their answer.',
      (stats) => stats.heartbeats,
    ),
    counter(
      metrics,
      ['orrery_registry_health_changes_total', 'reason'],
      'Changes of health that this member learned of.',
      (stats) => stats.healthChanges,
    ),
    counter(
      metrics,
      ['orrery_registry_removals_total', 'reason'],
      'Removals of instances that this member learned of.',
      (stats) => stats.removals,
    ),
    counter(
      metrics,
      ['orrery_registry_judging_paused_total', 'cause'],
      'How often judging of health stood still.',
      (stats) => stats.judgingPaused,
    ),
  ]
}

function gauge(
  metrics: MetricsRegistry,
  name: string,
  help: string,
  read: (stats: RegistryStats) => number,
): Update {
  const target = new Gauge({ name, help, registers: [metrics] })
  return (stats) => target.set(read(stats))
}

function queueLengths(metrics: MetricsRegistry): Update {
  const target = new Gauge({
    name: 'orrery_registry_queue_items',
    help: 'What waits to be written, by kind.',
    labelNames: ['kind'],
    registers: [metrics],
  })
  return ({ queued }) => {
    for (const [kind, items] of Object.entries(queued)) target.set({ kind }, items)
  }
}

/** A counter that takes over sums which the registry keeps. */
function counter(
  metrics: MetricsRegistry,
  [name, label]: readonly [name: string, label: string],
  help: string,
  read: (stats: RegistryStats) => Readonly<Record<string, number>>,
): Update {
  const target = new Counter({ name, help, labelNames: [label], registers: [metrics] })
  return (stats) => {
    target.reset()
    for (const [value, sum] of Object.entries(read(stats))) target.inc({ [label]: value }, sum)
  }
}
