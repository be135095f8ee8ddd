import type { ClusterMember } from '@orrery/store'
import { toId } from '../codec/int64.ts'
import { EtcdError } from '../errors.ts'
import type { etcdserverpb } from '../generated/messages.js'
import type { MemberDescription } from './options.ts'
import type { Server } from './server.ts'
import type { ClusterService } from './services.ts'

/** Creates the service of members. */
export function clusterService(server: Server, described: MemberDescription): ClusterService {
  const { cluster } = server.store
  const toMembers = (members: readonly ClusterMember[]): etcdserverpb.Member[] => {
    const { memberId } = server.store.status()
    return members.map((member) => toMember(member, member.id === memberId ? described : {}))
  }
  return {
    memberAdd: server.unary(async ({ peerURLs, isLearner }, context) => {
      const peerAddresses = toAddresses(peerURLs)
      const { member, members } = await cluster.add({ peerAddresses, isLearner: isLearner === true }, context)
      return { header: server.memberHeader(), member: toMember(member, {}), members: toMembers(members) }
    }),
    memberRemove: server.unary(async ({ ID }, context) => {
      const { members } = await cluster.remove(toId(ID), context)
      return { header: server.memberHeader(), members: toMembers(members) }
    }),
    memberUpdate: server.unary(async ({ ID, peerURLs }, context) => {
      const { members } = await cluster.update(toId(ID), toAddresses(peerURLs), context)
      return { header: server.memberHeader(), members: toMembers(members) }
    }),
    memberPromote: server.unary(async ({ ID }, context) => {
      const { members } = await cluster.promote(toId(ID), context)
      return { header: server.memberHeader(), members: toMembers(members) }
    }),
    memberList: server.unary(async ({ linearizable }, context) => {
      const members = await cluster.members({ ...context, serializable: linearizable !== true })
      return { header: server.memberHeader(), members: toMembers(members) }
    }),
  }
}

/** What the cluster does not know of this member, its host does. */
function toMember(member: ClusterMember, described: MemberDescription): etcdserverpb.Member {
  const { id, name, peerAddresses, clientUrls, isLearner } = member
  const isAlone = peerAddresses.length === 0
  return {
    ID: id,
    name: name === '' ? (described.name ?? (isAlone ? 'default' : '')) : name,
    peerURLs: isAlone ? (described.peerUrls ?? []) : peerAddresses.map(toUrl),
    clientURLs: clientUrls.length === 0 ? (described.clientUrls ?? []) : clientUrls,
    isLearner,
  }
}

/**
 * Members are reached at host and port; etcd's clients speak of them as URLs.
 *
 * @throws EtcdError `ETCD_MEMBER_URLS_INVALID`
 */
function toAddresses(urls: readonly string[] | null | undefined): string[] {
  if ((urls ?? []).length === 0) throw new EtcdError('ETCD_MEMBER_URLS_INVALID')
  const addresses = (urls ?? []).map((url) => {
    const [, address] = /^https?:\/\/([^/?#@]+:\d{1,5})\/?$/.exec(url) ?? []
    if (address === undefined) throw new EtcdError('ETCD_MEMBER_URLS_INVALID')
    return address
  })
  return [...new Set(addresses)].sort()
}

function toUrl(address: string): string {
  return address.includes('://') ? address : `http://${address}`
}
