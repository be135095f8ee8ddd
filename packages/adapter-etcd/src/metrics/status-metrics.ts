import type { AlarmType, Store, StoreStatus } from '@orrery/store'
import type { Registry } from 'prom-client'
import { Gauge } from 'prom-client'

type StatusGauge = readonly [name: string, help: string, read: (status: StoreStatus) => number]

const flag = (condition: boolean): number => (condition ? 1 : 0)

const statusGauges: readonly StatusGauge[] = [
  ['etcd_server_has_leader', 'Whether a leader is known.', ({ leaderId }) => flag(leaderId !== 0n)],
  [
    'etcd_server_is_leader',
    'Whether this member leads.',
    ({ leaderId, memberId }) => flag(leaderId === memberId),
  ],
  ['etcd_server_is_learner', 'Whether this member is a learner.', ({ isLearner }) => flag(isLearner)],
  [
    'etcd_server_proposals_committed_total',
    'Index of the last committed log entry.',
    ({ commitIndex }) => commitIndex,
  ],
  [
    'etcd_server_proposals_applied_total',
    'Index of the last applied log entry.',
    ({ appliedIndex }) => appliedIndex,
  ],
  ['etcd_server_quota_backend_bytes', 'Quota of the backend.', ({ quotaBytes }) => quotaBytes],
  ['etcd_mvcc_db_total_size_in_bytes', 'Space that the backend occupies.', ({ sizeBytes }) => sizeBytes],
  [
    'etcd_mvcc_db_total_size_in_use_in_bytes',
    'Space of the backend that holds data.',
    ({ sizeInUseBytes }) => sizeInUseBytes,
  ],
  ['etcd_debugging_mvcc_keys_total', 'Keys that exist.', ({ keys }) => keys],
  ['etcd_debugging_mvcc_watcher_total', 'Watchers.', ({ watchers }) => watchers],
  ['etcd_debugging_mvcc_current_revision', 'The newest revision.', ({ revision }) => revision],
  [
    'etcd_debugging_mvcc_compact_revision',
    'The revision of the last compaction, -1 when there was none.',
    ({ compactRevision }) => compactRevision,
  ],
]

const alarmNames: Record<AlarmType, string> = { noSpace: 'NOSPACE', corrupt: 'CORRUPT' }

/** Registers what the store's status tells, read whenever somebody asks. */
export function registerStatusMetrics(registry: Registry, store: Store, version: string): void {
  for (const [name, help, read] of statusGauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read(store.status()))
      },
    })
  }
  labelled(registry, 'etcd_server_version', 'server_version').set({ server_version: version }, 1)
  const minor = version.split('.').slice(0, 2).join('.')
  labelled(registry, 'etcd_cluster_version', 'cluster_version').set({ cluster_version: minor }, 1)
  const serverId = store.status().memberId.toString(16)
  labelled(registry, 'etcd_server_id', 'server_id').set({ server_id: serverId }, 1)
  new Gauge({
    name: 'etcd_debugging_server_alarms',
    help: 'Active alarms.',
    labelNames: ['server_id', 'alarm_type'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { memberId, type } of store.status().alarms) {
        this.set({ server_id: memberId.toString(16), alarm_type: alarmNames[type] }, 1)
      }
    },
  })
}

function labelled<Label extends string>(registry: Registry, name: string, label: Label): Gauge<Label> {
  return new Gauge({
    name,
    help: `Always 1, says which ${label}.`,
    labelNames: [label],
    registers: [registry],
  })
}
