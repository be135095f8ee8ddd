import { StoreError } from '../errors.ts'
import type { Cluster, ClusterMember } from './cluster.ts'

/** The cluster of a store that keeps to one process. */
export function localCluster(memberId: bigint): Cluster {
  const member: ClusterMember = {
    id: memberId,
    name: '',
    peerAddresses: [],
    clientUrls: [],
    isLearner: false,
  }
  const refuse = (): Promise<never> =>
    Promise.reject(new StoreError('STORE_NOT_REPLICATED', 'this store keeps to one process'))
  const refuseUnknown = (id: bigint): Promise<never> =>
    id === memberId
      ? refuse()
      : Promise.reject(new StoreError('STORE_MEMBER_NOT_FOUND', 'there is no such member'))
  return {
    members: () => Promise.resolve([member]),
    add: refuse,
    remove: refuseUnknown,
    update: refuseUnknown,
    promote: refuseUnknown,
    transferLeadership: (to) =>
      to === memberId
        ? Promise.resolve()
        : Promise.reject(new StoreError('STORE_BAD_TRANSFEREE', 'there is no other voter')),
  }
}
