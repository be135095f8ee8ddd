import type { Registry, RegistryStats } from '@orrery/registry'
import type { ApiMetrics } from './stat-metrics.ts'
import { StatMetrics } from './stat-metrics.ts'

/** The metrics of one registry. @param streams open streams of the API */
export function createRegistryMetrics(registry: Registry, streams: () => number): ApiMetrics {
  const metrics = new StatMetrics(() => registry.stats())
  addSizes(metrics)
  addCounters(metrics)
  return metrics
    .gauge('orrery_registry_ready', 'Whether the registry serves.', () => Number(registry.state === 'ready'))
    .gauge('orrery_registry_revision', 'Up to which the views follow the store.', () => registry.revision)
    .gauge('orrery_registry_http_streams', 'Open streams of /subscribe.', streams)
}

function addSizes(metrics: StatMetrics<RegistryStats>): void {
  metrics
    .gauge('orrery_registry_namespaces', 'Namespaces.', (stats) => stats.namespaces)
    .gauge('orrery_registry_services', 'Services.', (stats) => stats.services)
    .gauge('orrery_registry_instances', 'Instances.', (stats) => stats.instances)
    .gauge('orrery_registry_healthy_instances', 'Healthy instances.', (stats) => stats.healthy)
    .gauge('orrery_registry_judged_instances', 'Instances that this member judges.', (stats) => stats.judged)
    .gauge(
      'orrery_registry_subscriptions',
      'Subscriptions, over any protocol.',
      (stats) => stats.subscriptions,
    )
    .gauge(
      'orrery_registry_protection_active',
      'Whether evictions are held back, of the whole registry.',
      ({ protection }) => Number(protection.active),
    )
    .gauge(
      'orrery_registry_protected_services',
      'Services whose evictions are held back.',
      ({ protection }) => protection.services,
    )
    .gauge(
      'orrery_registry_evictions_held_back',
      'Instances that would be evicted otherwise.',
      ({ protection }) => protection.heldBack,
    )
    .gauges(
      ['orrery_registry_queue_items', 'kind'],
      'What waits to be written, by kind.',
      ({ queued }) => queued,
    )
}

function addCounters(metrics: StatMetrics<RegistryStats>): void {
  metrics
    .counters(
      ['orrery_registry_heartbeats_total', 'answer'],
      'Heartbeats, by their answer.',
      (stats) => stats.heartbeats,
    )
    .counters(
      ['orrery_registry_health_changes_total', 'reason'],
      'Changes of health that this member learned of.',
      (stats) => stats.healthChanges,
    )
    .counters(
      ['orrery_registry_removals_total', 'reason'],
      'Removals of instances that this member learned of.',
      (stats) => stats.removals,
    )
    .counters(
      ['orrery_registry_judging_paused_total', 'cause'],
      'How often judging of health stood still.',
      (stats) => stats.judgingPaused,
    )
}
