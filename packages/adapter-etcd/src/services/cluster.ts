import { EtcdError } from '../errors.ts'
import type { MemberDescription } from './options.ts'
import type { Server } from './server.ts'
import type { ClusterService } from './services.ts'

/** Creates the service of members. This one is the only member, and stays so. */
export function clusterService(server: Server, member: MemberDescription): ClusterService {
  const unsupported = server.unary(() => Promise.reject(new EtcdError('ETCD_UNIMPLEMENTED')))
  return {
    memberAdd: unsupported,
    memberRemove: unsupported,
    memberUpdate: unsupported,
    memberPromote: unsupported,
    memberList: server.unary(() => {
      const { memberId, isLearner } = server.store.status()
      const described = {
        ID: memberId,
        name: member.name ?? 'default',
        peerURLs: member.peerUrls ?? [],
        clientURLs: member.clientUrls ?? [],
        isLearner,
      }
      return Promise.resolve({ header: server.memberHeader(), members: [described] })
    }),
  }
}
