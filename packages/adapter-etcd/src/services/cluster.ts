import { type Int64, toId } from '../codec/int64.ts'
import { EtcdError } from '../errors.ts'
import type { MemberDescription } from './options.ts'
import type { Server } from './server.ts'
import type { ClusterService } from './services.ts'

/** Creates the service of members. This one is the only member, and stays so. */
export function clusterService(server: Server, member: MemberDescription): ClusterService {
  const unsupported = server.unary(() => Promise.reject(new EtcdError('ETCD_UNIMPLEMENTED')))
  /** A change of one member: another one than this is known not to exist. */
  const change = server.unary((request: { readonly ID?: Int64 }) => {
    const asked = BigInt.asUintN(64, toId(request.ID))
    const own = BigInt.asUintN(64, server.store.status().memberId)
    return Promise.reject(new EtcdError(asked === own ? 'ETCD_UNIMPLEMENTED' : 'ETCD_MEMBER_NOT_FOUND'))
  })
  return {
    memberAdd: unsupported,
    memberRemove: change,
    memberUpdate: change,
    memberPromote: change,
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
