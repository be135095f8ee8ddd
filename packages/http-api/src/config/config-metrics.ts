import type { ConfigHub, ConfigHubStats } from '@orrery/config-hub'
import type { ApiMetrics } from '../stat-metrics.ts'
import { StatMetrics } from '../stat-metrics.ts'

/** What the API itself has open. */
export interface ConfigApiLoad {
  readonly streams: () => number
  readonly pending: () => number
}

/** The metrics of one hub, and of its API. */
export function createConfigMetrics(hub: ConfigHub, { streams, pending }: ConfigApiLoad): ApiMetrics {
  const metrics = new StatMetrics(() => hub.stats())
  addSizes(metrics)
  addCounters(metrics)
  return metrics
    .gauge('orrery_config_ready', 'Whether the hub serves.', () => Number(hub.state === 'ready'))
    .gauge('orrery_config_http_streams', 'Open streams of /watch.', streams)
    .gauge('orrery_config_http_pending', 'Long-polls, and reads that wait, of the API.', pending)
}

function addSizes(metrics: StatMetrics<ConfigHubStats>): void {
  metrics
    .gauge('orrery_config_revision', 'Up to which the hub follows the store.', (stats) => stats.revision)
    .gauge('orrery_config_groups', 'Groups.', (stats) => stats.groups)
    .gauge('orrery_config_files', 'Files.', (stats) => stats.files)
    .gauge(
      'orrery_config_released_files',
      'Files of which somebody sees something.',
      (stats) => stats.released,
    )
    .gauge('orrery_config_watchers', 'Watchers, over any protocol.', (stats) => stats.watchers)
    .gauge('orrery_config_polls', 'Long-polls, over any protocol.', (stats) => stats.polls)
    .gauge('orrery_config_cache_entries', 'Contents in memory.', ({ cache }) => cache.entries)
    .gauge('orrery_config_cache_bytes', 'Contents in memory, together.', ({ cache }) => cache.bytes)
    .gauge('orrery_config_queue_items', 'Writes that wait.', ({ writes }) => writes.queued)
}

function addCounters(metrics: StatMetrics<ConfigHubStats>): void {
  metrics
    .counter(
      'orrery_config_delivered_total',
      'Changes given to watchers and polls.',
      (stats) => stats.delivered,
    )
    .counter(
      'orrery_config_skipped_total',
      'Releases that watchers never got because newer ones came first.',
      (stats) => stats.skipped,
    )
    .counters(
      ['orrery_config_reads_total', 'answer'],
      'Reads of contents, by where they were found.',
      ({ cache }) => ({ memory: cache.hits, store: cache.misses }),
    )
    .counter('orrery_config_writes_total', 'Writes that were done.', ({ writes }) => writes.done)
    .counter(
      'orrery_config_write_conflicts_total',
      'Writes that met another revision than they were decided on.',
      ({ writes }) => writes.conflicts,
    )
}
