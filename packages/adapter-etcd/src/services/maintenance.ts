import type { Alarm, AlarmType } from '@orrery/store'
import { toId, toSafeInteger } from '../codec/int64.ts'
import { EtcdError } from '../errors.ts'
import type { etcdserverpb } from '../generated/messages.js'
import type { Server } from './server.ts'
import type { CallContext, MaintenanceService } from './services.ts'
import { snapshot } from './snapshot.ts'

/** Creates the operator's service. */
export function maintenanceService(server: Server): MaintenanceService {
  const { store, options } = server
  return {
    alarm: server.unary((request, context) => alarm(server, request, context)),
    status: server.unary(() => Promise.resolve(status(server))),
    // Space is reused without it; what there is to do is to write out what is held back. The answer has no header.
    defragment: server.unary(async (_request, context) => {
      await store.flush(context)
      return {}
    }),
    hash: server.unary(async (_request, context) => {
      const { hash, revision } = await store.hashKv({}, context)
      return { header: server.header(revision), hash }
    }),
    hashKv: server.unary(async ({ revision }, context) => {
      const result = await store.hashKv({ revision: toSafeInteger(revision) }, context)
      const { hash, hashRevision, compactRevision } = result
      return { header: server.header(result.revision), hash, hashRevision, compactRevision }
    }),
    snapshot: server.serverStream((_request, context) =>
      snapshot(server, storageVersion(options.version), context),
    ),
    moveLeader: server.unary(async ({ targetID }, context) => {
      const { memberId, leaderId } = store.status()
      if (leaderId !== memberId) throw new EtcdError('ETCD_NOT_LEADER')
      await store.cluster.transferLeadership(toId(targetID), context)
      return { header: server.header() }
    }),
    downgrade: server.unary((request) => Promise.reject(downgradeRefusal(request))),
  }
}

const alarmTypes: readonly (AlarmType | undefined)[] = [undefined, 'noSpace', 'corrupt']

async function alarm(
  server: Server,
  request: etcdserverpb.AlarmRequest,
  context: CallContext,
): Promise<etcdserverpb.AlarmResponse> {
  const { alarms } = server.store
  const type = alarmTypes[request.alarm ?? 0]
  const memberId = toId(request.memberID)
  let affected: readonly Alarm[] = []
  if (request.action === 1 && type !== undefined) {
    affected = await alarms.activate({ memberId, type }, context)
  } else if (request.action === 2 && type !== undefined) {
    affected = await alarms.deactivate({ memberId, type }, context)
  } else if (!request.action) {
    affected = alarms
      .list()
      .filter((active) => type === undefined || active.type === type)
      .filter((active) => memberId === 0n || active.memberId === memberId)
  }
  return {
    header: server.header(),
    alarms: affected.map((active) => ({
      memberID: active.memberId,
      alarm: alarmTypes.indexOf(active.type),
    })),
  }
}

const alarmNames: Readonly<Record<AlarmType, string>> = { noSpace: 'NOSPACE', corrupt: 'CORRUPT' }

function status(server: Server): etcdserverpb.StatusResponse {
  const { version } = server.options
  const state = server.store.status()
  const errors = state.alarms.map(
    ({ memberId, type }) => `memberID:${String(memberId)} alarm:${alarmNames[type]} `,
  )
  if (state.leaderId === 0n) errors.push('etcdserver: no leader')
  return {
    header: server.header(),
    version,
    storageVersion: storageVersion(version),
    dbSize: state.sizeBytes,
    dbSizeInUse: state.sizeInUseBytes,
    dbSizeQuota: state.quotaBytes,
    leader: state.leaderId,
    isLearner: state.isLearner,
    raftIndex: state.commitIndex,
    raftAppliedIndex: state.appliedIndex,
    raftTerm: state.term,
    errors,
    downgradeInfo: { enabled: false },
  }
}

/** Storage has the version of the minor release. */
function storageVersion(version: string): string {
  const [major = '0', minor = '0'] = version.split('.')
  return `${major}.${minor}.0`
}

/** No etcd release can take over what this store wrote, so that there is no version to go down to. */
function downgradeRefusal({ action, version }: etcdserverpb.DowngradeRequest): EtcdError {
  if (action === 2) return new EtcdError('ETCD_NO_INFLIGHT_DOWNGRADE')
  if (!/^\d+\.\d+(\.\d+)?$/.test(version ?? '')) return new EtcdError('ETCD_WRONG_DOWNGRADE_FORMAT')
  return new EtcdError('ETCD_INVALID_DOWNGRADE_TARGET')
}
